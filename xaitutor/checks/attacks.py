"""Checks of notebook 20: a step of FGSM, the nearest border, Dice of two maps, and how much of a map lies where something must change."""

from __future__ import annotations

import torch

from xaitutor.checks.answers import shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check


def _random(*shape: int, seed: int = 20) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@check
def fgsm(function) -> str:
    """Exercise 20.1: `function(image, slope, size)`: one step of FGSM *against* the class whose logit has this slope, within [0, 1]."""
    image, slope, size = _random(3, 4, 5), _random(3, 4, 5, seed=1) - 0.5, 0.1
    image[0, 0], image[1, 0] = 0.02, 0.97
    slope[2, 0] = 0
    answer = shaped(call(function, image.clone(), slope.clone(), size), (3, 4, 5), "a picture as large as the image")
    step = size * slope.sign()
    compare(answer, (image - step).clamp(0, 1), {
        "that makes the logit larger; the attack goes down the slope": (image + step).clamp(0, 1),
        "a picture has values in [0, 1]: cut what lies beyond": image - step,
        "the sign of the slope, so that each pixel moves by `size`": (image - size * slope).clamp(0, 1),
        "the other way, down the slope, and then cut what lies beyond [0, 1]": image + step,
        "the sign of the slope, so that each pixel moves by `size`; and cut what lies beyond [0, 1]": image - size * slope,
        "that is the step alone; add it to the image": -step,
        "where the slope is 0 nothing should move": (image - size * torch.where(slope < 0, -1.0, 1.0)).clamp(0, 1),
    })
    return "each pixel by the same small step, and never out of the picture"


@check
def nearest(function) -> str:
    """Exercise 20.2: `function(x, weights, biases, said)`: DeepFool's step r (n,) over the nearest border of a linear classifier."""
    weights = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 3.0], [4.0, 1.0]])
    biases, x = torch.tensor([3.0, 0.0, -1.0, -6.0]), torch.tensor([1.0, 0.5])
    for said in (0, 2):  # the same classes, once with the one that is said in the third place
        weights, biases = (torch.cat([part[1:said + 1], part[:1], part[said + 1:]]) for part in (weights, biases))
        answer = shaped(call(function, x.clone(), weights.clone(), biases.clone(), said), (2,), "a step from x")
        scores = weights @ x + biases
        others = [k for k in range(4) if k != said]
        gaps, slopes = scores[others] - scores[said], weights[others] - weights[said]
        lengths = slopes.norm(dim=1)
        steps = (gaps.abs() / lengths**2)[:, None] * slopes
        unbiased = ((weights @ x)[others] - (weights @ x)[said]).abs() / lengths
        if answer.isnan().any():
            raise Wrong("you divide 0 by 0: the class itself has gap 0 and slope 0; leave it out")
        best, by_gap = (gaps.abs() / lengths).argmin(), gaps.argmax()
        compare(answer, steps[best], {
            "that border belongs to the class with the nearest *score*; the nearest border is |gap| / ‖slope‖ away": steps[by_gap],
            "the other way: the step leads towards the border": -steps[best],
            "divide by ‖slope‖², not by ‖slope‖: once for the distance, once for the direction": steps[best] * lengths[best],
            "that is the slope itself; how far does one have to go?": slopes[best],
            "that is the weight of the other class; the border is where *two* scores are equal": (gaps.abs() / lengths)[best] * weights[others][best],
            "that is where it leads, x + r; asked is r": x + steps[best],
            "the scores have biases, too": unbiased.min() / lengths[unbiased.argmin()] * slopes[unbiased.argmin()],
        })
    return "straight to the nearest border, which need not be that of the second best class"


@check
def dice(function) -> str:
    """Exercise 20.3: `function(first, second, threshold)`: Dice of what is hotter than this share of each map's maximum."""
    first, second = _random(6, 7) ** 2, 3 * _random(6, 7, seed=2) ** 3
    answer = shaped(torch.as_tensor(call(function, first.clone(), second.clone(), 0.3)), (), "one number")

    def found(a, b):
        return 2 * (a & b).sum() / (a.sum() + b.sum())

    a, b = (one > 0.3 * one.max() for one in (first, second))
    compare(answer, found(a, b), {
        "the threshold is a share of each map's own maximum": found(first > 0.3, second > 0.3),
        "that is the intersection over the union": (a & b).sum() / (a | b).sum(),
        "without the 2, two equal maps would have ½": (a & b).sum() / (a.sum() + b.sum()),
        "that is the share of equal places; cold ones do not count": (a == b).float().mean(),
        "that is the share of the first map's places": (a & b).sum() / a.sum(),
        "the maximum of both is not each map's own": found(first > 0.3 * torch.maximum(first.max(), second.max()),
                                                           second > 0.3 * torch.maximum(first.max(), second.max())),
    })
    return "1 for the same hot places, 0 for none in common"


@check
def lift(function) -> str:
    """Exercise 20.4: `function(heat, must)`: how many times more of the heat (H, W) lies where something must change (bool) than by chance."""
    heat, must = _random(8, 9) + 0.2, torch.zeros(8, 9, dtype=torch.bool)
    must[2:5, 3:7] = True
    heat[must] *= 4
    answer = shaped(torch.as_tensor(call(function, heat.clone(), must.clone())), (), "one number")
    inside = heat[must].sum() / heat.sum()
    compare(answer, inside / must.float().mean(), {
        "that is the share inside; a large region gets much of any map: divide by its share of the picture": inside,
        "upside down": must.float().mean() / inside,
        "that compares inside with outside; chance is the mean over the whole picture": heat[must].mean() / heat[~must].mean(),
        "that is the mean heat inside, which has a unit; divide by the mean of all": heat[must].mean(),
        "the difference of the shares; asked is how many times": inside - must.float().mean(),
    })
    return "1 for a map that knows nothing, whatever its region's size"
