"""Checks of notebook 17: a window that hides, the map of its falls, masks that are averaged, and what a mask costs."""

from __future__ import annotations

import torch

from xaitutor.checks.answers import shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check


def _random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(17))


@check
def hide(function) -> str:
    """Exercise 17.1: `function(x, row, column, side, colour)`: a copy of x (C, H, W) with a square of that colour (C,) from there on."""
    x, colour = _random(3, 7, 9), torch.tensor([1.0, 2.0, 3.0])
    given = x.clone()
    answer = shaped(call(function, given, 1, 4, 3, colour), (3, 7, 9), "a picture as large as x")
    if not torch.equal(given, x):
        raise Wrong("you write into x itself, so that the next window starts from a picture with a hole; copy it first")

    def square(rows: slice, columns: slice, filler=colour[:, None, None]) -> torch.Tensor:
        copy = x.clone()
        copy[:, rows, columns] = filler
        return copy

    compare(answer, square(slice(1, 4), slice(4, 7)), {
        "nothing is hidden": x,
        "rows come before columns": square(slice(4, 7), slice(1, 4)),
        "the square is a pixel too large": square(slice(1, 5), slice(4, 8)),
        "the colours lie side by side; colour[:, None, None] gives each channel its own": square(slice(1, 4), slice(4, 7), colour),
        "each channel has a colour of its own": square(slice(1, 4), slice(4, 7), colour[0]),
        "that is black, 0; fill it with the colour": square(slice(1, 4), slice(4, 7), 0),
        "that is centred on (row, column); it should begin there": square(slice(0, 3), slice(3, 6)),
    })
    return "a copy with a square in it, and the picture untouched"


@check
def average_fall(function) -> str:
    """Exercise 17.2: `function(falls, spots, size)`: for each pixel of a picture of `size` the mean fall of the windows that cover it."""
    spots = [(slice(r, min(r + 3, 6)), slice(c, min(c + 3, 8))) for r in (0, 2, 4) for c in (0, 2, 4, 6)]
    falls = _random(len(spots))
    answer = shaped(call(function, falls.clone(), spots, (6, 8)), (6, 8), "a map as large as the picture")
    total, covers, last, strongest = torch.zeros(6, 8), torch.zeros(6, 8), torch.zeros(6, 8), torch.full((6, 8), -torch.inf)
    for fall, spot in zip(falls, spots):
        total[spot] += fall
        covers[spot] += 1
        last[spot] = fall
        strongest[spot] = torch.maximum(strongest[spot], fall)
    compare(answer, total / covers, {
        "that is the sum; a pixel in the middle lies in more windows than one at the edge": total,
        "divide by the number of windows that cover the pixel, not by that of all": total / len(spots),
        "later windows overwrite earlier ones; add them up, and divide": last,
        "that is the largest fall; asked is the mean": strongest,
        "the sign: a fall is positive": -total / covers,
        "that is how many windows cover each pixel": covers,
    })
    return "the mean over the windows that cover a pixel, at the edges, too"


@check
def fair_rise(function) -> str:
    """Exercise 17.3: `function(scores, masks)`: RISE for masks (K, H, W) that are open more often in some places than in others: (H, W)."""
    masks = (torch.rand(400, 5, 6, generator=torch.Generator().manual_seed(3)) < torch.linspace(0.2, 0.8, 6)).float()
    scores = 2 + masks[:, 2, 1]
    answer = shaped(call(function, scores.clone(), masks.clone()), (5, 6), "one value for each pixel")
    weighted, opened = torch.einsum("k,khw->hw", scores, masks), masks.sum(dim=0)
    compare(answer, weighted / opened, {
        "that is the sum: pixels that are open more often are hotter, whatever they mean": weighted,
        "divided by the number of masks, it is still hotter where masks are open more often": weighted / len(masks),
        "the mean share of open places is not each pixel's own": weighted / (len(masks) * masks.mean()),
        "that is how often each pixel was open": opened,
        "subtracting the mean score is a good idea, and another map: here each pixel has the mean score of the masks that show it":
            (weighted / opened) - scores.mean(),
        "divide each pixel by the sum of the masks there, not of the scores": weighted / scores.sum(),
    })
    return "the mean score of the masks that show this pixel: open twice as often is not twice as important"


@check
def cost(function) -> str:
    """Exercise 17.4: `function(mask, score, sparsity, smoothness, beta)`: what the deletion mask m (h, w) costs, a number."""
    mask, score, beta = torch.rand(4, 5, generator=torch.Generator().manual_seed(5)), torch.tensor(0.7), 3
    steps = [mask.diff(dim=dim).abs() for dim in (0, 1)]
    away, rough = (1 - mask).sum(), sum((step**beta).sum() for step in steps)
    answer = shaped(call(function, mask.clone(), score.clone(), 0.1, 2.0, beta), (), "one number")
    compare(answer, 0.1 * away + 2 * rough + score, {
        "m is 1 where the picture is to be seen: what is taken away is 1 − m": 0.1 * mask.sum() + 2 * rough + score,
        "deleting wants the score low: it is added, not subtracted": 0.1 * away + 2 * rough - score,
        "differences down *and* to the right": 0.1 * away + 2 * (steps[0] ** beta).sum() + score,
        "differences down and *to the right*": 0.1 * away + 2 * (steps[1] ** beta).sum() + score,
        "the differences to the power of β": 0.1 * away + 2 * sum(step.sum() for step in steps) + score,
        "that is without the score": 0.1 * away + 2 * rough,
        "that is without the smoothness": 0.1 * away + score,
        "sums, not means": 0.1 * (1 - mask).mean() + 2 * sum((step**beta).mean() for step in steps) + score,
        "the absolute differences: a step down costs as much as a step up":
            0.1 * away + 2 * sum((mask.diff(dim=dim) ** beta).sum() for dim in (0, 1)) + score,
    })
    return "small, smooth, and the score low: three wishes, one number"
