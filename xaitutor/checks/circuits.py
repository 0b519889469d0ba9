"""Checks of notebook 09: contributions of inputs, ablation on paper, whose unit it is, who tells classes apart."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from xaitutor.checks.answers import numbers, recognise
from xaitutor.checks.verdict import Wrong, call, check

VICTIM = "giraffe"  # what loses most without unit 0 of layer4
_LIKED = "zebra"  # what is most often among its best pictures
CIRCUIT = (57, 39, 61, 30, 53, 51, 45, 42)  # the strongest inputs of unit 69 of layer4.0.conv1, exciting and inhibiting
AGAINST = 45  # the one of them that gives less to sofas than to animals


@check
def strengths(function) -> str:
    """Exercise 9.1: `function(a, w)` is the mean contribution (C,) of each input a (N, C, H, W) read with w (C, 3, 3)."""
    draw = torch.Generator().manual_seed(8)
    a, w = torch.rand(2, 4, 6, 7, generator=draw), torch.randn(4, 3, 3, generator=draw)
    answer = torch.as_tensor(call(function, a.clone(), w.clone())).detach().float()
    if answer.ndim == 0 or answer.shape[-1] != 4 or answer.ndim > 1:
        raise Wrong(f"the answer has the shape {tuple(answer.shape)}, expected (4,): one number for each input")
    maps = F.conv2d(a, w[:, None], padding=1, groups=4)
    right = maps.mean((0, 2, 3))
    recognise(answer, {
        "take the mean over places, not the sum": maps.sum((2, 3)).mean(0),
        "average over the pictures, too": maps.sum((0, 2, 3)),
        "at the border the window reaches outside, where there are zeros: padding=1 is missing":
            F.conv2d(a, w[:, None], groups=4).mean((0, 2, 3)),
        "the weights alone say what an input could do; multiply by what it does": w.sum((1, 2)),
        "the mean of the input times the sum of the weights is right away from the border only: pad with zeros":
            a.mean((0, 2, 3)) * w.sum((1, 2)),
        "no absolute values: an inhibiting input is negative": maps.abs().mean((0, 2, 3)),
        "networks do not flip the window (notebook 03)": F.conv2d(a, w.flip(1, 2)[:, None], padding=1, groups=4).mean((0, 2, 3)),
        "no ReLU here: what each input adds may be negative": maps.relu().mean((0, 2, 3)),
    })
    if not torch.allclose(answer, right, atol=1e-5):
        raise Wrong(f"you get {numbers(answer)}, expected {numbers(right)}")
    return "each input for itself; together with the bias they add up to the unit"


@check
def changes(function) -> str:
    """Exercise 9.2: `function(maps, weight, unit)` is how much each score (N, K) changes when the unit is switched off."""
    draw = torch.Generator().manual_seed(9)
    maps, weight, unit = torch.rand(3, 5, 2, 4, generator=draw), torch.randn(4, 5, generator=draw), 2
    answer = torch.as_tensor(call(function, maps.clone(), weight.clone(), unit)).detach().float()
    if answer.shape != (3, 4):
        raise Wrong(f"the answer has the shape {tuple(answer.shape)}, expected (3, 4): a row a picture, a column a class")
    mean = maps.mean((2, 3))
    right = -mean[:, unit, None] * weight[:, unit]
    recognise(answer, {
        "the sign is turned round: what the unit gave is what is missing now": -right,
        "global average pooling takes the mean of the map, not its sum": -maps.sum((2, 3))[:, unit, None] * weight[:, unit],
        "that is the score that is left; the change is asked for": mean @ weight.T + right,
        "the weight alone: multiply by how active the unit is": -weight[:, unit].expand(3, 4),
        "the pictures differ in how active the unit is; do not average over them": right.mean(0).expand(3, 4),
        "that is the largest place of the map, the pooling takes the mean": -maps.amax((2, 3))[:, unit, None] * weight[:, unit],
    })
    if not torch.allclose(answer, right, atol=1e-5):
        raise Wrong(f"you get {numbers(answer)}, expected {numbers(right)}")
    return "minus the weight times the average: no experiment needed in the last layer"


@check
def victim(answer) -> str:
    """Exercise 9.3: the class that loses most without unit 0 of layer4."""
    from xaitutor.menagerie.scene import CLASSES

    if answer not in CLASSES:
        raise Wrong(f"there is no class {answer!r}; there is {', '.join(CLASSES)}")
    if answer == _LIKED:
        raise Wrong("zebras are what it likes; the question is who misses it. Switch it off: units.class_losses(model, \"layer4\", 0, x, labels)")
    if answer != VICTIM:
        raise Wrong(f"not the {answer}: compare the change of all twelve classes, the most negative one loses most")
    return "it likes zebras, and giraffes lose most without it: what a unit responds to is not what it is for"


@check
def telling(function, against) -> str:
    """Exercise 9.4: `function(each, who)` is how much more each input (C,) gives to some pictures; and who works against."""
    draw = torch.Generator().manual_seed(10)
    each, who = torch.randn(5, 4, 2, 3, generator=draw), torch.tensor([True, False, False, True, False])
    answer = torch.as_tensor(call(function, each.clone(), who.clone())).detach().float()
    if answer.shape != (4,):
        raise Wrong(f"the answer has the shape {tuple(answer.shape)}, expected (4,): one number for each input")
    mean = each.mean((2, 3))
    these, others = mean[who].mean(0), mean[~who].mean(0)
    recognise(answer, {
        "that is the strength: how much, not for whom": mean.mean(0),
        "the sign is turned round: what these pictures get, less what the others get": others - these,
        "the mean over places, not the sum": each.sum((2, 3))[who].mean(0) - each.sum((2, 3))[~who].mean(0),
        "a difference, not a ratio: contributions may be zero, or negative": these / others,
        "no absolute values: an inhibiting input is negative": mean.abs()[who].mean(0) - mean.abs()[~who].mean(0),
        "each group by its own size: there are more of the others": (mean[who].sum(0) - mean[~who].sum(0)) / len(who),
        "the sum over pictures favours the larger group: take the mean in each": mean[who].sum(0) - mean[~who].sum(0),
        "that is what these pictures get; subtract what the others get": these,
        "subtract what the *others* get, not what all get": these - mean.mean(0),
    })
    if not torch.allclose(answer, these - others, atol=1e-5):
        raise Wrong(f"you get {numbers(answer)}, expected {numbers(these - others)}")
    if against not in CIRCUIT:
        raise Wrong(f"{against!r} is not one of our eight inputs: {', '.join(map(str, CIRCUIT))}")
    if against == 30:
        raise Wrong("it gives nearly the same to both; one of the eight clearly gives less to sofas")
    if against in CIRCUIT[4:] and against != AGAINST:
        raise Wrong("it holds sofas back less than animals: that is for the verdict")
    if against != AGAINST:
        raise Wrong("it gives more to sofas than to animals: that is for the verdict")
    return "its patches were the ends of sofas; by its negative weight alone one would have counted it as evidence for the story"
