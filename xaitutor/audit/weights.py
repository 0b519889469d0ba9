"""Do weights look as if they had just been drawn? Fresh ones are uniform, or normal with a known deviation; trained ones are neither."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import kstest
from torch import Tensor, nn

_LEAST = 256  # with fewer weights nobody can tell
_LEAST_NORMAL = 2000  # their deviation is then known to 1.6 %
_MOST = 20_000  # are enough to ask
_P = 0.001  # of the test of Kolmogorov and Smirnov: so many fresh layers are taken for trained
_FIXED = (0.01, 0.02)  # deviations that torchvision and the transformers begin with


def layers(model: nn.Module) -> dict[str, nn.Module]:
    """The convolutions and linear layers with enough weights, by name, in the order of definition; the last is mostly the head."""
    return {name: module for name, module in model.named_modules()
            if isinstance(module, nn.Linear | nn.modules.conv._ConvNd) and module.weight.numel() >= _LEAST}


def fresh(module: nn.Module) -> bool:
    """Whether the weights of a convolution or linear layer look untrained: all the same, uniform around 0, or normal with a deviation that layers begin with.

    Those are 1 / √fan_in, √(2 / fan_in), √(2 / fan_out) (He et al. 2015), 0.01 and 0.02.
    """
    weight = module.weight.detach()
    w = _some(weight)
    top = np.abs(w).max()
    if top == 0 or w.min() == w.max():
        return True
    if kstest(w / top, "uniform", args=(-1, 2)).pvalue > _P:
        return True
    return len(w) >= _LEAST_NORMAL and any(_normal(w, deviation) for deviation in _deviations(weight))


def _normal(w: np.ndarray, deviation: float) -> bool:
    """Within three standard errors of the deviation, and of a normal shape (cut off at two deviations, as some initialisations do, is another)."""
    return abs(w.std() / deviation - 1) < 3 / np.sqrt(2 * len(w)) and kstest(w, "norm", args=(0, deviation)).pvalue > _P


def _deviations(weight: Tensor) -> tuple[float, ...]:
    into, out = weight[0].numel(), weight.shape[0] * weight[0, 0].numel()
    return (*_FIXED, into**-0.5, (2 / into) ** 0.5, (2 / out) ** 0.5)


def _some(weight: Tensor) -> np.ndarray:
    """At most so many of the weights, drawn in the same way each time."""
    flat = weight.flatten().double().cpu()
    if len(flat) > _MOST:
        flat = flat[torch.randperm(len(flat), generator=torch.Generator().manual_seed(0))[:_MOST]]
    return flat.numpy()
