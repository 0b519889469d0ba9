"""Each method of xaitutor.attribution beside the published implementations, and beside the bare passes that it needs."""

import copy
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import NamedTuple

import captum.attr
import pytorch_grad_cam
import torch
import torchcam.methods
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torchvision.models import resnet18
from zennit.attribution import Gradient
from zennit.composites import LayerMapComposite, layer_map_base
from zennit.rules import Epsilon, Norm
from zennit.torchvision import ResNetCanonizer

from xaitutor import attribution

TARGET, COPIES, BATCH = 7, 8, 16  # BATCH: how many copies SmoothGrad and integrated gradients hold at a time, all alike
PAIRS = 3  # of a picture and a reference, in Deep SHAP


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
    found = []
    for name, bare in bare_passes(model, x).items():
        facts = {method: fact for method, fact in FACTS.items() if fact.bare == name}
        references = {method: fact.references(model, x) for method, fact in facts.items()}
        calls = {("bare", name): bare} | {("ours", method): partial(getattr(attribution, method), model, x, TARGET, **fact.options_for(x))
                                          for method, fact in facts.items()}
        calls |= {(method, who): call for method, theirs in references.items() for who, call in theirs.items()}
        long = name == MANY and len(x) * COPIES > BATCH  # a quarter of a minute a call: one round
        seconds = in_turn(calls, 1 if long else rounds)
        found += [Row(method, len(x), seconds["ours", method], {who: seconds[method, who] for who in theirs}, name, seconds["bare", name])
                  for method, theirs in references.items()]
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
        goal = FACTS[row.method].goal
        pairs += [("bare", row.bare_seconds, goal)] if goal else []
        found += [f"{where}: {ratio(row.ours, seconds):.3f} × {who}" for who, seconds, goal in pairs
                  if ratio(row.ours, seconds) > goal]
    return found


def bare_passes(model, x) -> dict:
    """What the methods cannot do without. Parameters require gradients, as in the methods, but none is asked for."""
    copies = x.repeat_interleave(COPIES, dim=0).split(BATCH)
    twice = torch.cat([x, x])

    def forward(x=x):
        with torch.no_grad():
            model(x)

    def to_layer4():
        with output_of(model.layer4) as outputs:
            score = model(x)[:, TARGET].sum()
        torch.autograd.grad(score, outputs)

    def to_input(x=x):
        leaf = x.detach().requires_grad_()
        torch.autograd.grad(model(leaf)[:, TARGET].sum(), leaf)

    return dict(zip((FORWARD, HALF, BOTH, ONE_AND_A_HALF, TWICE, SEVERAL, MANY, ASKED), (
        forward, to_layer4, to_input, lambda: (to_layer4(), to_input()), lambda: to_input(twice),
        lambda: [to_input(twice) for _ in range(PAIRS)], lambda: [to_input(part) for part in copies],
        lambda: [forward(part) for part in copies])))


@contextmanager
def output_of(module):
    outputs = []
    handle = module.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        handle.remove()


def captums(kind: str, layer: str = "", **options) -> Callable:
    """Captum's class of that name, as `references` of a `Fact`."""
    def references(model, x):
        layers = [getattr(model, layer)] if layer else []
        method = getattr(captum.attr, kind)
        return {"Captum": lambda: method(model, *layers).attribute(x.clone().requires_grad_(), target=TARGET, **options)}
    return references


