"""Checks of notebook 11: Gradient × Input on paper, what it adds up to, which pixels it cannot see, and what no repair mends."""

from __future__ import annotations

import torch
from torch import nn

from xaitutor.checks.answers import pair, right, shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check

TURNED = 12  # of the 24 pictures of menagerie.Dataset(24, "test"), those whose contributions add up to less than nothing


@check
def by_hand(answer) -> str:
    """Exercise 11.1: Gradient × Input of f(x, y) = 3x + xy at (2, 4), a pair."""
    found = pair(answer, {14: "that is the value of f; asked are two contributions, one of x and one of y",
                          22: "give the two contributions, not their sum"})
    advice = {
        (7, 2): "that is the gradient; multiply each derivative with its own input",
        (8, 14): "the right numbers, swapped: x first",
        (28, 4): "you multiply each derivative with the other input: ∂f/∂x goes with x, ∂f/∂y with y",
        (9, 6): "multiply with the input, do not add it",
        (10, 4): "that gives half of xy to each and adds up to 14; Gradient × Input gives all of it to both",
        (6, 8): "xy changes with x, too: ∂f/∂x = 3 + y",
        (14, 0): "y contributes, too: ∂f/∂y = x",
        (8, 8): "the 3x is missing: ∂f/∂x = 3 + y",
    }
    right(found, (14, 8), advice)
    return "together 22, and f is 14: the product was given to both"


@check
def total(function) -> str:
    """Exercise 11.2: `function(model, x, target)`: Gradient × Input summed over each picture of x (N, C, H, W)."""
    draw = torch.Generator().manual_seed(12)
    x, target = 3 * torch.randn(4, 3, 8, 8, generator=draw), 2
    for model in (network(bias=False), network(bias=True)):
        answer = shaped(call(function, model, x.clone(), target), (4,), "one sum a picture")
        compare(answer, *_expected_and_mistakes(model, x, target))
        if any(parameter.grad is not None for parameter in model.parameters()):
            raise Wrong("the numbers are right, but backward() left gradients in the model; take torch.autograd.grad")
    return "without biases the contributions add up to the logit; the biases' share is in no pixel"


@check
def blind(function) -> str:
    """Exercise 11.3: `function(x)`: the pixels (N, H, W) of x (N, C, H, W) that give 0 in every network."""
    x = torch.tensor([  # one pixel a row: what could be taken for blind, and the two that are
        [0, 0, 0], [0, 1.5, -1], [1, -0.5, -0.5], [-2.125, -2, -1.75], [-1, -0.5, -0.25], [0.001, 0.001, -0.001],
        [0, -1, -0.5], [2.25, 2.5, 2.75], [0.5, 1, 0.25], [0, 0, 0], [-0.5, 0.5, 1], [1, 2, 0],
    ]).reshape(2, 2, 3, 3).permute(0, 3, 1, 2).contiguous()
    answer = shaped(call(function, x.clone()), (2, 2, 3), "one answer a pixel, no channels")
    if answer.dtype != torch.bool:
        raise Wrong(f"the answer holds {answer.dtype}; give True and False, what a comparison gives")
    expected = (x == 0).all(1)
    for advice, mistake in {
        "one channel at zero is not enough: all of them have to be": (x == 0).any(1),
        "channels that cancel are not zero, and the gradient weighs them differently": x.sum(1) == 0,
        "black is not zero: after normalising it is the smallest value, and a large one":
            (x == x.amin((0, 2, 3), keepdim=True)).all(1),
        "negative values are multiplied like any others; only zero is lost": (x < 0).all(1),
        "a negative channel is multiplied like any other; only zero is lost": (x < 0).any(1),
        "only zero is lost; you also take what is below": (x <= 0).all(1),
        "not only the largest channel has to be zero, all of them": x.amax(1) == 0,
        "exactly zero: a small value still counts where the gradient is large": x.abs().amax(1) < 0.01,
        "turned round: those are the pixels that it does see": ~expected,
    }.items():
        if torch.equal(answer, mistake):
            raise Wrong(advice)
    if not torch.equal(answer, expected):
        pixel = tuple((answer != expected).nonzero()[0].tolist())
        raise Wrong(f"you say {bool(answer[pixel])} for the pixel {x[pixel[0], :, pixel[1], pixel[2]].tolist()}, "
                    f"expected {bool(expected[pixel])}")
    return "what has exactly the data set's mean colour gets nothing, whatever it means"


def network(bias: bool) -> nn.Module:
    """Always the same small network of ReLUs for pictures (N, 3, 8, 8) and 5 classes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(13)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1, bias=bias), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3, padding=1, bias=bias), nn.ReLU(), nn.Flatten(), nn.Linear(96, 5, bias=bias)).eval()


def _gradient(model: nn.Module, x: torch.Tensor, score) -> torch.Tensor:
    x = x.clone().requires_grad_()
    return torch.autograd.grad(score(model(x)).sum(), x)[0]


def _expected_and_mistakes(model: nn.Module, x: torch.Tensor, target: int) -> tuple[torch.Tensor, dict]:
    def summed(score):
        return (_gradient(model, x, score) * x).sum((1, 2, 3))

    gradient, logits = _gradient(model, x, lambda logits: logits[:, target]), model(x).detach()
    expected = (gradient * x).sum((1, 2, 3))
    return expected, {
        "those are the logits. Without biases it is the same, with biases it is not": logits[:, target],
        "that is the sum of the gradient: multiply it with x first": gradient.sum((1, 2, 3)),
        "multiply first, place by place, then add up": gradient.sum((1, 2, 3)) * x.sum((1, 2, 3)),
        "no absolute values: what speaks against the class is subtracted": (gradient * x).abs().sum((1, 2, 3)),
        "the gradient keeps its sign": (gradient.abs() * x).sum((1, 2, 3)),
        "the sum over the picture, not the mean": expected / x[0].numel(),
        "the sum over the picture, not the mean over its places": expected / x[0, 0].numel(),
        "differentiate the sum over the pictures; a mean makes each gradient smaller": expected / len(x),
        "all pictures in one sum: keep the first axis": expected.sum().expand(len(x)),
        "the gradient of the class `target` alone, not of all classes together": summed(lambda scores: scores),
        "the gradient of the class `target`, not of the predicted one": summed(lambda scores: scores.amax(1)),
        "the gradient of the logit, not of the probability": summed(lambda scores: scores.softmax(1)[:, target]),
        "the gradient of the logit, not of the log-probability":
            summed(lambda scores: scores.log_softmax(1)[:, target]),
    }


@check
def repair(flipped, turned) -> str:
    """Exercise 11.4: the share of pixels that change sides by one factor for the map, and in how many of 24 pictures they do."""
    flipped, turned = float(flipped), float(turned)
    if flipped == 0:
        raise Wrong("the factor is 5.08 / −1.45: which sign has it?")
    if 1 < flipped <= 100:
        raise Wrong("a share lies between 0 and 1")
    if flipped < 0.99 or flipped > 1:
        raise Wrong("one factor for the whole map: all pixels change sides, or none")
    advice = {
        24: "only where the sum is negative",
        0: "our zebra's sum is negative, and it is not alone: look at the 24",
        1: "that is where the pixels hold *more* than half; asked is where they hold less than nothing",
        23: "asked is where the sum is negative, not where it is less than half of the score",
        11: "explain each picture for its own class",
        13: "explain each picture for its own class",
    }
    if turned != TURNED:
        raise Wrong(advice.get(turned, f"not {turned:g}: for which sign of the sum is the factor negative?"))
    return "it adds up now, and says the opposite: adding up is not enough"
