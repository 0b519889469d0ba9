"""Checks of notebook 13: CAM, Grad-CAM, how well two boxes agree, and a place that is not read."""

from __future__ import annotations

import torch

from xaitutor.checks.answers import shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check
from xaitutor.foundations.receptive_field import Box

_ONE_MAP = "one map a picture, as large as the maps, without channels"


@check
def cam(function) -> str:
    """Exercise 13.1: `function(maps, weight, target)`: Σ_k w_k^c A_k of maps (N, K, h, w), weight (classes, K)."""
    draw = torch.Generator().manual_seed(17)  # as many classes as maps, so that a column can be taken for a row
    maps, weight, target = torch.randn(2, 5, 3, 4, generator=draw), torch.randn(5, 5, generator=draw), 2
    answer = shaped(call(function, maps.clone(), weight.clone(), target), (2, 3, 4), _ONE_MAP)
    terms = weight[target][:, None, None] * maps
    expected, means = terms.sum(1), maps.mean((2, 3))
    compare(answer, expected, {
        "no ReLU on the terms: what speaks against the class cancels what speaks for it": terms.relu().sum(1),
        "no ReLU on the weights: a negative one says that this map speaks against the class":
            (weight[target].relu()[:, None, None] * maps).sum(1),
        "no ReLU on the maps: take them as they are": (weight[target][:, None, None] * maps.relu()).sum(1),
        "CAM has no ReLU: it keeps what speaks against the class": expected.relu(),
        "add the channels up; do not take their mean": terms.mean(1),
        "a class is a row of `weight`, (classes, K); yours is a column":
            (weight[:, target][:, None, None] * maps).sum(1),
        "do not divide by the number of places: that is Grad-CAM's weight": expected / 12,
        "no averaging over places: the map says where": expected.mean((1, 2), keepdim=True).expand(2, 3, 4),
        "weight the maps before you add them": maps.sum(1),
        "keep the sign: negative is evidence against the class": expected.abs(),
        "no absolute values of the weights: a negative one speaks against the class":
            (weight[target].abs()[:, None, None] * maps).sum(1),
        "the map of the class `target`, not of the predicted one":
            (weight[(means @ weight.T).argmax(1)][..., None, None] * maps).sum(1),
    })
    return "the mean of this map, plus the bias, is the logit"


@check
def grad_cam(function) -> str:
    """Exercise 13.2: `function(maps, gradients)`, both (N, K, h, w): ReLU(Σ_k mean(∂y/∂A_k) A_k), (N, h, w)."""
    draw = torch.Generator().manual_seed(16)
    maps, gradients = torch.randn(2, 5, 3, 4, generator=draw), torch.randn(2, 5, 3, 4, generator=draw) + 0.2
    answer = shaped(call(function, maps.clone(), gradients.clone()), (2, 3, 4), _ONE_MAP)
    alpha = gradients.mean((2, 3), keepdim=True)
    signed = (alpha * maps).sum(1)
    compare(answer, signed.relu(), {
        "the ReLU is missing: only what speaks for the class is shown": signed,
        "the weight is the mean of the gradient over places, not its sum: yours is Z times as large":
            12 * signed.relu(),
        "the mean of the gradient over places, and then a ReLU": 12 * signed,
        "one weight for each channel: average the gradient over places before you multiply":
            (gradients * maps).sum(1).relu(),
        "average the gradient over places before you multiply, and take the ReLU at the end": (gradients * maps).sum(1),
        "no ReLU on the weights: a negative one says that this map speaks against the class":
            (alpha.relu() * maps).sum(1).relu(),
        "no absolute value of the weights: a negative one says that this map speaks against the class": (alpha.abs() * maps).sum(1).relu(),
        "no absolute values of the gradients: average them as they are": (gradients.abs().mean((2, 3), keepdim=True) * maps).sum(1).relu(),
        "no ReLU on the gradients: average them as they are":
            (gradients.relu().mean((2, 3), keepdim=True) * maps).sum(1).relu(),
        "add up first, then the ReLU; inside the sum nothing can cancel": (alpha * maps).relu().sum(1),
        "a ReLU, not the absolute value: what speaks against the class becomes 0": signed.abs(),
        "the mean of the gradient over places, not its maximum":
            (gradients.amax((2, 3), keepdim=True) * maps).sum(1).relu(),
        "add the channels up; do not take their mean": signed.relu() / 5,
        "one weight for each channel; yours is one for all":
            (gradients.mean((1, 2, 3), keepdim=True) * maps).sum(1).relu(),
        "each picture has its own weights: do not average over the batch":
            (gradients.mean((0, 2, 3), keepdim=True) * maps).sum(1).relu(),
        "the other way round: the gradient is averaged, the map says where":
            (maps.mean((2, 3), keepdim=True) * gradients).sum(1).relu(),
        "weight the maps before you add them": maps.sum(1).relu(),
    })
    return "CAM for any network that has maps and a gradient"


