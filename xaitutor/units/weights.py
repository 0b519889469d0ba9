"""Weights: the filters of a convolution, and how to look at them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xaitutor.networks.layers import named


def filters(model: nn.Module, layer: str) -> Tensor:
    """A copy of the weights of the convolution named `layer`: (units, channels, h, w), `channels` of the layer before.

    Raises ValueError where there is no such layer, and where it is no two-dimensional convolution (with the
    nearest one).
    """
    module = named(model, layer)[layer]
    if not isinstance(module, nn.Conv2d):
        raise ValueError(f"layer {layer!r} is no convolution (torch.nn.Conv2d) but a {type(module).__name__}; "
                         + _nearest(model, layer))
    return module.weight.detach().clone()


def as_pictures(weights: Tensor) -> Tensor:
    """Filters (units, channels, h, w) as pictures in [0, 1]: (units, 3, h, w) in colour, or (units, 1, h, w) in grey.

    Each filter is scaled about zero, 0.5 + w / (2 max|w|): zero is grey, what excites is brighter, what
    inhibits is darker. (Stretched from smallest to largest, as is often seen, zero would be any grey.) Three channels
    are red, green and blue; of any other number the mean over the channels is shown. Raises ValueError for another
    shape, and for weights that are not finite.
    """
    if weights.ndim != 4 or 0 in weights.shape:
        raise ValueError(f"expected filters (units, channels, h, w), got the shape {tuple(weights.shape)}")
    if not weights.isfinite().all():
        raise ValueError("the filters hold NaN or infinity")
    weights = weights.detach() if weights.shape[1] == 3 else weights.detach().mean(dim=1, keepdim=True)
    largest = weights.abs().amax(dim=(1, 2, 3), keepdim=True)
    return 0.5 + weights / (2 * largest.clamp_min(torch.finfo(weights.dtype).tiny))


def _nearest(model: nn.Module, layer: str) -> str:
    """The convolution that stands nearest to `layer` in the order of the modules, in words."""
    names = [name for name, _ in model.named_modules(remove_duplicate=False)]
    found = [name for name in names if isinstance(model.get_submodule(name), nn.Conv2d)]
    if not found:
        return "the network has none"
    return f"the nearest one is {min(found, key=lambda name: abs(names.index(name) - names.index(layer)))!r}"
