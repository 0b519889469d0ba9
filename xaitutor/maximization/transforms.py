"""Transforms: the network sees the picture moved a little, differently in each step.

A picture that excites the unit only pixel by pixel does not survive that. A transform is a function x → x for
pictures (N, 3, H, W); what it draws comes from torch's random numbers, which `maximize` seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, radians, sin

import torch
from torch import Tensor
from torch.nn import functional as F

Transform = Callable[[Tensor], Tensor]


def jitter(pixels: int) -> Transform:
    """Shift by −pixels … pixels along both axes; what leaves on one side comes back on the other."""
    if not pixels >= 0 or pixels != int(pixels):
        raise ValueError(f"jitter takes a whole number of pixels, 0 or more, not {pixels}")

    def shift(x: Tensor) -> Tensor:
        down, right = torch.randint(-int(pixels), int(pixels) + 1, (2,)).tolist()
        return x.roll((down, right), dims=(2, 3))

    return shift


def rotation(degrees: float) -> Transform:
    """Turn about the centre by an angle between −degrees and degrees; the mirrored picture fills the corners."""
    if not degrees >= 0:
        raise ValueError(f"rotation takes degrees, 0 or more, not {degrees}")

    def turn(x: Tensor) -> Tensor:
        return turn_and_zoom(x, degrees * (2 * torch.rand(()).item() - 1), 1.0)

    return turn


def scaling(factors: Sequence[float]) -> Transform:
    """Zoom about the centre by one of the factors (1.1: things get 10 % larger); the picture keeps its size."""
    factors = [float(factor) for factor in factors]
    if not factors or not all(factor > 0 for factor in factors):
        raise ValueError(f"scaling takes factors above 0, such as (0.9, 1, 1.1), not {factors}")

    def zoom(x: Tensor) -> Tensor:
        return turn_and_zoom(x, 0.0, factors[torch.randint(len(factors), ()).item()])

    return zoom


def turn_and_zoom(x: Tensor, degrees: float, factor: float) -> Tensor:
    """x turned anticlockwise and made `factor` times larger about its centre; bilinear, mirrored at its border."""
    height, width = x.shape[2:]
    c, s = cos(radians(degrees)) / factor, sin(radians(degrees)) / factor
    # Each pixel of the answer asks the matrix where in x it comes from; both axes run from −1 to 1 there.
    matrix = torch.tensor([[c, -s * height / width, 0], [s * width / height, c, 0]]).to(x)
    grid = F.affine_grid(matrix[None], (1, 3, height, width), align_corners=False)
    return F.grid_sample(x, grid.expand(len(x), -1, -1, -1), padding_mode="reflection", align_corners=False)
