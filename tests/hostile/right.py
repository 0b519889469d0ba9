"""What is right: for each function a reference of its own, mostly in double precision and one picture at a time.

A check has `ask(model, x, target, options)`, which is the call, and `wrong(found, of)`, which says in words what is wrong with the answer, or "". It raises `Unknown` where
nobody can tell, as at a kink, where there is no derivative.
"""

import copy
import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.hostile.networks import CHANNELS, TORCHVISION, network
from xaitutor import adversarial, attribution, audit, concepts, maximization, referees, surrogates, truth, units
from xaitutor.attribution import METHODS
from xaitutor.foundations import receptive_field
from xaitutor.networks import images
from xaitutor.networks.layers import original, summary
from xaitutor.networks.preprocessing import Preprocess

TOLERANCE = {torch.float64: 1e-3, torch.float32: 1e-3}  # of the largest value; both, since one of them may lie beyond a kink by rounding
DIFFERENCES = {torch.float64: 1e-4, torch.float32: 5e-3, torch.bfloat16: 0.5, torch.float16: 0.2}
PREPROCESS = Preprocess(crop_size=12, resize_size=14)


DIVIDING = ("lrp", "deep_taylor", "deeplift", "deep_shap")  # by numbers that may be small


class Unknown(Exception):
    """Nobody can tell whether the answer is right."""


class Check(NamedTuple):
    """`targets`: it takes a class; `passes`: it asks the network; `logits`: for its logits; `pictures`: it looks at what it is given; `options`: values, and
    whether they must be refused."""

    ask: Callable
    wrong: Callable
    options: dict = {}
    targets: bool = True
    passes: bool = True
    logits: bool = True
    pictures: bool = True


NO = {"targets": False, "logits": False}


# What the network says


def plain(x: Tensor) -> Tensor:
    return x.as_subclass(Tensor).detach().clone()


def twin(of) -> nn.Module:
    """The same network in double precision, as it was written."""
    return copy.deepcopy(network(of.network)).double().requires_grad_(False)


def logits(net: nn.Module, x: Tensor) -> Tensor:
    """(N, K), one picture at a time."""
    rows = []
    for one in x.split(1):
        output = net(one.clone())
        output = output if isinstance(output, Tensor) else output.get("logits", output.get("out"))
        rows.append(output[:, None] if output.ndim == 1 else output)
    return torch.cat(rows)


def classes(z: Tensor, target) -> Tensor:
    return z.argmax(dim=1) if target is None else torch.as_tensor(target).long().expand(len(z))


def scores(net: nn.Module, of, x: Tensor, score: str) -> Tensor:
    """By what the network is known to put out, and not by looking at it."""
    z = logits(net, x)
    one = z.gather(1, classes(logits(net, plain(of.x).double()), of.target)[:, None])[:, 0]
    if score == "logit":
        return one
    if of.network in ("softmax", "sigmoid"):
        return one if score == "probability" else one.log()
    if z.shape[1] == 1:
        return one.sigmoid() if score == "probability" else F.logsigmoid(one)
    rest = one - z.logsumexp(dim=1)
    return rest.exp() if score == "probability" else rest


def sloped(found: Tensor, of, score: str = "logit") -> str:
    """A gradient against the difference of the score along a direction at random."""
    net, x = twin(of), plain(of.x).double()
    direction = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(of.seed))
    with torch.no_grad():
        rise = [(scores(net, of, x + h * direction, score) - scores(net, of, x - h * direction, score)) / (2 * h) for h in (1e-5, 1e-6)]
    g = found.double()
    size = g.flatten(1).norm(dim=1) + 1e-6
    if ((rise[0] - rise[1]).abs() > 1e-3 * size).any():
        raise Unknown("a kink lies near")
    error = ((g * direction).flatten(1).sum(dim=1) - rise[1]).abs() / size
    if error.max() <= 3 * DIFFERENCES[found.dtype]:
        return ""
    if found.dtype in (torch.bfloat16, torch.float16):
        raise Unknown("half precision")
    return f"along a direction the score rises by {rise[1].tolist()}, the gradient says {(g * direction).flatten(1).sum(dim=1).tolist()}"


def differ(found: Tensor, expected: Tensor, what: str, tolerance: float | None = None) -> str:
    if found.shape != expected.shape:
        return f"{tuple(found.shape)} in place of {tuple(expected.shape)}, {what}"
    if found.dtype in (torch.bfloat16, torch.float16):
        raise Unknown("half precision")
    error = (found.double() - expected.double()).abs().max() if found.numel() else 0.0
    size = expected.double().abs().max() if found.numel() else 0.0
    return "" if error <= (tolerance or TOLERANCE.get(found.dtype, 1e-3)) * size + 1e-7 else f"{what}: they differ by {float(error):.3g}, of {float(size):.3g}"


