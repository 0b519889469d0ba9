"""Checks of notebook 14: integrated gradients in one step on paper, as a sum, how near the sum comes, and a game of two."""

from __future__ import annotations

import torch

from xaitutor.checks.answers import shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.gradients import cubic
from xaitutor.checks.verdict import Wrong, call, check

NAMES = ("line", "square", "cube", "saturated")
ONE_STEP = (20, 16, 48, 0)  # a test asks the method itself


@check
def one_step(given, exact) -> str:
    """Exercise 14.1: integrated gradients of 5t, t², t³ and 1 − ReLU(1 − t) from 0 to 4 by one step, and which are exact."""
    found = tuple(torch.as_tensor(given).detach().double().flatten().tolist())
    if len(found) != 4:
        raise Wrong(f"expected four numbers, one for each function; you give {len(found)}")
    if found != ONE_STEP:
        raise Wrong({
            (20, 32, 192, 0): "that is the slope at the end, times the way: Gradient × Input",
            (20, 16, 64, 1): "that is what should come out; what does one step see?",
            (20, 0, 0, 4): "that is the slope at the start; the middle of the way is at t = 2",
            (5, 4, 12, 0): "that is the slope half-way; multiply by the way, 4",
            (10, 8, 24, 0): "the slope half-way, yes, but the way is 4 long, not 2",
            (20, 16, 48, 4): "for the last: at t = 2 the function is flat already",
            (20, 16, 48, 1): "for the last: at t = 2 the function is flat already",
            (10, 4, 8, 1): "that is f at t = 2; asked is its slope there, times the way",
        }.get(found, _first_wrong(found)))
    names = set(exact) if isinstance(exact, (set, frozenset, list, tuple)) else {exact}
    if unknown := [name for name in names if name not in NAMES]:
        raise Wrong(f"there is no {unknown[0]!r}; there is {', '.join(NAMES)}")
    for name, is_in, advice in (
        ("line", False, "a line has the same slope everywhere: one step is enough"),
        ("square", False, "the slope of t² is a straight line: its middle is its mean"),
        ("cube", True, "the slope of t³ is no straight line: its middle is not its mean, 48 is not 64"),
        ("saturated", True, "1 should come out, and one step sees nothing"),
    ):
        if (name in names) == is_in:
            raise Wrong(advice)
    return "exact as long as the slope is a straight line; where the way has a kink, one step may see nothing at all"


def _first_wrong(found: tuple[float, ...]) -> str:
    name, number = next((name, one) for name, one, right in zip(NAMES, found, ONE_STEP, strict=True) if one != right)
    return f"for the {name} not {number:g}: the slope at t = 2, times the way from 0 to 4"


@check
def integrate(function) -> str:
    """Exercise 14.2: `function(gradient, x, baseline, steps)`: integrated gradients by the midpoint rule."""
    draw = torch.Generator().manual_seed(18)
    x, b, steps = torch.randn(1, 2, 3, 4, generator=draw), torch.randn(1, 2, 3, 4, generator=draw), 4
    answer = call(function, cubic, x.clone(), b.clone(), steps)
    answer = shaped(answer, (1, 2, 3, 4), "one attribution, with the axes of x")

    def mean(positions, start=b, end=x):
        return cubic(torch.cat([start + position * (end - start) for position in positions])).mean(0, keepdim=True)

    middles = [(k + 0.5) / steps for k in range(steps)]
    expected = (x - b) * mean(middles)
    compare(answer, expected, {
        "that is the right rule: yours takes the end of each step, (k + 1) / steps; take its middle, (k + ½) / steps":
            (x - b) * mean([(k + 1) / steps for k in range(steps)]),
        "that is the left rule: yours takes the beginning of each step, k / steps; take its middle, (k + ½) / steps":
            (x - b) * mean([k / steps for k in range(steps)]),
        "your points run from 0 to 1, both included; take the middles of the steps, (k + ½) / steps":
            (x - b) * mean([k / (steps - 1) for k in range(steps)]),
        "average over the points only, with .mean(0): each pixel has a gradient of its own": (x - b) * mean(middles).mean(),
        "that is the trapezoid rule; take the middles of the steps, (k + ½) / steps":
            (x - b) * (mean([k / steps for k in range(steps)]) + mean([(k + 1) / steps for k in range(steps)])) / 2,
        "divide by `steps`: α goes from 0 to 1": (x - b) * mean([k + 0.5 for k in range(steps)]),
        "multiply the mean gradient with the way, x − baseline": mean(middles),
        "multiply with the way from the baseline, x − baseline, not with x": x * mean(middles),
        "your baseline is 0; use the one that is given": x * mean(middles, torch.zeros_like(b)),
        "the points lie between the baseline and x: baseline + α (x − baseline), not α x":
            (x - b) * mean(middles, torch.zeros_like(b)),
        "the points are baseline + α (x − baseline); yours is baseline + α x": (x - b) * mean(middles, b, x + b),
        "the mean of the gradients, not their sum: each step is 1 / steps long": steps * expected,
        "the sign: the path goes from the baseline to x, x − baseline": -expected,
        "that is the gradient at x alone; average it along the path": (x - b) * cubic(x),
        "that is one step, in the middle of the path; take `steps` of them": (x - b) * mean([0.5]),
        "that is Gradient × Input: where is the path?": x * cubic(x),
        "no absolute values: the contributions have to add up": expected.abs(),
    })
    return "the mean gradient on the way, times the way"


