"""How much of an explanation is chance: the same question with other seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.attribution.inputs import at_least_one


class OverSeeds(NamedTuple):
    """Of the maps of several seeds, `maps` (seeds, N, C, h, w): their `mean`, and where 95 % of them lie, `low` to `high`, each (N, C, h, w)."""

    mean: Tensor
    low: Tensor
    high: Tensor
    maps: Tensor


def over_seeds(method: Callable, model: nn.Module, x: Tensor, target=None, *, seeds: int = 10, **options) -> OverSeeds:
    """Ask `method(model, x, target, seed=…, **options)` with the seeds 0, 1, …: what another seed would have said.

    low and high are the quantiles 2.5 % and 97.5 % of each pixel over the seeds. Cost: `seeds` times that of the method.
    """
    at_least_one(seeds=seeds)
    maps = torch.stack([method(model, x, target, seed=seed, **options) for seed in range(seeds)])
    wide = maps.to(torch.promote_types(maps.dtype, torch.float32))
    low, high = wide.quantile(torch.tensor([0.025, 0.975]).to(wide), dim=0).to(maps)
    return OverSeeds(maps.mean(dim=0), low, high, maps)
