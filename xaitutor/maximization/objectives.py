"""Objectives: what is to become large. Built from a few kinds of terms, and combined with + and · number.

    channel("layer3.1.conv2", 7) + 0.5 * target(1)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Term(NamedTuple):
    """weight · (one number that `kind` reads from what `layer` outputs)."""

    kind: str
    layer: str
    index: int | tuple[int, ...] | None = None
    row: int | None = None
    column: int | None = None
    vector: Tensor | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Objective:
    """A sum of terms. `a + b` adds two objectives, `2 * a` weighs one."""

    terms: tuple[Term, ...]

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.terms + other.terms) if isinstance(other, Objective) else NotImplemented

    def __mul__(self, number: float) -> Objective:
        number = _finite(number, "an objective is multiplied by a number")
        return Objective(tuple(term._replace(weight=number * term.weight) for term in self.terms))

    __rmul__ = __mul__

    def values(self, activations: dict[str, Tensor]) -> Tensor:
        """One number per picture, (N,), from the output of each term's layer: (N, C, H, W) or (N, C)."""
        return sum(term.weight * _READ[term.kind](activations[term.layer], term) for term in self.terms)


def channel(layer: str, index: int) -> Objective:
    """The mean of one channel over its map: mean over h, w of a[index, h, w].

    layer: a name from `model.named_modules()`, "layer3.1.conv2", or Lucent's way to write it, "layer3_1_conv2".
    """
    return Objective((Term("channel", _name(layer), _whole(index, "index")),))


def unit(layer: str, index: int, row: int | None = None, column: int | None = None) -> Objective:
    """One neuron: a[index, row, column], by default in the centre, at (H // 2, W // 2). Of a layer (N, C), a[index]."""
    row, column = (None if p is None else _whole(p, what) for p, what in ((row, "row"), (column, "column")))
    return Objective((Term("unit", _name(layer), _whole(index, "index"), row, column),))


def target(index: int | Sequence[int]) -> Objective:
    """The logit of one class: what the network outputs, before any softmax. Of several, (n,): one class for each of n pictures."""
    several = isinstance(index, (Sequence, Tensor)) and not isinstance(index, str) and getattr(index, "ndim", 1)
    return Objective((Term("target", "", tuple(_whole(one, "index") for one in index) if several else _whole(index, "index")),))


def direction(layer: str, vector: Tensor) -> Objective:
    """How far the layer's mean activation goes along `vector` (C,): ⟨v / |v|, mean over h, w of a[:, h, w]⟩.

    The direction of one channel alone, (0, …, 1, …, 0), is `channel`. Raises ValueError for what is no direction.
    """
    vector = torch.as_tensor(vector, dtype=torch.get_default_dtype()).detach()
    if vector.ndim != 1 or not vector.isfinite().all() or not vector.any():
        raise ValueError("a direction is a vector (C,) of finite numbers that are not all 0, "
                         f"not {tuple(vector.shape)} with the length {vector.norm():.3g}")
    return Objective((Term("direction", _name(layer), vector=vector),))


def diversity(layer: str, weight: float = 1.0) -> Objective:
    """A penalty on similar pictures: −weight · Σ over the other pictures j of cos(Gᵢ, Gⱼ).

    G = A Aᵀ, (C, C), is the Gram matrix of picture i at `layer`, A its activations (C, H·W): which channels are active
    together, wherever that is. Needs n > 1 pictures. Olah, Mordvintsev, Schubert, Feature Visualization, Distill 2017.
    """
    return Objective((Term("diversity", _name(layer), weight=_finite(weight, "weight is a number")),))


def check(term: Term, shape: tuple[int, ...], n: int) -> None:
    """Raise ValueError or IndexError where a layer that outputs `shape` has not what the term asks for."""
    where = f"layer {term.layer!r}" if term.layer else "the network"
    if len(shape) not in (2, 4):
        raise ValueError(f"{where} outputs {tuple(shape)}, which has no channels; take a layer that gives "
                         "(N, C, H, W) or (N, C)")
    if term.kind == "target" and len(shape) != 2:
        raise ValueError(f"the network outputs {tuple(shape)} and no logits (N, classes); take channel(layer, index)")
    several = isinstance(term.index, tuple)
    for index in term.index if several else () if term.index is None else (term.index,):
        if not 0 <= index < shape[1]:
            what = "classes" if term.kind == "target" else "channels" if len(shape) == 4 else "units"
            raise IndexError(f"{where} has {shape[1]} {what}, 0 to {shape[1] - 1}; there is no {index}")
    if several and len(term.index) != n:
        raise ValueError(f"{len(term.index)} classes are for as many pictures, and there {'is 1' if n == 1 else f'are {n}'}; ask for n={len(term.index)}, "
                         "or for as many starts")
    if len(shape) == 2 and (term.row is not None or term.column is not None):
        raise ValueError(f"{where} outputs {tuple(shape)}: it has no rows and columns; leave row and column out")
    for name, position, count in zip(("row", "column"), (term.row, term.column), shape[2:]):
        if position is not None and not 0 <= position < count:
            raise IndexError(f"{where} has the map {shape[2]} × {shape[3]} here; there is no {name} {position}")
    if term.vector is not None and len(term.vector) != shape[1]:
        raise ValueError(f"{where} has {shape[1]} channels, but the direction has {len(term.vector)} numbers")
    if term.kind == "diversity" and n == 1:
        raise ValueError("diversity compares pictures with each other, and n is 1; ask for n=2 or more")


# How each kind reads its number off an activation (N, C, H, W) or (N, C).


def _mean(activation: Tensor, term: Term) -> Tensor:
    return activation[:, term.index].reshape(len(activation), -1).mean(dim=1)


def _logit(logits: Tensor, term: Term) -> Tensor:
    return logits[torch.arange(len(logits)), list(term.index)] if isinstance(term.index, tuple) else logits[:, term.index]


def _neuron(activation: Tensor, term: Term) -> Tensor:
    if activation.ndim == 2:
        return activation[:, term.index]
    height, width = activation.shape[2:]
    row, column = (height // 2 if term.row is None else term.row), (width // 2 if term.column is None else term.column)
    return activation[:, term.index, row, column]


def _projection(activation: Tensor, term: Term) -> Tensor:
    mean = activation.flatten(2).mean(dim=2) if activation.ndim == 4 else activation
    return mean @ F.normalize(term.vector.to(mean), dim=0)


def _alike(activation: Tensor, term: Term) -> Tensor:
    flat = activation.reshape(*activation.shape[:2], -1)
    gram = F.normalize((flat @ flat.mT).flatten(1), dim=1)
    similarity = gram @ gram.T
    return similarity.diagonal() - similarity.sum(dim=1)


_READ = {"channel": _mean, "target": _logit, "unit": _neuron, "direction": _projection, "diversity": _alike}


def _name(layer: str) -> str:
    if not isinstance(layer, str):
        raise TypeError(f"layer is a name, like 'layer3.1.conv2', not {type(layer).__name__}")
    return layer


def _whole(number: int, what: str) -> int:
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise TypeError(f"{what} is a whole number, not {number!r}")
    return number.__index__()


def _finite(number: float, what: str) -> float:
    if isinstance(number, (bool, Objective)) or not hasattr(number, "__float__") or not math.isfinite(number):
        raise ValueError(f"{what}, not {number!r}")
    return float(number)