@check
def gap(function) -> str:
    """Exercise 14.3: `function(ig, score_x, score_b)`: |Σ ig − (S(x) − S(b))| as a share of |S(x) − S(b)|."""
    ig = torch.randn(1, 3, 4, 5, generator=torch.Generator().manual_seed(19))
    for total, score_x, score_b in ((2.2, 4.0, 1.5), (-1.75, 1.0, 3.0), (3.1, 4.0, 1.5), (-0.5, 4.0, 1.5)):
        # a sum that falls short; a score that falls; a sum that is too large, and one of the wrong sign
        shifted = ig + (total - ig.sum()) / ig.numel()
        answer = torch.as_tensor(call(function, shifted.clone(), score_x, score_b)).detach()
        if answer.numel() != 1:
            raise Wrong("one number is wanted for the whole picture: sum the contributions first")
        answer = float(answer)
        way, strength = score_x - score_b, shifted.abs().sum().item()
        expected = abs(total - way) / abs(way)
        for advice, mistake in {
            "how far off, not in which direction: absolute values, above and below": -expected,
            "divide by the difference of the scores, not by S(x)": abs(total - way) / abs(score_x),
            "divide by |S(x) − S(b)|: a share of what was to be explained": abs(total - way),
            "divide by the difference of the scores, not by the sum of the contributions":
                abs(total - way) / abs(total),
            "S(b) is missing: the contributions add up to S(x) − S(b)": abs(total - score_x) / abs(score_x),
            "above, S(b) is missing: the contributions add up to S(x) − S(b)": abs(total - score_x) / abs(way),
            "the sign: from the sum S(x) − S(b) is subtracted": abs(total + way) / abs(way),
            "no absolute values of the single contributions: they are to cancel": abs(strength - way) / abs(way),
            "the contributions' sum, not their mean": abs(total / ig.numel() - way) / abs(way),
            "that is percent; give the share": 100 * expected,
            "that is the share that is explained; the gap is what is missing": total / way,
        }.items():
            if abs(answer - mistake) < 1e-4:
                raise Wrong(advice)
        if abs(answer - expected) > 1e-4:
            scores = f"Σ ig = {total}, S(x) = {score_x}, S(b) = {score_b}"
            raise Wrong(f"for {scores} you get {answer:.3f}, expected {expected:.3f}")
    return "small where the steps are fine enough: the price of a sum in place of an integral"


@check
def two_players(function) -> str:
    """Exercise 14.4: `function(neither, first, second, both)`: the Shapley values of two players from the four values of their game."""
    for neither, first, second, both in ((0.5, 4.0, 2.0, 10.0), (1.0, 6.0, 7.0, 8.5)):  # more together than alone; and less
        answer = shaped(torch.as_tensor(call(function, neither, first, second, both)).double(), (2,), "one number for each player")
        alone = torch.tensor([first - neither, second - neither]).double()
        last = torch.tensor([both - second, both - first]).double()
        for advice, mistake in {
            "that is the other player's: the first joins `second` to make `both`": (alone + last).flip(0) / 2,
            "that is what each adds to an empty place; the mean with what it adds when it comes second": alone,
            "that is what is lost when each leaves; the mean with what it adds to an empty place": last,
            "the mean of the two, not their sum": alone + last,
            "what was there without anybody is not theirs: subtract `neither`": (alone + last + neither) / 2,
            "that is the value with each alone; what did it add?": alone + neither,
        }.items():
            if torch.allclose(answer, mistake):
                raise Wrong(advice)
        expected = (alone + last) / 2
        if not torch.allclose(answer, expected):
            game = f"v = {neither}, {first}, {second}, {both}"
            raise Wrong(f"for {game} you get {answer.tolist()}, expected {expected.tolist()}; they add up to {both - neither}")
    return "the mean over both orders; leaving one out gives more where they need each other, less where one stands in for the other"
