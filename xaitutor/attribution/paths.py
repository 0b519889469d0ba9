"""Integrated gradients: add up the gradients on the way from a baseline to the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from xaitutor.attribution.class_scores import class_scores, decide, differentiate
from xaitutor.attribution.copies import Copy, weighted_sum
from xaitutor.attribution.inputs import at_least_one, explaining, warn_once


def _gauss_legendre(steps: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return (nodes + 1) / 2, weights / 2


_LARGE_GAP, _ENOUGH_STEPS = 0.1, 20  # share of the difference; with fewer steps nobody expects a sum, and the ends lie too far
RULES = {  # number of steps → positions α in [0, 1] and their weights, which add up to 1
    "gauss_legendre": _gauss_legendre,
    "midpoint": lambda steps: ((np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)),
    "right": lambda steps: (np.arange(1, steps + 1) / steps, np.full(steps, 1 / steps)),
}


def integrated_gradients(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    baseline: float | Tensor | Callable | None = None, steps: int = 50, rule: str = "gauss_legendre",
    batch_size: int = 16, score: str = "logit", progress: bool = True,
) -> Tensor:
    """(x − b) · ∫₀¹ ∂S_c/∂x (b + α (x − b)) dα, which adds up to S_c(x) − S_c(b). (N, C, H, W), as x.

    baseline: b in the model's own units, a number, a tensor that broadcasts to x, or a function of x that returns
    one. None means 0, after normalising the data set's mean colour; black is (0 − mean) / std.
    rule: where and with what weights the integral is sampled, "gauss_legendre", "midpoint" or "right" (the paper's
    Riemann sum). batch_size: how many points of the paths are in memory at a time.

    How near the sum comes says how good the sampling is (`gap`). In a smooth network 50 steps leave next to nothing. In one of ReLUs, where the
    gradient jumps on the way, they leave about 1 % of how far the score goes up and down between b and x: of the difference itself much more where
    that is small, a third and more in an untrained network. You are warned of more than a tenth, as far as the scores seen on the way tell.

    Cost: `steps` forward and backward passes for each image, and one more forward pass to find the class where
    target is None.

    Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, 2017.
    """
    at_least_one(steps=steps, batch_size=batch_size)
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(map(repr, RULES))}, not {rule!r}")
    with explaining(model, x) as x:
        x = x.detach()
        start = start_of(x, baseline)
        target = decide(model, x, target, batch_size)

        seen = []

        def attribute(points, index):
            points.requires_grad_()
            scores = class_scores(model, points, target[index], score)
            slope = differentiate(scores, points)
            seen.append(torch.stack([scores.detach(), (slope * (x - start)[index]).flatten(1).sum(dim=1)]))
            return slope

        positions, weights = RULES[rule](steps)
        points = _points(start, x, positions, weights)
        found = (x - start) * weighted_sum(attribute, points, len(x), len(x) * steps, batch_size, progress)
        _warn_of_a_gap(found, torch.cat(seen, dim=1), positions)
        return found


def gap(
    model: nn.Module, x: Tensor, attribution: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    baseline: float | Tensor | Callable | None = None, score: str = "logit", batch_size: int = 16,
) -> Tensor:
    """By how much an attribution's sum misses S_c(x) − S_c(b), (N,), in units of the score: Σ a − (S_c(x) − S_c(b)); 0 is complete.

    attribution: (N, C, h, w), of `integrated_gradients`, `deeplift`, or any method that promises to add up; the other arguments as they were given to
    it. Divide by S_c(x) − S_c(b) for a share. Two forward passes.
    """
    with explaining(model, x) as x, torch.no_grad():
        if attribution.ndim != 4 or len(attribution) != len(x):
            raise ValueError(f"expected an attribution (N, C, h, w) of {len(x)} images, got {tuple(attribution.shape)}")
        x, start, target = x.detach(), start_of(x, baseline), decide(model, x, target, batch_size)
        there, here = (torch.cat([class_scores(model, part, classes, score) for part, classes in zip(images.split(batch_size), target.split(batch_size))])
                       for images in (x, start))
        return attribution.detach().to(x).flatten(1).sum(dim=1) - (there - here)


def _warn_of_a_gap(found: Tensor, seen: Tensor, positions: np.ndarray) -> None:
    """seen: scores and slopes along the path (2, N · steps). The two ends lie so near to the first and the last point that a line leads there."""
    if len(positions) < _ENOUGH_STEPS:
        return
    scores, slopes = seen.double().view(2, -1, len(positions)) if seen.device.type != "mps" else seen.view(2, -1, len(positions))
    difference = scores[:, -1] + (1 - positions[-1]) * slopes[:, -1] - (scores[:, 0] - positions[0] * slopes[:, 0])
    missing = (found.flatten(1).sum(dim=1) - difference).abs()
    far = (missing > _LARGE_GAP * difference.abs()) & (missing > 1e-5 * scores.abs().amax())
    if far.any():
        worst = int((missing / difference.abs().clamp_min(1e-12)).argmax())
        warn_once(f"the attribution of picture {worst} adds up to about {float(found[worst].sum()):.3g}, where the score rises by {float(difference[worst]):.3g}: "
                  f"{len(positions)} steps are too few for so small a difference, or another baseline gives a larger one")


def _points(start: Tensor, x: Tensor, positions: np.ndarray, weights: np.ndarray) -> Iterator[Copy]:
    for index in range(len(x)):
        for position, weight in zip(positions.tolist(), weights.tolist()):
            yield Copy(index, weight, start[index] + position * (x[index] - start[index]))


def start_of(x: Tensor, baseline) -> Tensor:
    """The baseline of each image, (N, C, H, W)."""
    baseline = baseline(x) if callable(baseline) else 0 if baseline is None else baseline
    start = torch.as_tensor(baseline).detach().to(x)
    try:
        start = start.expand_as(x)
    except RuntimeError as error:
        raise ValueError(f"a baseline of the shape {tuple(start.shape)} does not fit x {tuple(x.shape)}; give a "
                         "number, one image (C, H, W), or one for each image (N, C, H, W)") from error
    if not start.isfinite().all():
        raise ValueError("the baseline has values that are nan or infinite")
    return start
