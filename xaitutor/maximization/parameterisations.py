"""Parameterisations: the numbers that the ascent changes, and the picture they stand for.

    parameters ──(inverse Fourier transform)──▶ ──(mix colours)──▶ ──(sigmoid)──▶ picture in [0, 1]

Each step can be left out. None of them changes which pictures are possible; they change which direction is steepest,
and so which picture the ascent reaches first. `encode` is the way back. Olah, Mordvintsev and Schubert, Feature
Visualization, Distill 2017, section "Preconditioning and Parameterization".
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# The square root of the covariance of ImageNet's colours, scaled to a largest column of length 1 (Lucid, Apache 2.0,
# the code of Olah et al. 2017). Its columns are light–dark, red–blue and magenta–green: the first makes up most of what
# colours do, and three numbers that mix through it vary independently over photos, as red, green and blue do not.
COLOURS = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
COLOURS /= COLOURS.norm(dim=0).max()

EDGE = 0.002  # a sigmoid never gives 0 or 1: pictures to start from are cut to [EDGE, 1 − EDGE], less than 1/255


class Parameterisation(NamedTuple):
    """`decay` is None for pixels, else the exponent of the frequency scale."""

    decay: float | None
    decorrelated: bool
    sigmoid: bool


def pixels(*, decorrelated: bool = False, sigmoid: bool = True) -> Parameterisation:
    """One parameter for each value of the picture.

    decorrelated: the three numbers of a pixel are not red, green and blue but light–dark, red–blue, green–magenta.
    sigmoid: the picture is 1 / (1 + exp(−z)), always in [0, 1]. Without it the parameters are the values themselves,
    and are cut to [0, 1] after each step. That finds the best picture only where each parameter is one value: raises
    ValueError together with `decorrelated`.
    """
    if decorrelated and not sigmoid:
        raise ValueError("decorrelated colours need the sigmoid: cutting values to [0, 1] would undo part of each step")
    return Parameterisation(None, bool(decorrelated), bool(sigmoid))


def fourier(decay: float = 1, *, decorrelated: bool = False) -> Parameterisation:
    """The picture's spectrum: one parameter for the real and one for the imaginary part of each frequency.

    Frequency f (cycles a pixel) is scaled by 1 / (4 · max(f, 1 / size)^decay), so that with decay 1 low frequencies
    weigh as much as they do in photos, and no step can spend all its effort on the finest grain. decay 0 scales all
    alike, a larger decay favours large shapes and strong colours.
    The picture is a sigmoid of what comes out. decorrelated: as in `pixels`. Raises ValueError for a negative decay.
    """
    if not decay >= 0:
        raise ValueError(f"decay is 0 (all frequencies alike) or more, 1 for photos, not {decay}")
    return Parameterisation(float(decay), bool(decorrelated), True)


def decode(kind: Parameterisation, parameters: Tensor, size: tuple[int, int]) -> Tensor:
    """The picture (N, 3, H, W) that the parameters stand for."""
    x = parameters if kind.decay is None else _from_spectrum(parameters, size, kind.decay)
    x = _mix(x, COLOURS) if kind.decorrelated else x
    return x.sigmoid() if kind.sigmoid else x


def encode(kind: Parameterisation, picture: Tensor) -> Tensor:
    """The parameters that stand for `picture` (N, 3, H, W), values in [0, 1]."""
    x = picture.logit(EDGE) if kind.sigmoid else picture
    x = _mix(x, COLOURS.inverse()) if kind.decorrelated else x
    return x if kind.decay is None else _to_spectrum(x, kind.decay)


def _mix(x: Tensor, matrix: Tensor) -> Tensor:
    return (x.movedim(1, -1) @ matrix.T.to(x)).movedim(-1, 1)


def _from_spectrum(parameters: Tensor, size: tuple[int, int], decay: float) -> Tensor:
    spectrum = torch.view_as_complex(parameters * _scale(size, decay, parameters))
    return torch.fft.irfft2(spectrum, s=size, norm="ortho") / 4


def _to_spectrum(x: Tensor, decay: float) -> Tensor:
    spectrum = torch.view_as_real(torch.fft.rfft2(4 * x, norm="ortho"))
    return spectrum / _scale(x.shape[2:], decay, x)


def _scale(size: tuple[int, int], decay: float, like: Tensor) -> Tensor:
    """1 / max(f, 1 / size)^decay, (H, W // 2 + 1, 1). It is Lucid's, like the 4 that keeps the sigmoid steep."""
    height, width = size
    down = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
    right = torch.fft.rfftfreq(width, dtype=torch.float64)
    frequency = (down**2 + right**2).sqrt().clamp_min(1 / max(size))
    return (1 / frequency**decay)[..., None].to(like)