def alone(function: Callable, found: Tensor, of, **options) -> str:
    """The answer for each picture is that for it alone, by the network as it was written."""
    net, x = (twin(of), plain(of.x).double()) if of.made == "double" else (network(of.network), plain(of.x).float())
    with torch.no_grad():
        best = logits(net, x).topk(min(2, logits(net, x).shape[1]), dim=1).values
    if of.target is None and best.shape[1] > 1 and (best[:, 0] - best[:, 1] < 1e-4 * best.abs().amax(dim=1)).any():
        raise Unknown("two classes are as large")
    for i in range(len(x)):
        target = of.target if of.target is None else int(classes(torch.zeros(len(x), 1), of.target)[i])
        try:
            expected = function(net, x[i : i + 1], target, **options)
        except ValueError as error:  # of copies beside one another, in a network in which they may not be
            raise Unknown("alone it is refused") from error
        wrong = differ(found[i : i + 1], expected.detach(), f"picture {i} in the batch and alone", 1e-2 if of.function in DIVIDING else None)
        if wrong and of.function == "fem" and found.shape == found.new_empty(len(x), *expected.shape[1:]).shape and \
                ((found[i : i + 1] - expected).abs() > 1e-3 * expected.abs().max()).float().mean() < 0.05:
            raise Unknown("a place lies at the threshold")
        if wrong and of.made not in ("bfloat16", "half") and _at_a_kink(of, i):
            raise Unknown("a kink lies near")
        if wrong:
            return wrong
    return ""


def _at_a_kink(of, i: int) -> bool:
    """Whether the gradient of the picture in single precision is another than in double: some ReLU's sign hangs on rounding."""
    single = attribution.gradient(network(of.network), plain(of.x)[i : i + 1].float(), 0)
    double = attribution.gradient(twin(of), plain(of.x)[i : i + 1].double(), 0)
    return bool(differ(single, double.float(), "", 1e-4))


# Attribution


def shaped(found, of) -> str:
    if not isinstance(found, Tensor) or found.ndim != 4 or len(found) != len(of.x):
        return f"{getattr(found, 'shape', type(found))} for pictures {tuple(of.x.shape)}"
    if found.requires_grad or type(found) is not Tensor or found.is_inference() or not found.isfinite().all():
        return "an answer that is a subclass, asks for gradients, or is not finite"
    return ""


def method(name: str, more: Callable | None = None, **options) -> Check:
    function = METHODS[name].function
    few = {key: value for key, value in FEW.get(name, {}).items()}

    def ask(model, x, target, given):
        return function(model, x, target, **_regions(name, x), **few | given)

    def wrong(found, of):
        bad = shaped(found, of)
        if not bad and more is not None:
            bad = more(found, of, few | of.options)
        if bad or name == "meaningful_perturbation":  # Adam's first steps are signs, and where a slope is nearly 0 its sign is chance
            return bad
        rest = {key: value for key, value in (few | of.options).items() if key != "batch_size"}
        return alone(lambda *given, **named: function(*given, **_regions(name, of.x), **named), found, of, **rest)

    return Check(ask, wrong, options | _COMMON.get(name, {}))


def _regions(name: str, x) -> dict:
    if name not in ("lime", "kernel_shap"):
        return {}
    height, width = x.shape[-2:] if getattr(x, "ndim", 0) >= 2 else (4, 4)
    return {"regions": torch.arange(height * width).reshape(height, width) % 3}


FEW = {"smoothgrad": {"samples": 2}, "integrated_gradients": {"steps": 3}, "rise": {"samples": 3}, "meaningful_perturbation": {"steps": 2, "size": 3}, "lime": {"samples": 8},
       "kernel_shap": {"samples": 8}}
