"""Each method of xaitutor.attribution beside the published implementations, and beside the bare passes that it needs."""

import time
import warnings
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple

import captum.attr
import pytorch_grad_cam
import torch
import torchcam.methods
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torchvision.models import resnet18

from xaitutor import attribution

TARGET, COPIES, BATCH = 7, 8, 16  # BATCH: how many copies SmoothGrad and integrated gradients hold at a time, all alike
NAMES = ["forward", "forward, backward to layer4", "forward, backward", "2 forward, backward",
         f"{COPIES} × (forward, backward)"]
GOALS = {"gradient": 1.1, "deconvnet": 1.1, "guided_backprop": 1.1, "cam": 1.1, "grad_cam": 1.1,
         "smoothgrad": 1.2, "integrated_gradients": 1.2}  # × the bare passes


class Row(NamedTuple):
    """Seconds of each round: of one method, of the references by their names, and of the bare passes called `bare`."""

    method: str
    images: int
    ours: list[float]
    references: dict[str, list[float]]
    bare: str
    bare_seconds: list[float]


def measure(size: int = 224, rounds: dict[int, int] | None = None) -> list[Row]:
    """Every method at each number of images in `rounds`, in processor time on one core."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = resnet18().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Captum announces its hooks
        return [row for images, count in (rounds or {1: 6, 16: 3}).items()
                for row in rows(model, torch.randn(images, 3, size, size), count)]


def rows(model, x, rounds: int) -> list[Row]:
    """What needs the same bare passes is called in turn, so that what disturbs one disturbs all."""
    bare, ours, references = bare_passes(model, x), our_methods(model, x), their_methods(model, x)
    found = []
    for name, methods in ours.items():
        calls = {("bare", name): bare[name]}
        for method, call in methods.items():
            calls |= {("ours", method): call} | {(method, who): c for who, c in references.get(method, {}).items()}
        long = name == NAMES[-1] and len(x) * COPIES > BATCH  # a quarter of a minute a call: one round
        seconds = in_turn(calls, 1 if long else rounds)
        for method in methods:
            theirs = {who: seconds[method, who] for who in references.get(method, {})}
            found.append(Row(method, len(x), seconds["ours", method], theirs, name, seconds["bare", name]))
    return found


def in_turn(calls: dict, rounds: int) -> dict[str, list[float]]:
    """Seconds of processor time of each call in each round (where there are several, the first does not count)."""
    seconds = {key: [] for key in calls}
    for _ in range(rounds):
        for key, call in calls.items():
            start = time.process_time()
            call()
            seconds[key].append(time.process_time() - start)
    return {key: values[rounds > 1:] for key, values in seconds.items()}


def ratio(a: list[float], b: list[float]) -> float:
    return median(x / y for x, y in zip(a, b))


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table."""
    theirs = row.references.items()
    return (f"`{row.method}`", str(row.images), f"{median(row.ours):.3f}",
            "; ".join(f"{who} {median(seconds):.3f}" for who, seconds in theirs) or "–",
            "; ".join(f"{ratio(row.ours, seconds):.2f}" for _, seconds in theirs) or "–",
            f"{row.bare}: {median(row.bare_seconds):.3f}", f"{ratio(row.ours, row.bare_seconds):.2f}")


def missed(rows: list[Row]) -> list[str]:
    """Where a goal is missed, and by what ratio."""
    found = []
    for row in rows:
        where = f"`{row.method}` at batch {row.images}"
        pairs = [(who, seconds, 1.0) for who, seconds in row.references.items()]
        pairs += [("bare", row.bare_seconds, GOALS[row.method])] if row.method in GOALS else []
        found += [f"{where}: {ratio(row.ours, seconds):.3f} × {who}" for who, seconds, goal in pairs
                  if ratio(row.ours, seconds) > goal]
    return found


def bare_passes(model, x) -> dict:
    """What the methods cannot do without. Parameters require gradients, as in the methods, but none is asked for."""
    copies = x.repeat_interleave(COPIES, dim=0).split(BATCH)

    def forward():
        with torch.no_grad():
            model(x)

    def to_layer4():
        with output_of(model.layer4) as outputs:
            score = model(x)[:, TARGET].sum()
        torch.autograd.grad(score, outputs)

    def to_input(x=x):
        leaf = x.detach().requires_grad_()
        torch.autograd.grad(model(leaf)[:, TARGET].sum(), leaf)

    return dict(zip(NAMES, [forward, to_layer4, to_input, lambda: (to_layer4(), to_input()),
                            lambda: [to_input(part) for part in copies]]))


@contextmanager
def output_of(module):
    outputs = []
    handle = module.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        handle.remove()


def our_methods(model, x) -> dict:
    """Our calls, by the bare passes that they need."""
    def calls(*names, **options):
        return {name: lambda name=name: getattr(attribution, name)(model, x, TARGET, **options) for name in names}

    return dict(zip(NAMES, [
        calls("cam", "fem"), calls("grad_cam"), calls("gradient", "gradient_x_input", "deconvnet", "guided_backprop"),
        calls("guided_grad_cam"),
        calls("smoothgrad", samples=COPIES, batch_size=BATCH)
        | calls("integrated_gradients", steps=COPIES, batch_size=BATCH)]))


def their_methods(model, x) -> dict:
    """The published implementations of each method, by its name."""
    def captums(kind, *layers, **options):
        def call():
            kind(model, *layers).attribute(x.clone().requires_grad_(), target=TARGET, **options)
        return {"Captum": call}

    def noise_tunnel(model):
        return captum.attr.NoiseTunnel(captum.attr.Saliency(model))

    at_a_time = max(1, min(COPIES, BATCH // len(x)))  # of each image
    return {
        "gradient": captums(captum.attr.Saliency, abs=False),
        "gradient_x_input": captums(captum.attr.InputXGradient),
        "deconvnet": captums(captum.attr.Deconvolution),
        "guided_backprop": captums(captum.attr.GuidedBackprop),
        "cam": {"TorchCAM": lambda: torchcams("CAM", model, x)},
        "grad_cam": captums(captum.attr.LayerGradCam, model.layer4, relu_attributions=True)
        | {"TorchCAM": lambda: torchcams("GradCAM", model, x), "grad-cam": lambda: grad_cams(model, x)},
        "guided_grad_cam": captums(captum.attr.GuidedGradCam, model.layer4, interpolate_mode="bilinear"),
        "smoothgrad": captums(noise_tunnel, nt_samples=COPIES, nt_samples_batch_size=at_a_time, abs=False),
        "integrated_gradients": captums(captum.attr.IntegratedGradients, n_steps=COPIES, internal_batch_size=BATCH),
    }


def torchcams(kind: str, model, x) -> None:
    layers = {"target_layer": "layer4"} | ({"fc_layer": "fc"} if kind == "CAM" else {})
    with torch.set_grad_enabled(kind == "GradCAM"), getattr(torchcam.methods, kind)(model, **layers) as extractor:
        extractor(TARGET, model(x))


def grad_cams(model, x) -> None:
    with pytorch_grad_cam.GradCAM(model, [model.layer4]) as extractor:
        extractor(x, [ClassifierOutputTarget(TARGET)] * len(x))
    model.zero_grad()  # it leaves gradients at the weights
