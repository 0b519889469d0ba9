"""Ablation: what does the network do without a unit?"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.networks.layers import hooks, named, original, require_eval, require_images, run
from xaitutor.networks.layouts import channels_first
from xaitutor.units.maps import check_activations, check_unit

BATCH = 64


@contextmanager
def ablate(model: nn.Module, layer: str, units: int | Iterable[int], to: float = 0.0) -> Iterator[None]:
    """While the block runs, these units of the layer's output are `to`, in every place and each time the layer runs.

        with ablate(model, "layer4", [28]):
            model(x)

    layer: its output is (N, channels, H, W), (N, H, W, channels) or (N, neurons); everything after it sees the changed output. Gradients
    flow through all other units, none through these. Blocks may be nested. Afterwards, also after an exception, nothing
    is left of it.

    Raises ValueError for a layer that the model does not have, TypeError for units that are no whole numbers; and, when
    the model runs, IndexError for a unit that the layer does not have, ValueError for an output without units.
    """
    units, model = _listed(units), original(model)
    for unit in units:
        check_unit(unit, sys.maxsize, layer)  # how many there are is known when it runs

    def replace(_, output):
        replaced = check_activations(output, layer).clone()
        channels = channels_first(replaced, model, layer)  # a view, whatever their order
        for unit in units:
            channels[:, check_unit(unit, channels.shape[1], layer)] = to
        return replaced

    with hooks(named(model, layer), replace):
        yield


class ClassLoss(NamedTuple):
    """What ablation costs one class, over its `pictures`.

    `change`: of the true class's logit, ablated less intact, on average; negative where the class loses. `before`,
    `after`: the accuracy, in [0, 1].
    """

    pictures: int
    change: float
    before: float
    after: float


def class_losses(
    model: nn.Module, layer: str, units: int | Iterable[int], x: Tensor, labels: Tensor
) -> dict[int, ClassLoss]:
    """What each class of `labels` loses when units are ablated to 0: ``{class: ClassLoss}``, in ascending order.

    x: what the model takes, (N, C, H, W); labels: (N,) int64, the true classes. Raises as `ablate` does, and ValueError
    for labels that do not fit.
    """
    require_eval(model)
    require_images(x)
    labels = torch.as_tensor(labels, device=x.device)
    if labels.shape != x.shape[:1] or len(labels) == 0 or labels.is_floating_point():
        raise ValueError(f"expected a class index for each picture of x, ({len(x)},) of whole numbers, "
                         f"not {tuple(labels.shape)} of {labels.dtype}")
    units = _listed(units)
    intact = _logits(model, x)
    if labels.min() < 0 or labels.max() >= intact.shape[1]:
        raise ValueError(f"labels must be classes from 0 to {intact.shape[1] - 1}, "
                         f"not {labels.min()} to {labels.max()}")
    with ablate(model, layer, units):
        ablated = _logits(model, x)
    change = (ablated - intact).gather(1, labels[:, None])[:, 0]
    before, after = (logits.argmax(1) == labels for logits in (intact, ablated))

    def loss(mine):
        return ClassLoss(int(mine.sum()), *(values[mine].double().mean().item() for values in (change, before, after)))

    return {label: loss(labels == label) for label in labels.unique().tolist()}


def _listed(units: int | Iterable[int]) -> list[int]:
    return list(units) if isinstance(units, Iterable) else [units]


def _logits(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        rows = [run(model, part.clone()) for part in x.split(BATCH)]
    if not isinstance(rows[0], Tensor) or rows[0].ndim != 2:
        got = tuple(rows[0].shape) if isinstance(rows[0], Tensor) else type(rows[0]).__name__
        raise ValueError(f"the model must return logits of the shape (N, classes), but returns {got}; wrap it in a module that does")
    return torch.cat(rows)
