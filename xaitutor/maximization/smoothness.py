"""Smoothness: two ways to get rid of grain, by a price (total variation) or by force (blur)."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from torch import Tensor

from xaitutor.vision import torchvision


def total_variation(weight: float) -> Callable[[Tensor], Tensor]:
    """A penalty: weight · mean over values of |x(h + 1, w) − x(h, w)| + |x(h, w + 1) − x(h, w)|, one number per picture.

    0 for one even colour. Rudin, Osher and Fatemi 1992; for networks, Mahendran and Vedaldi 2015.
    """
    if not weight >= 0:
        raise ValueError(f"total_variation takes a weight of 0 or more, not {weight}")

    def price(x: Tensor) -> Tensor:
        steps = x.diff(dim=2).abs().sum(dim=(1, 2, 3)) + x.diff(dim=3).abs().sum(dim=(1, 2, 3))
        return weight * steps / x[0].numel()

    return price


def blur(sigma: float, every: int = 1) -> Callable[[Tensor, int], Tensor]:
    """After each `every`-th step: the picture is blurred with a Gaussian of `sigma` pixels.

    Yosinski, Clune, Nguyen, Fuchs and Lipson, Understanding Neural Networks Through Deep Visualization, 2015.
    """
    if not sigma > 0 or not every >= 1:
        raise ValueError(f"blur takes sigma above 0 (pixels) and every 1 or more (steps), not {sigma} and {every}")

    def smooth(x: Tensor, step: int) -> Tensor:
        return torchvision.transforms.functional.gaussian_blur(x, 2 * ceil(3 * sigma) + 1, sigma) if step % every == 0 else x

    return smooth
