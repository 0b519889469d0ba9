"""Are two heatmaps the same? The share of the hottest places they have in common, and the Dice of what is hot at all.

Heat is (N, H, W), not negative, as `attribution.heatmap` gives it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from xaitutor.attribution.inputs import require_tensors


def top_k_intersection(first: Tensor, second: Tensor, share: float = 0.1) -> Tensor:
    """Of the k hottest places of the first map, the share that is among the k hottest of the second: (N,) in [0, 1], k = `share` of all places.

    For maps in random order it is `share` on average. Places equally hot are taken in reading order. Ghorbani, Abid and Zou, Interpretation
    of Neural Networks is Fragile, AAAI 2019. Raises ValueError for other shapes, negative heat, a share outside (0, 1].
    """
    _check(first, second)
    return (hottest(first, share) & hottest(second, share)).flatten(1).sum(dim=1) / count(first, share)


def dice(first: Tensor, second: Tensor, threshold: float = 0.2) -> Tensor:
    """2 |A ∩ B| / (|A| + |B|) of the places A and B hotter than `threshold` times their map's maximum: (N,) in [0, 1].

    20 % of the maximum is what boxes are drawn by, too (`attribution.box`). Two maps that are zero everywhere are the same: 1. Dice 1945; of heatmaps
    before and after an attack: Galli, Marrone, Moscato and Sansone, EDL-AI 2020. Raises ValueError for other shapes, negative heat, a threshold outside [0, 1).
    """
    _check(first, second)
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold is a share of the maximum, in [0, 1), not {threshold!r}")
    a, b = (heat > threshold * heat.amax(dim=(1, 2), keepdim=True) for heat in (first, second))
    both, sum_of_both = (a & b).flatten(1).sum(dim=1), (a.flatten(1).sum(dim=1) + b.flatten(1).sum(dim=1))
    return torch.where(sum_of_both > 0, 2 * both / sum_of_both.clamp_min(1), 1.0)


def hottest(heat: Tensor, share: float) -> Tensor:
    """Which places are among the k hottest, (N, H, W) bool."""
    order = heat.flatten(1).argsort(dim=1, descending=True, stable=True)[:, :count(heat, share)]
    return torch.zeros_like(heat, dtype=torch.bool).flatten(1).scatter(1, order, True).view_as(heat)


def count(heat: Tensor, share: float) -> int:
    """k, at least 1."""
    if not 0 < share <= 1:
        raise ValueError(f"share is that of the hottest places among all, in (0, 1], not {share!r}")
    return max(1, round(share * heat[0].numel()))


def _check(first: Tensor, second: Tensor) -> None:
    require_tensors(first=first, second=second)
    if first.ndim != 3 or first.shape != second.shape or not first.numel():
        raise ValueError(f"expected two heatmaps (N, H, W) of one shape, got {tuple(first.shape)} and {tuple(second.shape)}")
    for heat in (first, second):
        if not heat.isfinite().all() or heat.min() < 0:
            raise ValueError("heat must be finite and not negative; attribution.heatmap takes the sign away")