def captums_smoothgrad(model, x) -> dict:
    at_a_time = max(1, min(COPIES, BATCH // len(x)))  # of each image
    tunnel = captum.attr.NoiseTunnel(captum.attr.Saliency(model))
    return {"Captum": lambda: tunnel.attribute(x.clone().requires_grad_(), target=TARGET, nt_samples=COPIES,
                                               nt_samples_batch_size=at_a_time, abs=False)}


def third(x) -> int:
    """The side of one of nine windows: with the picture itself ten passes."""
    return -(-x.shape[2] // 3)


def captums_occlusion(model, x) -> dict:
    return captums("Occlusion", sliding_window_shapes=(3, third(x), third(x)), strides=(3, third(x), third(x)))(model, x)


def few_regions(x) -> dict:
    """Four stripes: noise has no superpixels."""
    stripes = 4 * torch.arange(x.shape[3]) // x.shape[3]
    return {"samples": COPIES, "batch_size": BATCH, "regions": stripes.expand(x.shape[2:])}


def several_grad_cams(model, x) -> dict:
    captum_s = captums("LayerGradCam", "layer4", relu_attributions=True)(model, x)
    return captum_s | {"TorchCAM": lambda: torchcams("GradCAM", model, x), "grad-cam": lambda: grad_cams(model, x)}


def zennits(model, x) -> dict:
    """ε for linear layers and convolutions, as zennit does it with its networks canonised. It changes a copy."""
    model = copy.deepcopy(model)
    rules = [(nn.Conv2d, Epsilon()), (nn.Linear, Epsilon()), (nn.AdaptiveAvgPool2d, Norm())]

    def call():
        composite = LayerMapComposite(layer_map=[*rules, *layer_map_base()], canonizers=[ResNetCanonizer()])
        with Gradient(model=model, composite=composite) as attributor:
            attributor(x.clone().requires_grad_(), torch.eye(1000)[[TARGET] * len(x)])
    return {"zennit": call}


def torchcams(kind: str, model, x) -> None:
    layers = {"target_layer": "layer4"} | ({"fc_layer": "fc"} if kind == "CAM" else {})
    with torch.set_grad_enabled(kind == "GradCAM"), getattr(torchcam.methods, kind)(model, **layers) as extractor:
        extractor(TARGET, model(x))


def grad_cams(model, x) -> None:
    with pytorch_grad_cam.GradCAM(model, [model.layer4]) as extractor:
        extractor(x, [ClassifierOutputTarget(TARGET)] * len(x))
    model.zero_grad()  # it leaves gradients at the weights


class Fact(NamedTuple):
    """How a method is measured: the `bare` passes it needs, the `goal` as a multiple of them (or None), its `options`, perhaps a function of x,
    and what it is measured against: `references(model, x)` gives calls by their names."""

    bare: str
    goal: float | None = None
    options: dict | Callable = {}
    references: Callable = lambda model, x: {}

    def options_for(self, x) -> dict:
        return self.options(x) if callable(self.options) else self.options


FORWARD, HALF, BOTH, ONE_AND_A_HALF, TWICE, SEVERAL, MANY, ASKED = (
    "forward", "forward, backward to layer4", "forward, backward", "2 forward, backward", "forward, backward of two pictures",
    f"{PAIRS} × (forward, backward of two pictures)", f"{COPIES} × (forward, backward)", f"{COPIES} × forward")
FACTS = {
    "gradient": Fact(BOTH, 1.1, {}, captums("Saliency", abs=False)),
    "gradient_x_input": Fact(BOTH, None, {}, captums("InputXGradient")),
    "deconvnet": Fact(BOTH, 1.1, {}, captums("Deconvolution")),
    "guided_backprop": Fact(BOTH, 1.1, {}, captums("GuidedBackprop")),
    "cam": Fact(FORWARD, 1.1, {}, lambda model, x: {"TorchCAM": lambda: torchcams("CAM", model, x)}),
    "fem": Fact(FORWARD),
    "grad_cam": Fact(HALF, 1.1, {}, several_grad_cams),
    "guided_grad_cam": Fact(ONE_AND_A_HALF, None, {}, captums("GuidedGradCam", "layer4", interpolate_mode="bilinear")),
    "smoothgrad": Fact(MANY, 1.2, {"samples": COPIES, "batch_size": BATCH}, captums_smoothgrad),
    "integrated_gradients": Fact(MANY, 1.2, {"steps": COPIES, "batch_size": BATCH},
                                 captums("IntegratedGradients", n_steps=COPIES, internal_batch_size=BATCH)),
    "lrp": Fact(BOTH, 2.5, {"rule": "epsilon"}, zennits),
    "deep_taylor": Fact(BOTH),
    "deeplift": Fact(TWICE, 2.5),  # Captum's refuses a ResNet: its ReLUs are called twice
    "deep_shap": Fact(SEVERAL, 2.5),
    "occlusion": Fact(ASKED, None, lambda x: {"window": third(x), "stride": third(x), "batch_size": BATCH}, captums_occlusion),
    "rise": Fact(ASKED, None, {"samples": COPIES, "batch_size": BATCH}),
    "meaningful_perturbation": Fact(MANY, None, {"steps": COPIES, "batch_size": BATCH}),
    "lime": Fact(ASKED, None, few_regions),
    "kernel_shap": Fact(ASKED, None, few_regions),
}