@check
def overlap(function) -> str:
    """Exercise 13.3: `function(a, b)`: intersection over union of two boxes (top, left, bottom, right)."""
    partly = Box(2, 3, 7, 8), Box(0, 0, 4, 6)  # 25 and 24 pixels, 2 × 3 of them in both
    answer = float(call(function, *partly))
    for advice, mistake in {
        "the union counts what is in both twice: subtract it once": 6 / 49,
        "the last row and column are not in the box: its height is bottom − top, without + 1": 12 / 59,
        "divide by the union, not by the smaller box: a tiny box inside a large one would be perfect": 6 / 24,
        "divide by the union, not by the first box": 6 / 25,
        "divide by the union, not by the mean of the two areas (that is the Dice coefficient)": 12 / 49,
        "the union is not the box around both: it is area + area − intersection": 6 / 56,
        "that is the intersection; divide by the union": 6,
        "that is the union over the intersection": 43 / 6,
        "that is 1 minus the answer": 37 / 43,
        "the intersection begins at the larger top and left, and ends at the smaller bottom and right": 56 / -7,
        "bottom and right are edges, not height and width": 6 / 74,
        "that is percent; give the share": 600 / 43,
        "these two overlap and you get 0; is it / and not //? And the four numbers are (top, left, bottom, right)": 0,
    }.items():
        if abs(answer - mistake) < 1e-4:
            raise Wrong(advice)
    _same(function, *partly, 6 / 43)
    if float(call(function, *partly[::-1])) != answer:
        raise Wrong("the order of the two boxes must not matter, but yours gives another answer when they are swapped")
    for a, b in ((0, 4, 3, 8), (1, 0, 4, 2)), ((0, 4, 2, 8), (5, 5, 7, 9)), ((0, 0, 2, 3), (4, 5, 6, 9)):
        _apart(float(call(function, Box(*a), Box(*b))), f"{a} and {b} do not meet, and you get")
    touching = Box(0, 0, 3, 3), Box(0, 3, 3, 6)
    if float(call(function, *touching)) != 0:
        raise Wrong("two boxes that touch share an edge and no pixel: the answer is 0")
    _same(function, Box(0, 0, 6, 7), Box(1, 2, 4, 5), 9 / 42)
    _same(function, Box(1, 2, 4, 5), Box(1, 2, 4, 5), 1.0)
    return "1 for the same box, 0 for two that do not meet"


@check
def places(given, function) -> str:
    """Exercise 13.4: what Grad-CAM gives to A = (1, 1) where S = 2 A₁; `function(maps, gradients)`: Σ_k ReLU outside, no average."""
    found = tuple(torch.as_tensor(given).detach().double().flatten().tolist())
    if len(found) != 2:
        raise Wrong(f"expected a pair, one number for each place; this is {given!r}")
    if found != (1, 1):
        raise Wrong({
            (2, 0): "that is the truth; but Grad-CAM averages the gradient first: (2 + 0) / 2",
            (2, 2): "the mean of the gradient over the places, not its sum",
            (1, 0): "the weight is right, (2 + 0) / 2; but it is one weight for all places of the map",
            (0.5, 0.5): "the mean of the gradient, times A; nothing is divided once more",
        }.get(found, f"not {found[0]:g} and {found[1]:g}: the gradient is (2, 0), its mean is the weight of the map"))
    draw = torch.Generator().manual_seed(20)
    maps, gradients = torch.randn(2, 5, 3, 4, generator=draw), torch.randn(2, 5, 3, 4, generator=draw)
    gradients[:, :, 0, 1] = 0  # a place that is not read
    answer = shaped(call(function, maps.clone(), gradients.clone()), (2, 3, 4), _ONE_MAP)
    terms, alpha = gradients * maps, gradients.mean((2, 3), keepdim=True)
    compare(answer, terms.sum(1).relu(), {
        "that is Grad-CAM: still one weight for all places of a map": (alpha * maps).sum(1).relu(),
        "one weight for all places, and no ReLU": (alpha * maps).sum(1),
        "a weight where a place is read is not enough: let each place have its own gradient":
            (alpha * maps * (gradients != 0)).sum(1).relu(),
        "where CAM is possible each gradient is w / Z already: do not multiply by Z": 12 * terms.sum(1).relu(),
        "do not divide by Z: nothing is averaged": terms.sum(1).relu() / 12,
        "add up first, then the ReLU; on each term nothing can cancel": terms.relu().sum(1),
        "no ReLU on the gradients: what speaks against the class must be able to cancel": (gradients.relu() * maps).sum(1).relu(),
        "the ReLU at the end is missing": terms.sum(1),
        "add the channels up; do not take their mean": terms.mean(1).relu(),
        "a ReLU, not the absolute value": terms.sum(1).abs(),
        "that is how much the place is read; multiply by what stands there": gradients.sum(1).relu(),
    })
    return "it gives nothing to what is not read; known as HiResCAM (Draelos and Carin 2020)"


def _same(function, a: Box, b: Box, expected: float) -> None:
    answer = float(call(function, a, b))
    if abs(answer - expected) > 1e-4:
        raise Wrong(f"for {tuple(a)} and {tuple(b)} you get {answer:.3f}, expected {expected:.3f}")


def _apart(answer: float, where: str) -> None:
    if answer < 0:
        raise Wrong(f"{where} {answer:.3f}: where the height or the width is negative, take 0")
    if answer > 0:
        raise Wrong(f"{where} {answer:.3f}: two negative sides have a positive product; cut each at 0 first")
