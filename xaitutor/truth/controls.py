"""Controls: what knows nothing of the network, in the form of a method. A method that does not beat them has shown nothing.

Each gives (N, 1, H, W) for x (N, C, H, W), and ignores the model and the class.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch
from scipy.ndimage import sobel as slope
from torch import Tensor, nn


def random(model: nn.Module, x: Tensor, target=None, *, seed: int = 0) -> Tensor:
    """Noise, N(0, 1): signed as the gradient is. Each picture has its own, the same in any batch; all else is ignored."""
    noise = torch.stack([torch.randn(1, *x.shape[2:], generator=_generator(picture, seed)) for picture in x])
    return noise.to(x)


def centre(model: nn.Module, x: Tensor, target=None, *, width: float = 0.25) -> Tensor:
    """A Gaussian blob in the middle, exp(−d² / 2σ²), σ = `width` times the side: photographers centre their objects."""
    rows, columns = (torch.linspace(-0.5, 0.5, side).to(x) for side in x.shape[2:])
    blob = torch.exp(-(rows[:, None] ** 2 + columns**2) / (2 * width**2))
    return blob.expand(len(x), 1, *blob.shape).clone()


def sobel(model: nn.Module, x: Tensor, target=None) -> Tensor:
    """The picture's own edges: the length of the Sobel gradient of its mean over colours."""
    grey = x.detach().cpu().double().mean(dim=1).numpy()
    # One by one: along all axes but its own SciPy's filter smooths, also from picture to picture.
    edges = np.stack([np.hypot(slope(picture, axis=0), slope(picture, axis=1)) for picture in grey])
    return torch.from_numpy(edges)[:, None].to(x)


CONTROLS = {"random": random, "centre": centre, "sobel": sobel}
TITLES = {"random": "Random", "centre": "Centre", "sobel": "Sobel edges"}


def _generator(picture: Tensor, seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(zlib.crc32(picture.detach().cpu().numpy().tobytes(), seed))