SCORE = {"score": [("logit", False), ("probability", False), ("log_probability", False), ("softmax", True), (None, True)]}
BATCHES = {"batch_size": [(1, False), (3, False), (0, True), (2.5, True), (None, True)]}
_GOES_ON = {"on_unknown": [("gradient", False), ("gradient", False), ("ignore", True)]}
_COMMON = {
    **{name: SCORE for name in ("gradient", "gradient_x_input", "deconvnet", "guided_backprop")},
    "smoothgrad": SCORE | BATCHES | {"noise": [(0.0, False), (-1.0, True), (float("nan"), True)]},
    "integrated_gradients": SCORE | BATCHES | {"baseline": [(0.5, False), (float("inf"), True), (torch.zeros(7, 7, 7), True)], "rule": [("midpoint", False), ("left", True)]},
    "lrp": _GOES_ON | {"rule": [("zero", False), ("epsilon", False), ("nonsense", True)]}, "deep_taylor": _GOES_ON, "deeplift": _GOES_ON, "deep_shap": _GOES_ON | BATCHES,
    "occlusion": SCORE | BATCHES | {"fill": [("mean", False), ("blur", False), (0.3, False), ("pink", True)], "window": lambda draw, of: draw.choice(
        [(max(1, min(getattr(of.x, "shape", (2,))[-2:]) // 2), False), (0, True), (99, True)])},
    "rise": SCORE | BATCHES | {"share": [(0.3, False), (1.5, True)], "cells": [(2, False), (0, True)]},
    "meaningful_perturbation": {"mode": [("preserve", False), ("burn", True)], "jitter": [(0, False), (-1, True)]},
    "lime": SCORE | BATCHES, "kernel_shap": SCORE | BATCHES,
}


def _layer(draw: random.Random, of):
    """A name of the network, right or wrong, or a module in its place."""
    names = [name for name, _ in network(of.network).named_modules() if name]
    kind = draw.random()
    if kind < 0.7:
        return draw.choice(names), False
    return (draw.choice(["nowhere", "conv9", ""]), False) if kind < 0.9 else (network(of.network).get_submodule(names[0]), True)


def _gradient(found, of, options):
    return sloped(found, of, options.get("score", "logit"))


def _times_input(found, of, options):
    expected = plain(of.x) * METHODS["gradient"].function(network(of.network, of.made), of.x, of.target, **options)
    return differ(found, expected, "x · gradient")


def _along_the_path(found, of, options):
    """The mean of the gradients at the nodes, by automatic differentiation of the network in double precision."""
    net, x = twin(of), plain(of.x).double()
    start = torch.as_tensor(options.get("baseline", 0.0)).double().expand_as(x)
    steps = options["steps"]
    nodes = (np.arange(steps) + 0.5) / steps if options.get("rule") == "midpoint" else (np.polynomial.legendre.leggauss(steps)[0] + 1) / 2
    weights = np.full(steps, 1 / steps) if options.get("rule") == "midpoint" else np.polynomial.legendre.leggauss(steps)[1] / 2
    total = torch.zeros_like(x)
    for node, weight in zip(nodes, weights):
        point = (start + node * (x - start)).requires_grad_()
        total += weight * torch.autograd.grad(scores(net, of, point, options.get("score", "logit")).sum(), point)[0]
    return _or_a_kink(differ(found, (x - start) * total, "the sum over the path", 1e-2), of)


def _or_a_kink(wrong: str, of) -> str:
    if wrong and of.made not in ("double",):
        raise Unknown("single precision may be on the other side of a kink")
    return wrong


def _adds_up(found, of, options):
    """Σ a = S(x) − S(0)."""
    if options.get("on_unknown") == "gradient" or of.network in ("softmax", "sigmoid", "log-softmax"):
        return ""
    net, x = twin(of), plain(of.x).double()
    here, there = scores(net, of, x, "logit"), scores(net, of, 0 * x, "logit")
    return differ(found.double().flatten(1).sum(dim=1), here - there, "the sum and S(x) − S(0)", 1e-2) if found.dtype == torch.float64 else ""


def _one_by_one(found, of, options):
    """Windows laid over the picture by hand."""
    net, x = twin(of), plain(of.x).double()
    side = options.get("window", max(1, min(x.shape[2:]) // 8))
    fill = options.get("fill", "grey")
    if isinstance(fill, str) and fill not in ("grey", "mean"):
        return ""
    behind = x.mean(dim=(2, 3), keepdim=True).expand_as(x) if fill == "mean" else torch.full_like(x, 0.0 if fill == "grey" else fill)
    step, score = max(1, side // 2), options.get("score", "logit")
    if len(range(0, x.shape[2], step)) * len(range(0, x.shape[3], step)) > 100:
        raise Unknown("too many windows")
    fall, covers = torch.zeros(len(x), 1, *x.shape[2:], dtype=torch.float64), torch.zeros(x.shape[2:])
    with torch.no_grad():
        full = scores(net, of, x, score)
        for top in range(0, x.shape[2] - side + step, step):
            for left in range(0, x.shape[3] - side + step, step):
                copied, where = x.clone(), (slice(top, top + side), slice(left, left + side))
                copied[:, :, where[0], where[1]] = behind[:, :, where[0], where[1]]
                fall[:, :, where[0], where[1]] += (full - scores(net, of, copied, score))[:, None, None, None]
                covers[where] += 1
    error = differ(found, fall / covers, "windows by hand", 1e-2)
    return "" if error and (fall / covers).abs().max() < 1e-5 else error


def _shapley(found, of, options):
    """Σ a = S(x) − S(each region its mean): efficiency."""
    net, x = twin(of), plain(of.x).double()
    regions = _regions("kernel_shap", x)["regions"]
    hidden = x.clone()
    for region in range(3):
        if (regions == region).any():
            hidden[:, :, regions == region] = x[:, :, regions == region].mean(dim=2, keepdim=True)
    with torch.no_grad():
        whole = scores(net, of, x, options.get("score", "logit")) - scores(net, of, hidden, options.get("score", "logit"))
    if whole.abs().max() < 1e-5:
        return ""
    return differ(found.flatten(1).sum(dim=1), whole, "the sum of the Shapley values", 2e-2)


def behind(of, layer: str) -> bool:
    """Whether the layer has its channels last: known of torchvision's networks, not found out."""
    if of.network.startswith("swin"):
        return layer not in ("features.0.0", "permute", "avgpool")
    if of.network == "convnext":
        return ".block." in layer and layer.rpartition(".")[2] in "12345"
    return of.network == "maxvit" and "attention" in layer and not layer.endswith("_attention")


def _by_hand(found, of, options):
    """Grad-CAM with a hook."""
    layer = options.get("layer")
    if not layer:
        return ""
    net, kept = twin(of).requires_grad_(True), {}

    def keep(module, inputs, output):
        kept["map"] = output
        output.retain_grad()
        return output.clone()

    x = plain(of.x).double()
    rows = []
    for i in range(len(x)):
        handle = net.get_submodule(layer).register_forward_hook(keep)
        z = logits(net, x[i : i + 1].requires_grad_())
        handle.remove()
        target = classes(logits(net, x.detach()), of.target)[i]
        z[0, target].backward()
        a, g = kept["map"].detach(), kept["map"].grad
        if behind(of, layer):
            a, g = a.permute(0, 3, 1, 2), g.permute(0, 3, 1, 2)
        rows.append((g.mean(dim=(2, 3), keepdim=True) * a).sum(dim=1, keepdim=True).relu())
    return _or_a_kink(differ(found, torch.cat(rows), "Grad-CAM by hand", 1e-2), of)


def _mean_is_the_logit(found, of, options):
    return ""


# Everything else


def _kept(of, layer):
    """What the layer puts out for each picture alone, in double precision."""
    net, kept = twin(of), []
    handle = net.get_submodule(layer).register_forward_hook(lambda module, inputs, output: kept.append(output.detach().clone()))
    with torch.no_grad():
        for one in plain(of.x).double().split(1):
            net(one)
    handle.remove()
    found = torch.cat(kept[-len(of.x):] if len(kept) == len(of.x) else kept[len(kept) // len(of.x) - 1 :: len(kept) // len(of.x)])
    return found.permute(0, 3, 1, 2) if found.ndim == 4 and behind(of, layer) else found


def _feature_maps(model, x, target, options):
    return units.feature_maps(model, options.get("layer", _first(model)), x)


def _first(model) -> str:
    return next((name for name, module in original(model).named_modules() if type(module).__name__ == "Conv2d"), "nowhere")


def _maps_wrong(found, of):
    layer = of.options.get("layer", _first(network(of.network)))
    return differ(found[layer], _kept(of, layer), "maps with a hook", 1e-2)


def _surveyed(model, x, target, options):
    options = dict(options)
    return units.survey(model, options.pop("layer", _first(model)), _dataset(x), **{"k": 2, "progress": False} | options)


def _dataset(x):
    return x if not isinstance(x, Tensor) else torch.cat([x, x.flip(0)])


def _survey_wrong(found, of):
    if isinstance(of.x, list):  # of pictures is a data set, too
        raise Unknown("a list")
    layer = of.options.get("layer", _first(network(of.network)))
    of = copy.copy(of)
    of.x = plain(_dataset(of.x))
    maps = _kept(of, layer)
    maps = maps if maps.ndim == 4 else maps[:, :, None, None]
    values = (maps.mean(dim=(2, 3)) if of.options.get("by", "mean") == "mean" else maps.amax(dim=(2, 3))).T
    k = found.scores.shape[1]
    return differ(found.scores, values.sort(dim=1, descending=True).values[:, :k], "the best scores", 1e-2) or \
        differ(values.gather(1, found.indices).float(), found.scores.float(), "scores of these pictures", 1e-2)


def _ablated(model, x, target, options):
    try:
        with torch.no_grad():
            model(x.clone())
    except Exception as error:  # the caller's own pass
        raise Unknown("the pass itself fails") from error
    with torch.no_grad(), units.ablate(model, options.get("layer", _first(model)), options.get("units", 0)):
        return model(x.clone())


def _ablation_wrong(found, of):
    return ""


def _maximized(model, x, target, options):
    options = dict(options)
    wanted = maximization.target(target) if isinstance(target, int) and not isinstance(target, bool) else maximization.channel(options.pop("layer", _first(model)), 0)
    options.pop("layer", None)
    return maximization.maximize(model, wanted, **{"size": max(TORCHVISION.get("", (12,))[0], 12), "steps": 2, "progress": False} | options), wanted


def _climb_wrong(found, of):
    result, wanted = found
    if not (result.pictures.min() >= 0 and result.pictures.max() <= 1):
        return "pictures beyond [0, 1]"
    if result.pictures.shape[1] != CHANNELS.get(of.network, 3):
        return f"pictures of {result.pictures.shape[1]} channels"
    again = maximization.measure(network(of.network), wanted, result.pictures.float())
    return differ(result.activations[-1], again, "the objective of the last picture", 1e-2)


def _curve(model, x, target, options):
    heat = x.detach().as_subclass(Tensor).abs().sum(dim=1) if isinstance(x, Tensor) and x.ndim == 4 else x
    return referees.deletion_curve(model, x, target, heat, **{"steps": 3, "fill": "grey"} | options)


def _curve_wrong(found, of):
    net, x = twin(of), plain(of.x).double()
    score = of.options.get("score", "probability")
    with torch.no_grad():
        ends = torch.stack([scores(net, of, x, score), scores(net, of, 0 * x, score)], dim=1)
    return differ(found[:, [0, -1]], ends, "the ends of the curve", 1e-2)


def _infidelity(model, x, target, options):
    return referees.infidelity(model, x, target, torch.zeros_like(x) if isinstance(x, Tensor) else x, **{"samples": 2} | options)


def _positive(found, of):
    return "" if found.shape == (len(of.x),) and (found >= 0).all() and found.isfinite().all() else f"{found}"


def _pixels(model, x):
    """Pictures in [0, 1] from whatever they are."""
    return x.detach().float().sigmoid().to(x) if isinstance(x, Tensor) and x.is_floating_point() and x.isfinite().all() and x.numel() else x


def _attacked(function, model, x, target, options):
    pixels = _pixels(model, x)
    return pixels, function(model, pixels, **options)


def _fgsm_wrong(found, of):
    before, after = found
    size = of.options.get("size", 0.1)
    return "" if after.shape == before.shape and (after - before).abs().max() <= size * 1.01 + 1e-2 * (of.made in ("bfloat16", "half")) and after.min() >= 0 and after.max() <= 1 else "a step that is too large"


def _in_the_cube(found, of):
    before, after = found
    return "" if after.shape == before.shape and after.isfinite().all() and after.min() >= 0 and after.max() <= 1 else "no pictures"


def _heat(model, x, target, options):
    return attribution.heatmap(x, **options)


def _heat_wrong(found, of):
    return "" if found.shape == (len(of.x), *of.x.shape[2:]) and found.min() >= 0 and found.max() <= 1 else "no heat"


def _over(model, x, target, options):
    pixels = _pixels(model, x)
    return attribution.overlay(pixels, heat_of(pixels), **options)


def _over_wrong(found, of):
    return "" if found.shape == (len(of.x), 3, *of.x.shape[2:]) and found.min() >= 0 and found.max() <= 1 else f"{tuple(found.shape)}"


def _prepared(model, x, target, options):
    return PREPROCESS(x)


def _prepared_wrong(found, of):
    x = of.x if isinstance(of.x, Tensor) else torch.as_tensor(of.x)
    if x.is_floating_point() and not (x.min() >= -1e-4 and x.max() <= 1 + 1e-4):
        return "numbers beyond [0, 1] are taken for a picture"
    return "" if found.shape[-3:] == (3, 12, 12) and found.isfinite().all() else f"{tuple(found.shape)}"


def _summed(model, x, target, options):
    return summary(model, x)


def _summary_wrong(found, of):
    return "" if sum(row.parameters for row in found) <= sum(p.numel() for p in network(of.network).parameters()) else "more parameters than there are"


def _field(model, x, target, options):
    return receptive_field.effective(model, options.get("layer", _first(model)), x)


def _field_wrong(found, of):
    return "" if found.shape == tuple(of.x.shape[2:]) and np.isfinite(found.astype(float)).all() and (abs(found.sum() - 1) < 0.1 or found.sum() == 0) else "no share of the pixels"


def _tree(model, x, target, options):
    return surrogates.soft_tree(x, torch.full((len(x), 3), 1 / 3) if hasattr(x, "__len__") else x, **{"depth": 1, "epochs": 1, "progress": False} | options)


def _tree_wrong(found, of):
    return "" if found(plain(of.x)).exp().sum(dim=1).sub(1).abs().max() < 0.1 else "no distributions"


def _audited(model, x, target, options):
    return audit.audit(model, x, target, method=attribution.gradient, questions=options.get("questions", ("mode", "logits")))


def _audit_wrong(found, of):
    return ""


def _last(model, x, target, options):
    return attribution.last_feature_map(model, x)


def _last_wrong(found, of):
    if found.ndim != 4 or len(found) != len(of.x) or not found.isfinite().all():
        return f"{tuple(found.shape)}"
    return "" if found.shape[2:].numel() > 1 and found.shape[1] > 1 else f"a map {tuple(found.shape)}"


def _gap(model, x, target, options):
    return attribution.gap(model, x, x, target, **options)


def _gap_wrong(found, of):
    net, x = twin(of), plain(of.x).double()
    score = of.options.get("score", "logit")
    with torch.no_grad():
        rise = scores(net, of, x, score) - scores(net, of, 0 * x, score)
    return differ(found, x.flatten(1).sum(dim=1) - rise, "the gap", 1e-2)


# Functions of maps, and of a network beside others: of these what can be said of every answer


def _numbers(found) -> list:
    if isinstance(found, (Tensor, np.ndarray)):
        return [torch.as_tensor(found)]
    if isinstance(found, (list, tuple)):
        return [one for part in found for one in _numbers(part)]
    return [torch.tensor(float(found))] if isinstance(found, (int, float)) else []


def finite(low: float = -np.inf, high: float = np.inf, rows: bool = False) -> Callable:
    """A check of an answer: all numbers are finite, from `low` to `high`, one for each picture where `rows`."""

    def wrong(found, of):
        numbers = [one for one in _numbers(found) if one.is_floating_point()]
        if rows and tuple(found.shape) != (len(of.x),):
            return f"{tuple(found.shape)} for {len(of.x)} pictures"
        bad = [one for one in numbers if not one.isfinite().all() or one.numel() and (one.min() < low - 1e-3 or one.max() > high + 1e-3)]
        return f"numbers that are not finite, or not from {low} to {high}" if bad else ""

    return wrong


def heat_of(x):
    """A map (N, H, W), not negative, of whatever x is."""
    return x.detach().as_subclass(Tensor).float().abs().mean(dim=1) if isinstance(x, Tensor) and x.ndim == 4 and not x.is_complex() else x


def on_maps(function, wrong, **options) -> Check:
    return Check(lambda model, x, target, given: function(heat_of(x), **given), wrong, options, passes=False, pictures=False, **NO)


def on_two_maps(function, wrong) -> Check:
    return on_maps(lambda heat: function(heat, heat.flip(0) if isinstance(heat, Tensor) else heat), wrong)


def on_a_mask(function, wrong) -> Check:
    return on_maps(lambda heat: function(heat, heat > heat.float().mean() if isinstance(heat, Tensor) and heat.numel() and not heat.is_complex() else heat), wrong)


def asking(function, wrong, **options) -> Check:
    """A function of a network, pictures and a class."""
    return Check(lambda model, x, target, given: function(model, x, target, **given), wrong, options)


def _first_filters(model, x, target, options):
    return units.filters(model, options.get("layer", _first(model)))


def _circuit(model, x, target, options):
    return units.circuit(model, options.get("layer", "conv2" if hasattr(original(model), "conv2") else _first(model)), options.get("unit", 0), x)


def _circuit_wrong(found, of):
    return "" if abs(float(found.strengths.sum()) + found.bias - found.mean) <= 1e-4 * max(1, abs(found.mean)) else "the strengths do not add up"


def _prototypes(model, x, target, options):
    return units.prototypes(model, options.get("layer", _first(model)), options.get("unit", 0), _dataset(x), 2, field="effective", progress=False)


def _prototypes_wrong(found, of):
    return "" if found[0].score >= found[-1].score and all(one.patch.numel() for one in found) else "no patches, or out of order"


def _losses(model, x, target, options):
    return units.class_losses(model, options.get("layer", _first(model)), options.get("unit", 0), x, [0] * len(x) if hasattr(x, "__len__") else x)


def _asked(model, x, target, options):
    return surrogates.ask(model, lambda x: x, x, size=options.get("size", 2), progress=False)


def _measured(model, x, target, options):
    return maximization.measure(model, maximization.channel(options.get("layer", _first(model)), options.get("unit", 0)), x)


def _measure_wrong(found, of):
    layer = of.options.get("layer", _first(network(of.network)))
    maps = _kept(of, layer)
    mean = maps[:, of.options.get("unit", 0)].flatten(1).mean(dim=1) if maps.ndim > 1 else maps
    return differ(found, mean, "the mean of the channel", 1e-2)


def _pooled(model, x, target, options):
    return concepts.pooled(model, options.get("layer", _first(model)), x)


def _pooled_wrong(found, of):
    return differ(found, _kept(of, of.options.get("layer", _first(network(of.network)))).flatten(2).mean(2), "the mean of the maps", 1e-2)


def _sensitive(model, x, target, options):
    return concepts.sensitivity(model, options.get("layer", _first(model)), x, 0 if target is None else target)


LAYER = {"layer": _layer}
UNIT = {"unit": [(0, False), (-1, True), (10**6, True), ("a", True), (0.5, True)]}
CHECKS = {
    "gradient": method("gradient", _gradient), "gradient_x_input": method("gradient_x_input", _times_input), "smoothgrad": method("smoothgrad"), "deconvnet": method("deconvnet"),
    "guided_backprop": method("guided_backprop"), "cam": method("cam", _mean_is_the_logit), "grad_cam": method("grad_cam", _by_hand, **LAYER),
    "guided_grad_cam": method("guided_grad_cam", **LAYER), "fem": method("fem", **LAYER)._replace(targets=False), "integrated_gradients": method("integrated_gradients", _along_the_path),
    "lrp": method("lrp"), "deep_taylor": method("deep_taylor"), "deeplift": method("deeplift", _adds_up), "deep_shap": method("deep_shap"), "occlusion": method("occlusion", _one_by_one),
    "rise": method("rise"), "meaningful_perturbation": method("meaningful_perturbation"), "lime": method("lime"), "kernel_shap": method("kernel_shap", _shapley),
    "last_feature_map": Check(_last, _last_wrong, targets=False), "gap": Check(_gap, _gap_wrong, SCORE),
    "feature_maps": Check(_feature_maps, _maps_wrong, LAYER, **NO),
    "survey": Check(_surveyed, _survey_wrong, LAYER | {"k": [(1, False), (0, True), (99, True)], "by": [("max", False), ("most", True)], "batch_size": [(1, False), (3, False), (0, True)]}, **NO),
    "ablate": Check(_ablated, _ablation_wrong, LAYER | {"units": [(0, False), ([0, 0], False), (10**6, False), (-1, True), ("a", True)]}, passes=False, pictures=False, **NO),
    "maximize": Check(_maximized, _climb_wrong, LAYER | {"n": [(2, False), (0, True)], "steps": [(1, False), (0, True)], "size": [(16, False), (-3, True)], "seed": [(3, False), (-1, True)]}, pictures=False, **NO),
    "deletion_curve": Check(_curve, _curve_wrong, {"score": SCORE["score"], "steps": [(2, False), (0, True)]}),
    "infidelity": Check(_infidelity, _positive, SCORE | {"samples": [(1, False), (0, True)]}),
    "fgsm": Check(partial(_attacked, lambda model, x, size=0.1: adversarial.fgsm(model, x, size=size)), _fgsm_wrong, {"size": [(0.01, False), (-1, True), (2, True)]}, targets=False),
    "deepfool": Check(partial(_attacked, lambda model, x, **options: adversarial.deepfool(model, x, **{"steps": 2} | options)), _in_the_cube, {"candidates": [(2, False), (1, True)]}, targets=False),
    "heatmap": Check(_heat, _heat_wrong, {"clip": [(1, False), (0, True)], "reduce": [("positive", False), ("mean", True)]}, passes=False, **NO),
    "overlay": Check(_over, _over_wrong, {"alpha": [(0.1, False), (2, True)]}, passes=False, **NO), "preprocess": Check(_prepared, _prepared_wrong, passes=False, **NO),
    "summary": Check(_summed, _summary_wrong, **NO), "effective field": Check(_field, _field_wrong, LAYER, passes=False, **NO),
    "soft_tree": Check(_tree, _tree_wrong, {"depth": [(2, False), (0, True)], "epochs": [(0, True)]}, passes=False, **NO),
    "signed_heatmap": Check(lambda model, x, target, options: attribution.signed_heatmap(x, **options), finite(-1, 1), {"sigma": [(1, False), (-1, True)]}, passes=False, **NO),
    "box": on_maps(lambda heat, **options: attribution.box(heat[:1] if isinstance(heat, Tensor) else heat, **options), finite(0), threshold=[(0.5, False), (1, True)]),
    "gini": on_maps(referees.gini, finite(0, 1)), "entropy": on_maps(referees.entropy, finite(0, 5)),
    **{name: on_two_maps(getattr(referees, name), finite(low, high)) for name, low, high in (
        ("pearson", -1, 1), ("rank_correlation", -1, 1), ("ssim", -1, 1), ("similarity", 0, 1), ("kl_divergence", -1, np.inf), ("dice", 0, 1), ("iou", 0, 1))},
    **{name: on_a_mask(getattr(referees, name), finite()) for name in ("auc_judd", "auc_borji", "nss")},
    **{name: on_a_mask(getattr(truth, name), finite(0, 1)) for name in ("pointing_game", "relevance_mass", "relevance_rank")},
    "filters": Check(_first_filters, finite(), LAYER, passes=False, pictures=False, **NO), "circuit": Check(_circuit, _circuit_wrong, LAYER | UNIT, **NO),
    "prototypes": Check(_prototypes, _prototypes_wrong, LAYER | UNIT, **NO), "class_losses": Check(_losses, finite(), LAYER | UNIT, targets=False),
    "pooled": Check(_pooled, _pooled_wrong, LAYER, **NO), "sensitivity": Check(_sensitive, finite(), LAYER, **NO),
    "measure": Check(_measured, _measure_wrong, LAYER | UNIT, **NO), "ask": Check(_asked, finite(0, 1), {"size": [(1, False), (0, True)]}, pictures=False, passes=False, **NO),
    "insertion": asking(lambda model, x, target, **options: referees.insertion(model, x, target, heat_of(x), **{"steps": 2} | options), finite(rows=True), **SCORE),
    "max_sensitivity": asking(lambda model, x, target, **options: referees.max_sensitivity(model, x, target, METHODS["gradient"].function, **{"samples": 1} | options),
                              finite(0, rows=True), samples=[(2, False), (0, True)]),
    "cascade": asking(lambda model, x, target, **options: referees.cascade(model, x, target, METHODS["gradient"].function, **options), finite(-1, 1), layers=[(["nowhere"], True)]),
    "efficient_mprt": asking(lambda model, x, target, **options: referees.efficient_mprt(model, x, target, METHODS["gradient"].function, **options), finite(rows=True)),
    "over_seeds": asking(lambda model, x, target, **options: attribution.over_seeds(METHODS["rise"].function, model, x, target, samples=2, **{"seeds": 2} | options), finite(),
                         seeds=[(1, False), (0, True)]),
    "conservation": asking(lambda model, x, target, **options: attribution.conservation(model, x, target, **options), finite(), **_GOES_ON),
    "same_answer": Check(partial(_attacked, lambda model, x, **options: adversarial.same_answer(model, x, METHODS["gradient"].function, **{"steps": 1} | options)[0]), _in_the_cube,
                         {"size": [(0.1, False), (-1, True)], "goal": [("centre", False), ("nowhere", True)]}, targets=False),
    "one_pixel": Check(partial(_attacked, lambda model, x, **options: adversarial.one_pixel(model, x, generations=1, **{"population": 6} | options)[0]), _in_the_cube,
                       {"population": [(5, False), (2, True)]}, targets=False),
    "audit": Check(_audited, _audit_wrong, passes=False, **NO),
}
assert set(METHODS) <= set(CHECKS)
__all__ = ["CHECKS", "Unknown", "images"]
