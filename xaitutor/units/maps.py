"""Feature maps: what each channel of a layer answers to a picture, place by place.

Here also are the checks that all functions on units share.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import index

import torch
from torch import Tensor, nn

from xaitutor.networks import layers as recording
from xaitutor.networks.layers import require_eval
from xaitutor.networks.layouts import channels_first


def feature_maps(model: nn.Module, layers: str | Iterable[str], x: Tensor) -> dict[str, Tensor]:
    """The outputs of the layers for x (N, C, H, W): ``{name: (N, channels, H', W')}``, without gradients.

    layers: dotted names from `model.named_modules()`, or one of them (it gives a dict, too). A fully connected
    layer gives (N, neurons), one that outputs (N, H', W', channels) has its axes changed. Raises ValueError for a model in training mode, a name that the model does not have,
    an output without channels, and values that are not finite.
    """
    require_eval(model)
    recording.require_images(x)
    names = [layers] if isinstance(layers, str) else layers
    model, names = recording.original(model), names if isinstance(names, nn.Module) else list(names)
    with recording.record(model, names) as activations, torch.no_grad():
        recording.run(model, x.clone())  # a copy, which the first layer may overwrite
    require_ran(activations, names)
    found = {name: channels_first(activations[name], model, name, tuple(x.shape[2:])) for name in names}
    return {name: check_activations(maps, name) for name, maps in found.items()}


def require_ran(activations: dict[str, Tensor], names: Iterable[str]) -> None:
    """Raise ValueError for a layer of which nothing was recorded."""
    for name in names:
        if name not in activations:
            raise ValueError(f"layer {name!r} does not run when the model is used; take one that every picture goes through")


def check_unit(unit: int, count: int, layer: str) -> int:
    """`unit` as an int. Raises TypeError for what is no whole number, IndexError where the layer has no such unit."""
    try:
        number = index(unit)
    except TypeError:
        raise TypeError(f"unit must be a whole number, not {unit!r}") from None
    if not 0 <= number < count:
        raise IndexError(f"layer {layer!r} has no unit {number}: it has {count} units, 0 to {count - 1}")
    return number


def check_activations(activation: Tensor, layer: str, first: int = 0) -> Tensor:
    """`activation` itself, once it is (N, units, H, W) or (N, units), and finite.

    first: the number of its first picture, for the message. Raises ValueError.
    """
    if activation.ndim not in (2, 4):
        raise ValueError(f"layer {layer!r} outputs {tuple(activation.shape)}; it has no axis of channels: expected "
                         "(N, channels, H, W) or (N, neurons). Take a convolution or a fully connected layer")
    if not activation.sum().isfinite():  # quick; only an infinite sum is looked into
        infinite = activation.isfinite().logical_not().nonzero()
        if len(infinite):
            raise ValueError(f"layer {layer!r} outputs NaN or infinity for picture {first + int(infinite[0, 0])}: "
                             "look at that picture, and at the model's weights")
    return activation
