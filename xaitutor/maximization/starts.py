"""Where an ascent begins, and how far from there it may go.

Class pictures of a robust network: begun at a blurred guess, drawn from the class's own pictures, and kept near it. Santurkar et al., Image synthesis with a
single (robust) classifier, NeurIPS 2019; Engstrom et al., Adversarial robustness as a prior for learned representations, 2019.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def guess(pictures: Tensor, seed: int = 0, side: int = 8) -> Tensor:
    """A blurred picture (1, C, H, W) in [0, 1] that could be one of `pictures` (N, C, H, W), as far as `side` × `side` pixels can tell.

    It is drawn from the normal distribution that has the mean and the covariance of the pictures, made small:  m + Σ_i z_i (p_i − m) / √N  with z_i ~ N(0, 1).
    Raises ValueError for fewer than two pictures, for values outside [0, 1] and for a side that is no whole number from 1 to their own.
    """
    if not isinstance(pictures, Tensor) or pictures.ndim != 4 or len(pictures) < 2:
        raise ValueError(f"a guess needs at least two pictures (N, C, H, W), not {tuple(getattr(pictures, 'shape', ()))}")
    if not (pictures.min() >= 0 and pictures.max() <= 1):
        raise ValueError(f"the pictures have values in [0, 1], not {pictures.min():.3g} to {pictures.max():.3g}")
    if not isinstance(side, int) or not 1 <= side <= min(pictures.shape[2:]):
        raise ValueError(f"side is a whole number from 1 to the pictures' own, {min(pictures.shape[2:])}, not {side!r}")
    small = F.adaptive_avg_pool2d(pictures, side).double()
    mean = small.mean(0, keepdim=True)
    z = torch.randn(len(small), generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(small)
    drawn = mean + torch.einsum("n,nchw->chw", z, small - mean) / len(small) ** 0.5
    return F.interpolate(drawn, pictures.shape[2:], mode="bicubic").clamp(0, 1).to(pictures)


def within(centre: Tensor, radius: float) -> Callable[[Tensor, int], Tensor]:
    """For `after_step`: what has left the ball of this radius around `centre`, (1, C, H, W) or one for each picture, comes back to its surface.

        x ← c + (x − c) · min(1, r / |x − c|₂),    the length over all values of a picture in [0, 1]

    Raises ValueError for a radius that is not above 0.
    """
    if not 0 < radius < float("inf"):
        raise ValueError(f"radius is a length above 0, in values of a picture in [0, 1], not {radius!r}")

    def project(x: Tensor, step: int) -> Tensor:
        away = x - centre.to(x)
        length = torch.linalg.vector_norm(away.flatten(1), dim=1).clamp_min(1e-12)
        return centre.to(x) + away * (radius / length).clamp(max=1)[:, None, None, None]

    return project
