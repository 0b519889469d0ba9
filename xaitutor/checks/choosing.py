"""Checks of notebook 21: an area under a curve, the paired score of a map, the factor of infidelity, and a referee that is judged."""

from __future__ import annotations

import torch

from xaitutor.checks.answers import shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check


def _random(*shape: int, seed: int = 21) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@check
def area(function) -> str:
    """Exercise 21.1: `function(curve)`: the area under a curve (K + 1,) over the share of pixels from 0 to 1, by trapezoids."""
    curve = torch.tensor([1.0, 0.9, 0.4, 0.3, 0.1])
    answer = shaped(call(function, curve.clone()), (), "one number")
    compare(answer, (curve[:-1] + curve[1:]).mean() / 2, {
        "that is the mean of the values: the first and the last count half, since a curve of five values has four stretches": curve.mean(),
        "that is the sum: each stretch is a quarter wide here": (curve[:-1] + curve[1:]).sum() / 2,
        "five values make four stretches, each a quarter wide": (curve[:-1] + curve[1:]).sum() / 10,
        "those are rectangles with the left value; take the mean of both ends": curve[:-1].mean(),
        "those are rectangles with the right value; take the mean of both ends": curve[1:].mean(),
    })
    return "four trapezoids, each a quarter wide"


@check
def contrast(function) -> str:
    """Exercise 21.2: `function(given, given_rival, true, true_rival)`: Spearman's correlation over the regions of what changes from the rival class to the
    true one, in a map and in the truth, each (R,)."""
    given, rival, true, true_rival = (_random(6, seed=seed) for seed in (7, 2, 8, 4))
    answer = shaped(call(function, given.clone(), rival.clone(), true.clone(), true_rival.clone()), (), "one number")
    compare(answer, _spearman(given - rival, true - true_rival), {
        "that is the plain order of the regions; asked is the order of the *changes* from the rival to the true class": _spearman(given, true),
        "the truth has two classes, too: take the rival's φ away": _spearman(given - rival, true),
        "the map has two classes, too: take the rival's away": _spearman(given, true - true_rival),
        "that is Pearson's correlation; Spearman's is that of the ranks": _pearson(given - rival, true - true_rival),
        "the sign: both changes go from the rival to the true class": _spearman(rival - given, true - true_rival),
        "those are the rival's own orders": _spearman(rival, true_rival),
    })
    unmoved = torch.as_tensor(call(function, given.clone(), given.clone(), true.clone(), true_rival.clone()))
    if not torch.isfinite(unmoved) or unmoved.abs() > 1e-6:
        raise Wrong(f"for a map that is the same for both classes you give {float(unmoved):g}; it has nothing in common with any change: 0")
    return "and a map that does not look at the class changes by nothing, and gets 0"


@check
def factor(function) -> str:
    """Exercise 21.3: `function(told, seen)`: the β that makes Σ (β told − seen)² least, both (K,), a number."""
    told, seen = _random(8), _random(8, seed=3)
    answer = shaped(call(function, told.clone(), seen.clone()), (), "one number")
    compare(answer, (told * seen).sum() / (told * told).sum(), {
        "divide by the sum of told², which is what is to be stretched, not by that of seen²": (told * seen).sum() / (seen * seen).sum(),
        "that is a correlation: it knows the direction, not the length": (told * seen).sum() / (told.norm() * seen.norm()),
        "the ratio of the sums is right only if all ratios are the same": seen.sum() / told.sum(),
        "the mean of the ratios explodes where a foretold fall is near 0": (seen / told).mean(),
        "that is the slope of a line with an intercept; there is none here": ((told - told.mean()) * (seen - seen.mean())).sum() / (told - told.mean()).square().sum(),
        "the absolute value loses the sign of a map that says the opposite": ((told * seen).sum() / (told * told).sum()).abs(),
    })
    return "set the derivative to 0, and there it is"


@check
def named_right(function) -> str:
    """Exercise 21.4: `function(given, sure)`: what a referee gave M methods (M,), the more the better, and for each pair (M, M) +1 where the first is surely
    better, −1 where the second is, 0 where nobody knows. The share of the sure pairs that the referee names rightly, a tie half."""
    given = torch.tensor([0.9, 0.5, 0.5, 0.1])
    sure = torch.tensor([[0, 1, 0, 1], [0, 0, 1, -1], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=torch.float32)
    sure = sure - sure.T
    answer = shaped(call(function, given.clone(), sure.clone()), (), "one number")
    says = (given[:, None] - given[None]).sign() * sure
    known = sure != 0
    compare(answer, ((says[known] + 1) / 2).mean(), {
        "pairs of which nobody knows who is better do not count": ((says + 1) / 2).mean(),
        "a tie is half right": (says[known] > 0).float().mean(),
        "a tie is half right, not right": (says[known] >= 0).float().mean(),
        "that is right minus wrong, from −1 to 1; asked is the share that is right": says[known].mean(),
        "where the second method is surely better, sure is −1: the referee is right there if it says so, too":
            ((given[:, None] > given[None])[known].float() + (given[:, None] == given[None])[known].float() / 2).mean(),
        "that is a number of pairs, not a share": (says[known] > 0).sum() / 2,
    })
    return "two of four pairs, and a tie: half a point more"


def _pearson(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.corrcoef(torch.stack([a, b]))[0, 1]


def _spearman(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return _pearson(*(one.argsort().argsort().float() for one in (a, b)))
