"""Checks of notebook 07: ranking pictures, a name put to the test, the share of one factor, and what a sum of shares says."""

from __future__ import annotations

import numpy as np
import torch

from xaitutor.checks.verdict import Wrong, call, check

FACTORS = ("shape", "coat", "colour", "place")
HUSKY = ("coat", True)  # what carries unit 10 of layer3, and whether a cow in a husky's coat beats a plain dog


@check
def rank(function) -> str:
    """Exercise 7.1: `function(maps, k, by)` gives the k pictures (k,) with the largest answer of maps (N, h, w), best first."""
    maps = torch.randn(12, 4, 5, generator=torch.Generator().manual_seed(1))
    maps[3, 2, 2], maps[7] = 9, maps[7] - 0.2  # one bright place, and an otherwise dark picture
    for by, summed in (("mean", maps.mean((1, 2))), ("max", maps.amax((1, 2)))):
        answer = torch.as_tensor(call(function, maps.clone(), 4, by))
        right = summed.topk(4).indices
        if answer.shape != (4,):
            raise Wrong(f"the answer has the shape {tuple(answer.shape)}, expected (4,): the numbers of k pictures")
        if torch.equal(answer.long(), right) and not answer.is_floating_point():
            continue
        if torch.allclose(answer.float(), summed.topk(4).values, atol=1e-5):
            raise Wrong("those are the answers themselves; give the numbers of the pictures, `.indices`")
        other = {"mean": maps.amax((1, 2)), "max": maps.mean((1, 2))}[by]
        if torch.equal(answer.long(), other.topk(4).indices):
            raise Wrong(f"for by={by!r} you sorted by the {'maximum' if by == 'mean' else 'mean'}")
        if torch.equal(answer.long(), right.flip(0)):
            raise Wrong("the right pictures, but best first, please")
        if torch.equal(answer.long(), summed.topk(4, largest=False).indices):
            raise Wrong("those are the four that the unit likes least")
        if torch.equal(answer.long(), maps.abs().mean((1, 2)).topk(4).indices):
            raise Wrong("do not take absolute values: a negative answer is a no")
        raise Wrong(f"for by={by!r} you get {answer.tolist()}, expected {right.tolist()}")
    return "two ways to sum up, two rankings"


@check
def husky(factor, cow_wins) -> str:
    """Exercise 7.2: the factor that carries unit 10 of layer3, and whether a cow with a husky's coat beats a plain dog."""
    if factor not in FACTORS:
        raise Wrong(f"`factor` is one of {', '.join(FACTORS)}, not {factor!r}")
    if factor != HUSKY[0]:
        reason = {"shape": "its huskies are dogs, but they also wear a saddle: change one of the two and see which it misses",
                  "colour": "most huskies are white; a white sofa leaves it cold, though",
                  "place": "its huskies stand everywhere"}[factor]
        raise Wrong(f"not the {factor}: {reason}")
    if not isinstance(cow_wins, bool | np.bool_):
        raise Wrong(f"`cow_wins` is True or False, not {cow_wins!r}")
    if bool(cow_wins) is not HUSKY[1]:
        raise Wrong("the factor is right, the prediction does not fit it: if the coat carries the unit, which of the two has the coat?")
    return "of all coats a husky's saddle moves it most, on a cow as well: the name came from the collection"


@check
def share(function) -> str:
    """Exercise 7.3: `function(answers, total)` is the total-effect index of answers (scenes, levels)."""
    draw = np.random.default_rng(3)
    answers, total = draw.normal(size=(5, 4)) + 3 * draw.normal(size=(5, 1)), 7.0
    answer = float(call(function, answers.copy(), total))
    right = answers.var(axis=1).mean() / total
    for advice, mistake in {
        "that is the variance over scenes at a fixed level; turn the axis: the levels are the columns": answers.var(axis=0).mean() / total,
        "the answers lie all in one heap: take the variance within each scene first, then the mean": answers.var() / total,
        "average the variances of the scenes, not the answers: the variance of the level's means misses what differs from scene to scene":
            answers.mean(axis=0).var() / total,
        "divide by the variance over everything": answers.var(axis=1).mean(),
        "all levels are there, it is no sample of them: divide by their number, not by one less": answers.var(axis=1, ddof=1).mean() / total,
        "that uses the standard deviation; take the variance": answers.std(axis=1).mean() / total,
        "add nothing up: take the mean over the scenes": answers.var(axis=1).sum() / total,
    }.items():
        if np.isclose(answer, mistake):
            raise Wrong(advice)
    if not np.isclose(answer, right):
        raise Wrong(f"you get {answer:.3f}, expected {right:.3f}")
    return "the share of the variance that this factor causes"


@check
def conjunction(total, could_be) -> str:
    """Exercise 7.4: the sum of the four indices of a unit that answers 1 to striped horses alone; may 14.1 be such a unit?"""
    answers = np.zeros((8, 6, 5, 7))
    answers[0, 1] = 1
    within = [answers.var(axis=axis).mean() for axis in range(4)]
    left_by_the_others = [answers.mean(axis=tuple({0, 1, 2, 3} - {axis})).var() for axis in range(4)]
    total, right = float(total), sum(within) / answers.var()
    for mistake, advice in (
        (1, "shares of a variance sum to 1 only where effects simply add up; here two factors count the same part"),
        (2, "that is XOR, where nothing is left of either factor alone; an AND has something of each"),
        (sum(left_by_the_others) / answers.var(), "that is the variance of the *means* of the levels, the effect of each factor alone; "
                                                  "the total effect is the mean of the variances within"),
        (sum(within), "divide by the variance over everything"),
    ):
        if np.isclose(total, mistake, rtol=1e-5, atol=1e-5):
            raise Wrong(advice)
    if not np.isclose(total, right, rtol=5e-3):
        raise Wrong(f"the sum is {right:.2f}, not {total:.2f}: for each factor the mean of the variances along its axis, over the variance of all")
    if not isinstance(could_be, bool | np.bool_):
        raise Wrong(f"`could_be` is True or False, not {could_be!r}")
    if could_be:
        raise Wrong("the sum is right. By its mean 14.1 has 1.09: what is above 1 is all that any factors do only together, "
                    "and this AND has far more")
    return (f"{right:.2f} against 1.09: by its mean 14.1 is no unit for striped horses and nothing else. "
            "(By its maximum, 1.44, the intervals are too wide to say so)")
