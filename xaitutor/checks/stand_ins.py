"""Checks of notebook 18: a coalition's picture, LIME's kernel and fit, Shapley values from all coalitions, and Kernel SHAP's weight."""

from __future__ import annotations

from itertools import permutations
from math import comb

import numpy as np
import torch

from xaitutor.checks.answers import shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check


@check
def coalition(function) -> str:
    """Exercise 18.1: `function(x, behind, labels, there)`: x (C, H, W) where its region is there, `behind` elsewhere."""
    draw = torch.Generator().manual_seed(18)
    x, behind = torch.randn(2, 3, 4, 6, generator=draw)
    labels, there = torch.arange(24).reshape(4, 6) // 4 % 4, torch.tensor([1, 0, 0, 1])
    given = x.clone()
    answer = shaped(call(function, given, behind.clone(), labels.clone(), there.clone()), (3, 4, 6), "a picture as large as x")
    if not torch.equal(given, x):
        raise Wrong("you write into x itself; the next coalition would find it full of holes")
    seen = there.bool()[labels]
    compare(answer, torch.where(seen, x, behind), {
        "the other way round: `there` is 1 where the region is to be seen": torch.where(seen, behind, x),
        "hidden places are not 0, they show what is behind": torch.where(seen, x, torch.zeros(())),
        "that hides pixels by their label being 0 or 1; look up there[labels]": torch.where(labels == 1, x, behind),
        "that is the picture itself": x,
    })
    return "each region comes from one of two pictures"


@check
def weight(function) -> str:
    """Exercise 18.2: `function(regions, size)`: the Shapley kernel of a coalition, (R − 1) / (C(R, s) · s · (R − s))."""
    cases = [(3, 1), (4, 2), (6, 1), (6, 3), (10, 4)]
    answer = [float(call(function, r, s)) for r, s in cases]
    compare(answer, [(r - 1) / (comb(r, s) * s * (r - s)) for r, s in cases], {
        "that is all coalitions of this size together; one of C(R, s) has less": [(r - 1) / (s * (r - s)) for r, s in cases],
        "without the R − 1 above": [1 / (comb(r, s) * s * (r - s)) for r, s in cases],
        "below stands s · (R − s), too: small and large coalitions say most": [(r - 1) / comb(r, s) for r, s in cases],
        "below stands R − s, not R": [(r - 1) / (comb(r, s) * s * r) for r, s in cases],
        "upside down": [(comb(r, s) * s * (r - s)) / (r - 1) for r, s in cases],
    })
    return "nearly nobody, or nearly everybody: there a region shows what it does alone, and what it does last"


@check
def shapley(function) -> str:
    """Exercise 18.3: `function(value)`: the Shapley values (3,) of three players; `value(players)` takes a set of 0, 1, 2."""
    games = [
        {(): 0, (0,): 1, (1,): 2, (2,): 0, (0, 1): 5, (0, 2): 1, (1, 2): 2, (0, 1, 2): 6},
        {(): 2, (0,): 2, (1,): 3, (2,): 7, (0, 1): 1, (0, 2): 7, (1, 2): 9, (0, 1, 2): 4},
    ]
    for worth in games:
        def value(players, worth=worth):
            return worth[tuple(sorted(players))]

        everybody, alone, last, phi = worth[0, 1, 2], [], [], []
        for p in range(3):
            others = [q for q in range(3) if q != p]
            pairs = [worth[tuple(sorted((p, q)))] - worth[q,] for q in others]
            alone.append(worth[p,] - worth[()])
            last.append(everybody - worth[tuple(others)])
            phi.append((2 * alone[p] + sum(pairs) + 2 * last[p]) / 6)
        compare(shaped(call(function, value), (3,), "one value for each player"), phi, {
            "that is what each does alone": alone,
            "that is what each does when it comes last; take the mean over all orders": last,
            "alone and last are two of the six orders each; in between a player comes second": np.add(alone, last) / 2,
            "the four coalitions do not count the same: of six orders two begin with the player, two end with it, and each of the two others comes "
            "first in one": [(a + (6 * v - 2 * a - 2 * z) + z) / 4 for a, v, z in zip(alone, phi, last)],
            "the sum over the orders; divide by their number, 6": 6 * np.array(phi),
            "nobody at all may win something, too: take value(()) off what the first one adds": np.array(phi) + worth[()] / 3,
            "what a player adds belongs to the player, not to the place at which it comes in":
                np.mean([[value(order[:k + 1]) - value(order[:k]) for k in range(3)] for order in permutations(range(3))], axis=0),
        })
    return "the mean over six orders of what a player adds when it comes in; they sum to v(all) − v(∅)"


@check
def lime_fit(function) -> str:
    """Exercise 18.4: `function(there, values, kernel)`: w₀ and the weights w (R,) of the weighted least squares, as one vector (1 + R,)."""
    random = np.random.default_rng(18)
    there = random.integers(0, 2, (30, 4)).astype(float)
    values = 1 + there @ [2.0, -1, 0.5, 0] + 0.3 * random.normal(size=30)
    kernel = random.random(30) + 0.05
    answer = call(function, there.copy(), values.copy(), kernel.copy())
    if isinstance(answer, tuple) and any(map(np.ndim, answer)):
        raise Wrong(f"you return {len(answer)} things, and one vector is wanted, w₀ and then w; of lstsq's four the first is the solution")
    answer = shaped(torch.as_tensor(np.asarray(answer)), (5,), "w₀ first, then one weight for each region")

    def fit(design, weights):
        root = np.sqrt(weights)
        return np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]

    ones, everywhere = np.c_[np.ones(30), there], np.ones(30)
    right = fit(ones, kernel)
    compare(answer, right, {
        "every coalition counts the same here; multiply the squares by the kernel": fit(ones, everywhere),
        "the kernel is in there twice: it weighs squares, so that rows are multiplied by its root": fit(ones, kernel**2),
        "w₀ comes first": np.r_[right[1:], right[0]],
        "there is no w₀, so that nothing would be worth 0": np.r_[0, fit(there, kernel)],
    })
    return "a plane through the answers, that bends nowhere and follows the near ones most"
