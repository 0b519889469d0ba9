"""The last feature map: where a network knows the most about the picture, and still knows where.

It is found by what the network does, not by the name of a layer: one pass is watched, function by function, for the
place where rows and columns are lost, by pooling to one place or by flattening. The map is the tensor that goes in
there, whether a module made it or a function did (DenseNet's last ReLU is a function).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.attribution.class_scores import logits_of
from xaitutor.attribution.inputs import explaining
from xaitutor.networks.layers import original, record
from xaitutor.networks.layouts import channels_first, in_proportion
from xaitutor.networks.rules import each_call, require_watchable

_TAKING = ("__getitem__", "select", "index_select", "gather", "take_along_dim", "masked_select")  # these read places, and flatten nothing


def last_feature_map(model: nn.Module, x: Tensor) -> Tensor:
    """The last feature map (N, C, h, w) of a network, for the pictures x (N, C', H, W).

    It is what goes into the last pooling to one place, or into the flattening: the output of ResNet's `layer4`, of
    VGG's `features`, of GoogLeNet's `inception5b`; in SqueezeNet the class maps themselves. Adaptive pooling before a
    flattening (VGG, AlexNet) counts as a part of it.

    Raises ValueError where there is none: in a network that turns its map into a sequence of patches (vision
    transformers) or never pools or flattens, and where the map has one place only, because the picture is too small.
    """
    return forward(model, x)[0].clone()


def forward(model: nn.Module, x: Tensor, layer: str | None = None) -> tuple[Tensor, Tensor, Head | None]:
    """One pass without gradients: the feature map (N, C, h, w), the logits (N, K), and the linear layer that ran last."""
    with explaining(model, x) as x, torch.no_grad(), watching(model, layer) as watched:
        logits = logits_of(model, x)
        maps = watched.map()
        return watched.channels_first(maps, x.shape[2:]), logits, watched.head()


class Head(NamedTuple):
    """The linear layer, or 1 × 1 convolution, that ran last: `weight` (K, C) and `bias` (K,) or None."""

    weight: Tensor
    bias: Tensor | None


class Watched(NamedTuple):
    """What to ask after the pass: `map()` is the feature map as the network has it, `channels_first(values, (H, W))` brings it, or its
    gradient, to (N, C, h, w), and `head()` is the last linear layer, or None."""

    map: Callable[[], Tensor]
    head: Callable[[], Head | None]
    channels_first: Callable[[Tensor, tuple[int, int]], Tensor]


@contextmanager
def watching(model: nn.Module, layer: str | None = None) -> Iterator[Watched]:
    """Watch the pass inside the block for the last feature map, or for the output of the layer named `layer`.

    Where gradients are on, the map is part of the graph, so that `torch.autograd.grad(score, watched.map())` works.
    Raises ValueError for a name that the model does not have, with the nearest, and without a layer for a scripted model; `map()` does where
    there is no map.
    """
    model, watch = original(model), _Watch()
    if layer is None:
        require_watchable(model)
    with each_call(watch):
        if layer is None:
            yield Watched(watch.map, lambda: watch.head, watch.channels_first)
        else:
            with record(model, layer, gradients=torch.is_grad_enabled()) as recorded:
                activations = recorded[0] if isinstance(recorded, tuple) else recorded
                yield Watched(lambda: _map_of(layer, activations), lambda: watch.head,
                              lambda values, picture: channels_first(values, model, layer, tuple(picture)))


class _Loss(NamedTuple):
    """A step in which rows and columns were lost: `before` (N, C, h, w) became `after`."""

    before: Tensor
    after: Tensor

    def behind(self) -> bool:
        """Whether the channels of the map stand behind its rows and columns: they are what an average leaves."""
        left = self.after.shape[1:].numel() if self.after.ndim == 2 or self.after.shape[1:3].numel() == 1 else None
        return left == self.before.shape[3] != self.before.shape[1]


class _Watch:
    """Sees each function that the network calls, and keeps the last two losses of rows and columns."""

    def __init__(self):
        self.losses: list[_Loss] = []
        self.read: Tensor | None = None  # a map of which single places were taken, after the last loss
        self.head: Head | None = None

    def __call__(self, function, args, kwargs):
        output = function(*args, **kwargs)
        x = args[0] if args else kwargs.get("input")
        if isinstance(x, Tensor) and isinstance(output, Tensor):
            self._note(getattr(function, "__name__", ""), x, output)
            self._note_head(function, args, kwargs)
        return output

    def _note(self, name: str, before: Tensor, after: Tensor) -> None:
        if self.losses and before is self.losses[-1].after and (before.ndim, after.ndim) == (3, 2):
            self.losses[-1] = self.losses[-1]._replace(after=after)  # rows first, then columns: x.mean(3).mean(2)
        elif before.ndim == 4 and name in _TAKING and before.shape[2:].numel() > 1:
            self.read = before if after.ndim < 4 else self.read
        elif before.ndim == 4 and (_is_pooling(name, before, after) or _is_flattening(before, after)):
            self.losses, self.read = [*self.losses[-1:], _Loss(before, after)], None

    def _note_head(self, function, args, kwargs) -> None:
        if function in (nn.functional.linear, nn.functional.conv2d):
            values = dict(zip(("input", "weight", "bias"), args)) | kwargs
            weight, bias = values["weight"].detach(), values.get("bias")
            if weight.shape[2:].numel() == 1:
                self.head = Head(weight.flatten(1), None if bias is None else bias.detach())

    def channels_first(self, values: Tensor, picture: tuple[int, int]) -> Tensor:
        loss = self.losses[-1]
        flattened = loss.after.ndim == 2 and loss.after.numel() == loss.before.numel() == values.numel()
        odd = flattened and not in_proportion(values.shape[2:], picture) and in_proportion(values.shape[1:3], picture)
        return values.permute(0, 3, 1, 2) if loss.behind() or odd else values

    def map(self) -> Tensor:
        if self.read is not None:
            raise ValueError(f"no last feature map was found: the network ends in a map {tuple(self.read.shape)}, of which single places are read; say "
                             "which layer explains them: layer=…")
        if not self.losses:
            raise ValueError("no last feature map was found: the network never pools or flattens its rows and columns "
                             "away; say which layer: layer=…")
        before, after = self.losses[-1]
        if after.ndim == 3:
            raise ValueError(f"no last feature map was found: the network turns its map {tuple(before.shape)} into a "
                             f"sequence {tuple(after.shape)} and goes on, as vision transformers do; from there on "
                             "it has no rows and columns, so that this method does not apply")
        if after.ndim == 2 and len(self.losses) == 2 and self.losses[0].after.shape[2:] == before.shape[2:]:
            before = self.losses[0].before  # pooled first, then flattened
        places = before.shape[1:3] if self.losses[-1].behind() else before.shape[2:]
        if places.numel() == 1:
            raise ValueError("the last feature map has one place only (1 × 1), so that it cannot say where: the "
                             "picture is too small for this network; take a larger one, or an earlier layer: layer=…")
        return before


def _is_pooling(name: str, before: Tensor, after: Tensor) -> bool:
    """Pooling to one place, and adaptive pooling to any size: it fits the map to the layers behind a flattening."""
    to_one_place = after.ndim == 4 and 1 in (after.shape[2:].numel(), after.shape[1:3].numel())
    return "adaptive" in name or (to_one_place and ("pool" in name or name in ("mean", "sum", "amax")))


def _is_flattening(before: Tensor, after: Tensor) -> bool:
    return after.ndim in (2, 3) and after.shape[0] == before.shape[0]


def _map_of(layer: str, activations: dict[str, Tensor]) -> Tensor:
    if layer not in activations:
        raise ValueError(f"layer {layer!r} did not run in this pass; take one that every picture goes through")
    if activations[layer].ndim != 4:
        raise ValueError(f"layer {layer!r} puts out {tuple(activations[layer].shape)}, which has no rows and columns; "
                         "take one before pooling and flattening that puts out (N, C, h, w), or (N, h, w, C)")
    return activations[layer]
