"""Checks of notebook 05: batch norm as an affine map, counting parameters, the head of a network, steps that change places."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from xaitutor.checks.answers import numbers, recognise
from xaitutor.checks.verdict import Wrong, call, check


@check
def fold(function) -> str:
    """Exercise 5.1: `function(bn)` gives the scale and the shift, (C,) each, of a BatchNorm2d in eval mode."""
    bn = _random_batch_norm()
    answer = call(function, bn)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong("return two tensors, the scale and the shift")
    scale, shift = (torch.as_tensor(part).detach() for part in answer)
    for name, part in (("scale", scale), ("shift", shift)):
        if part.shape != bn.weight.shape:
            raise Wrong(f"the {name} has the shape {tuple(part.shape)}, expected {tuple(bn.weight.shape)}: one number per channel")
    mean, var, gamma, beta = bn.running_mean, bn.running_var, bn.weight.detach(), bn.bias.detach()
    root = (var + bn.eps).sqrt()
    _compare(scale, gamma / root, {
        "the scale divides by the variance; it should be by its square root": gamma / (var + bn.eps),
        "the scale leaves out eps: with a small variance that is not nothing": gamma / var.sqrt(),
        "the scale leaves out γ (bn.weight)": 1 / root,
        "the scale multiplies by the standard deviation instead of dividing by it": gamma * root,
    }, "the scale")
    _compare(shift, beta - mean * gamma / root, {
        "the shift forgets the mean: at x = mean the output must be β": beta,
        "the shift has the mean's sign turned round": beta + mean * gamma / root,
        "the shift subtracts the mean itself, but the mean is scaled like x": beta - mean,
        "the shift forgets β (bn.bias)": -mean * gamma / root,
    }, "the shift")
    return "batch norm in eval mode is one multiplication and one addition per channel"


def _random_batch_norm() -> nn.BatchNorm2d:
    draw = torch.Generator().manual_seed(5)
    bn = nn.BatchNorm2d(4, eps=0.01).eval()
    bn.weight.data, bn.bias.data, bn.running_mean = torch.randn(3, 4, generator=draw)
    bn.running_var = 0.01 + torch.rand(4, generator=draw)
    return bn


@check
def count(answer) -> str:
    """Exercise 5.2: the learned numbers of a residual block from 32 to 64 channels, with its shortcut."""
    answer = int(answer)
    convolutions, norms, shortcut = 9 * 32 * 64 + 9 * 64 * 64, 2 * 2 * 64, 32 * 64 + 2 * 64
    right = convolutions + norms + shortcut
    advice = {
        convolutions: "those are the two 3 × 3 convolutions alone; each batch norm learns two numbers per channel, and there is the shortcut",
        convolutions + norms: "the shortcut is missing: 32 channels do not fit onto 64, so it has a 1 × 1 convolution and a batch norm",
        convolutions + shortcut: "the batch norms after the two 3 × 3 convolutions are missing: two numbers per channel each",
        right - 128: "one batch norm is missing: the shortcut has one, too",
        right + 3 * 64: "these convolutions have no bias: the batch norm after them brings its own shift",
        right + 2 * 3 * 64: "the running mean and variance are measured, not learned: they are no parameters",
        2 * 9 * 64 * 64 + norms + shortcut: "the first convolution takes 32 channels, not 64",
    }
    if answer == right:
        return f"{right:,}: two convolutions {convolutions:,}, two batch norms {norms}, the shortcut {shortcut:,}"
    raise Wrong(advice.get(answer, f"{answer:,} is {'more' if answer > right else 'fewer'} than there are; "
                                   "count each convolution as out · in · height · width, each batch norm as 2 · channels"))


@check
def head(function) -> str:
    """Exercise 5.3: `function(maps, weight, bias)` are the logits (N, classes) of maps (N, C, H, W)."""
    draw = torch.Generator().manual_seed(3)
    maps, weight, bias = (torch.randn(shape, generator=draw) for shape in ((2, 6, 4, 5), (3, 6), (3,)))
    answer = torch.as_tensor(call(function, maps.clone(), weight.clone(), bias.clone())).detach()
    if answer.shape != (2, 3):
        raise Wrong(f"the logits have the shape {tuple(answer.shape)}, expected (2, 3): a row per picture, a column per class")
    average = maps.mean((2, 3))
    _compare(answer, average @ weight.T + bias, {
        "you added up each map; average it, or the logits grow with the picture's size": maps.sum((2, 3)) @ weight.T + bias,
        "that is global max pooling; take the mean": maps.amax((2, 3)) @ weight.T + bias,
        "the bias is missing": average @ weight.T,
        "those are probabilities; logits come before the softmax": F.softmax(average @ weight.T + bias, 1),
        "there is no ReLU here: a map's mean may be negative": average.relu() @ weight.T + bias,
    }, "the logits")
    wide = torch.as_tensor(call(function, torch.ones(1, 6, 9, 2), weight, bias)).detach()
    if not torch.allclose(wide, torch.ones(1, 6) @ weight.T + bias, atol=1e-5):
        raise Wrong("right for maps of 4 × 5, wrong for 9 × 2: is a size written into the function?")
    return "the whole head: average, weight, add"


_SWAPS = {  # does the pair give the same in the other order, for every input and every scale; and what shows it
    "relu, max pooling": (True, "a ReLU never turns a larger value into a smaller one, so the largest stays the largest"),
    "relu, mean pooling": (False, "take (−1, 1): the mean is 0, and so is its ReLU; the mean of their ReLUs is ½"),
    "batch norm, mean pooling": (True, "an affine map passes a mean: the mean of a x + b is a times the mean, plus b"),
    "batch norm, max pooling": (False, "with a negative scale the largest becomes the smallest. (No scale of our first batch norm is "
                                       "negative, but one may be)"),
    "last layer, GAP": (True, "both are weighted sums. Take the weighted sum at each place and average afterwards: the maps that you get on the way are CAM "
                              "(notebook 13)"),
}


@check
def exchange(swaps) -> str:
    """Exercise 5.4: `swaps` says for each pair of steps, True or False, whether their order does not matter."""
    if not isinstance(swaps, dict):
        raise Wrong(f"give a dictionary with True or False for each pair, not a {type(swaps).__name__}")
    for pair, (right, reason) in _SWAPS.items():
        if pair not in swaps:
            raise Wrong(f"the pair {pair!r} is missing")
        if swaps[pair] is None or swaps[pair] is ...:
            raise Wrong(f"there is no answer yet for {pair!r}")
        if swaps[pair] not in (True, False):
            raise Wrong(f"{pair!r}: True or False, not {swaps[pair]!r}")
        if bool(swaps[pair]) is not right:
            raise Wrong(f"{pair}: {reason}")
    return "what never falls passes a maximum, what is affine passes a mean, and nothing else does here"


def _compare(answer, right, mistakes: dict[str, torch.Tensor], what: str) -> None:
    if torch.allclose(answer.float(), right, atol=1e-4):
        return
    recognise(answer.float(), mistakes, atol=1e-4)
    verb = "begin" if what.endswith("s") else "begins"
    raise Wrong(f"{what} {verb} with {numbers(answer)}, expected {numbers(right)}")
