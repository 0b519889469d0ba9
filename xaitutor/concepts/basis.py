"""A basis: directions in the activations of one layer, and how strongly each of them is active at each place of a picture.

`Features` makes a layer of it, so that all that is known of units (surveys, counterfactuals, verdicts, ascent) can be asked of directions, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.networks import layers, layouts


class Basis(NamedTuple):
    """k directions in a layer with C channels.

    `directions` (k, C): what one unit of a feature's activation adds to the layer's activation. `encode`: activations (N, C, h, w) → the features'
    activations (N, k, h, w). Where the basis is complete, Σ_f encode(a)_f · direction_f is the activation again; else it is near it.
    """

    directions: Tensor
    encode: Callable[[Tensor], Tensor]


class Features(nn.Module):
    """A network whose layer `features` puts out a basis' activations (N, k, h, w), and nothing after it.

    ``units.responses(Features(model, "layer4", basis), "features", preprocess)`` asks of directions what notebook 07 asks of units. Raises ValueError for a
    layer that the model does not have.
    """

    def __init__(self, model: nn.Module, layer: str, basis: Basis):
        super().__init__()
        layers.named(model, layer)
        layers.require_eval(model)
        self.model, self.layer, self.basis, self.features = model, layer, basis, nn.Identity()
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.features(self.basis.encode(activations(self.model, self.layer, x)))


def activations(model: nn.Module, layer: str, x: Tensor) -> Tensor:
    """What `layer` answers to preprocessed pictures x (N, 3, H, W): (N, C, h, w)."""
    with layers.record(model, layer) as found:
        layers.run(model, x)
    return layouts.channels_first(found[layer], model, layer, tuple(x.shape[2:]))


def pooled(model: nn.Module, layer: str, x: Tensor, batch: int = 64) -> Tensor:
    """The mean activation of each channel over the places, (N, C), for preprocessed pictures x (N, 3, H, W)."""
    layers.require_eval(model)
    with torch.no_grad():
        return torch.cat([activations(model, layer, part).flatten(2).mean(2) for part in x.split(batch)])


def unit_basis(channels: int) -> Basis:
    """The layer's own units: each channel is a direction, and its activation is what it is."""
    return Basis(torch.eye(channels), lambda a: a)


def vectors(a: Tensor) -> Tensor:
    """Activations (N, C, h, w) as one vector for each place, (N h w, C)."""
    return a.movedim(1, -1).flatten(0, -2)


def as_maps(rows: Tensor, like: Tensor) -> Tensor:
    """(N h w, k) back to (N, k, h, w), N, h and w as in `like`."""
    return rows.reshape(len(like), *like.shape[2:], -1).movedim(-1, 1)


def require_activations(a: Tensor, least: int) -> None:
    """Raise ValueError unless `a` is finite, (N, C, h, w), and has at least `least` vectors."""
    if not isinstance(a, Tensor) or a.ndim != 4 or not a.is_floating_point():
        raise ValueError(f"expected activations (N, C, h, w), as layers.record(…) keeps them, not {getattr(a, 'shape', type(a).__name__)}")
    if not a.isfinite().all():
        raise ValueError("some of the activations are NaN or infinite")
    if vectors(a).shape[0] < least:
        raise ValueError(f"{least} directions need at least as many places, not {vectors(a).shape[0]}; give more pictures")
