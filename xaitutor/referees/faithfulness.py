"""Infidelity: does the map foresee what a change of the picture does to the answer? Max-sensitivity: how far does noise move the map?

Yeh, Hsieh, Suggala, Inouye and Ravikumar, On the (In)fidelity and Sensitivity of Explanations, NeurIPS 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from xaitutor.attribution.copies import answers_of
from xaitutor.attribution.inputs import at_least_one, explaining
from xaitutor.attribution.regions import filling


class Falls(NamedTuple):
    """What hiding squares does to each image: how far the score fell, `fall` (N, samples), when a square of `squares` (samples, H, W) was hidden, which took
    `difference` (N, C, H, W) away inside it, x − fill."""

    fall: Tensor
    squares: Tensor
    difference: Tensor


def infidelity(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None, attribution: Tensor, *,
    contributions: bool = True, samples: int = 64, fill: str | float | Tensor | Callable = "blur", score: str = "logit", scaled: bool = True,
    seed: int = 0, batch_size: int = 32,
) -> Tensor:
    """The mean squared error of the falls of the score that the map foretells when squares are hidden: (N,), 0 is perfect.

        mean over squares of (β · Σ_i m_i a_i − (S(x) − S(x with the square hidden)))²

    m_i is 1 inside the square where the map gives contributions, as Gradient × Input or Integrated Gradients do; with contributions=False m_i is
    what was taken away there, x_i − fill_i, as for a gradient. β, with scaled=True, is the best factor for each image, β = Σ (m·a) fall / Σ (m·a)²,
    since most maps have no unit; then a map that is right but for a factor has 0, and one that is zero everywhere has the mean squared fall.

    attribution: (N, C, h, w), enlarged (bilinear) where it is smaller than x; with one channel for all colours, contributions only. Squares have
    sides from an eighth to half of the shorter side. Cost: samples + 1 forward passes. Raises ValueError for other shapes.
    """
    seen = falls(model, x, target, samples=samples, fill=fill, score=score, seed=seed, batch_size=batch_size)
    return missed(seen, attribution, contributions=contributions, scaled=scaled)


def falls(model: nn.Module, x: Tensor, target, *, samples: int = 64, fill="blur", score: str = "logit", seed: int = 0, batch_size: int = 32) -> Falls:
    """The experiment of `infidelity`, which serves all maps of these pictures."""
    at_least_one(samples=samples)
    with explaining(model, x) as x, torch.no_grad():
        behind, squares = filling(x, fill), _squares(x, samples, seed)

        def copies(i: int):
            yield x[i]
            for square in squares:
                yield torch.where(square, behind[i], x[i])

        found = answers_of(model, x, target, copies, samples + 1, score, batch_size)
        return Falls(found[:, :1] - found[:, 1:], squares, x - behind)


def missed(seen: Falls, attribution: Tensor, *, contributions: bool = True, scaled: bool = True) -> Tensor:
    """`infidelity` of one map from the falls that were seen."""
    n, channels, *size = seen.difference.shape
    a = attribution.detach().to(seen.difference)
    if a.ndim != 4 or len(a) != n or a.shape[1] not in ((1, channels) if contributions else (channels,)):
        wanted = f"({n}, {channels}, h, w)" + (f" or ({n}, 1, h, w)" if contributions else "")
        raise ValueError(f"expected an attribution {wanted}, got {tuple(attribution.shape)}")
    if a.shape[2:] != tuple(size):
        a = interpolate(a, size=size, mode="bilinear", align_corners=False)
    each = a if contributions else a * seen.difference
    told = torch.einsum("nchw,khw->nk", each, seen.squares.to(a))
    if scaled:
        square = (told * told).mean(dim=1)
        factor = (told * seen.fall).mean(dim=1) / square.clamp_min(torch.finfo(a.dtype).tiny)
        told = told * torch.where(square > 0, factor, 0.0)[:, None]
    return (told - seen.fall).square().mean(dim=1)


def max_sensitivity(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None, method: Callable, *,
    radius: float = 0.02, samples: int = 10, seed: int = 0,
) -> Tensor:
    """How far the map moves at most under noise: max over samples of ‖a(x + δ) − a(x)‖ / ‖a(x)‖, (N,), δ uniform in [−radius, radius].

    method: called as (model, x, target), gives an attribution. radius: in the units of x, which is normalised. 0 says that the map holds, not that
    it is right: one that ignores the picture has 0. Cost: samples + 1 times that of the method. Yeh et al. 2019, section 4.
    """
    at_least_one(samples=samples)
    generator = torch.Generator().manual_seed(seed)
    with explaining(model, x) as x:
        x = x.detach()
        before = method(model, x.clone(), target).detach().flatten(1)
        worst = before.new_zeros(len(x))
        for _ in range(samples):
            noise = radius * (2 * torch.rand(x.shape, generator=generator) - 1)
            after = method(model, x + noise.to(x), target).detach().flatten(1)
            worst = torch.maximum(worst, (after - before).norm(dim=1))
        return worst / before.norm(dim=1).clamp_min(torch.finfo(before.dtype).tiny)


def _squares(x: Tensor, samples: int, seed: int) -> Tensor:
    """(samples, H, W) of True in a square of random side and place."""
    generator = torch.Generator().manual_seed(seed)
    height, width = x.shape[2:]
    least, most = max(1, min(height, width) // 8), max(1, min(height, width) // 2)
    draw = lambda low, high: int(torch.randint(low, high + 1, (), generator=generator))  # noqa: E731
    result = torch.zeros(samples, height, width, dtype=torch.bool, device=x.device)
    for square in result:
        side = draw(least, most)
        top, left = draw(0, height - side), draw(0, width - side)
        square[top:top + side, left:left + side] = True
    return result
