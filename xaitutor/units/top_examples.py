"""Prototypical examples: the pictures of a data set that a unit responds to most, and the patch of each that it saw."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.foundations import receptive_field
from xaitutor.foundations.receptive_field import Box, LayerField
from xaitutor.networks import images
from xaitutor.networks.layers import require_eval
from xaitutor.units.maps import check_unit, feature_maps
from xaitutor.units.surveys import Survey, fetch, inputs, survey

FIELDS = ("theoretical", "effective")


class Example(NamedTuple):
    """One picture that a unit answers to.

    `index`: its number in the data set. `score`: how much the unit answers. `row`, `column`: where on its map most.
    `box`: the pixels that the unit sees from there. `picture` (3, H, W): what the model saw, in [0, 1]. `patch`:
    `picture` inside `box`.
    """

    index: int
    score: float
    row: int
    column: int
    box: Box
    picture: Tensor
    patch: Tensor


def prototypes(model: nn.Module, layer: str, unit: int, dataset: Sequence, k: int = 9, by: str = "mean",
               preprocess: Callable | None = None, *, field: str = "theoretical",
               cache: str | os.PathLike | None = None, batch_size: int = 32, progress: bool = True) -> list[Example]:
    """The k pictures of `dataset` that the unit number `unit` of `layer` responds to most, best first.

    It is `survey` (which explains the arguments) and then `examples`: for more than one unit of a layer call these, or
    give a `cache`, so that the data set is gone through once.

    field: "theoretical", the patch is all that the unit can see from where it answers most, cut to the picture. Or
    "effective": a square of the size that matters, see `examples`.

    Raises, before the survey begins: IndexError for a unit that the layer does not have, ValueError for a theoretical
    field as large as the picture, and what `survey` raises.
    """
    require_eval(model)
    _look_ahead(model, layer, unit, dataset, preprocess, field)
    found = survey(model, layer, dataset, k, by, preprocess, cache=cache, batch_size=batch_size, progress=progress)
    return examples(found, unit, model, dataset, preprocess, field=field)


def examples(found: Survey, unit: int, model: nn.Module, dataset: Sequence, preprocess: Callable | None = None, *,
             field: str = "theoretical") -> list[Example]:
    """The top pictures of one unit in a survey, with the patch of each that the unit saw, best first.

    The survey, the model, the data set and `preprocess` belong together. With ``field="theoretical"`` the patch is the
    receptive field of the neuron that answered most, cut to the picture. With ``field="effective"`` it is a square
    round the middle of that field, moved so that it lies inside the picture. Its side is measured on these very
    pictures: the effective size (Luo et al. 2016, `receptive_field.effective_size`) of the layer's neuron in the
    middle, which the border cuts least. Where a layer's field has no end, and so no middle, the square lies where the
    neuron lies on its map.

    A neuron of a fully connected layer has no place: its patch is the whole picture.

    Raises IndexError for a unit that the layer does not have, ValueError for a theoretical field as large as the
    picture.
    """
    require_eval(model)
    _check_field(field)
    unit = check_unit(unit, len(found.scores), found.layer)
    indices = found.indices[unit].tolist()
    pictures = fetch(dataset, indices)
    places = found.positions[unit].tolist()
    boxes = _boxes(found, places, model, inputs(model, pictures, preprocess), field)
    rows = zip(indices, found.scores[unit].tolist(), places, boxes, [_seen(p, preprocess) for p in pictures])
    return [Example(index, score, *place, box, picture, picture[:, box.top:box.bottom, box.left:box.right])
            for index, score, place, box, picture in rows]


def _seen(picture: Tensor, preprocess: Callable | None) -> Tensor:
    """The picture as it went into the model: where `preprocess` cuts or scales it, not the data set's own pixels."""
    if preprocess is None:
        return picture
    x = preprocess(picture[None])[0]
    if not (hasattr(preprocess, "mean") and hasattr(preprocess, "std")):
        if x.shape == picture.shape and _same_places(x, picture):
            return picture
        raise TypeError("what the model saw cannot be shown: this preprocess moves pixels, and has no .mean and .std by which its way back is "
                        "known; give it both, or bring the pictures to the model's size first")
    seen = images.denormalise(x, preprocess.mean, preprocess.std).clamp(0, 1)
    untouched = seen.shape == picture.shape and torch.allclose(seen, picture.to(seen), rtol=0, atol=1e-5)
    return picture if untouched else seen


def _same_places(x: Tensor, picture: Tensor) -> bool:
    """Whether each channel of x is a · picture + b, so that no pixel was moved."""
    for mine, theirs in zip(x.double().flatten(1), picture.to(x).double().flatten(1)):
        a = torch.stack([theirs, torch.ones_like(theirs)], dim=1)
        left = mine - a @ torch.linalg.lstsq(a, mine[:, None], driver="gelsd").solution[:, 0]
        if left.abs().max() > 1e-4 * mine.abs().max().clamp_min(1e-12):
            return False
    return True


def _boxes(found: Survey, places: list, model: nn.Module, x: Tensor, field: str) -> list[Box]:
    height, width = x.shape[2:]
    if found.grid is None:
        return [Box(0, 0, height, width)] * len(places)
    seen = receptive_field.field(model, found.layer, (height, width))
    if field == "theoretical":
        _check_smaller(seen, found.layer)
        return [seen.box(*place) for place in places]
    side = _effective_side(model, found.layer, x)
    return [_square(seen, place, side) for place in places]


def _effective_side(model: nn.Module, layer: str, x: Tensor) -> int:
    side = round(receptive_field.effective_size(receptive_field.effective(model, layer, x)))
    if side == 0:
        raise ValueError(f"the effective field of layer {layer!r} cannot be measured: on these pictures no pixel moves "
                         "the neuron in the middle; take field=\"theoretical\", or more pictures")
    return side


def _square(seen: LayerField, place: tuple[int, int], side: int) -> Box:
    """A square of `side` pixels, or what fits, round the middle of the field and inside the picture."""
    starts, lengths = [], []
    for axis, position, count, length in zip((seen.rows, seen.columns), place, seen.grid, seen.image):
        first, end = axis.window(position)
        middle = (position + 0.5) * length / count if axis.size == inf else (first + end) / 2
        lengths.append(min(side, length))
        starts.append(min(max(round(middle - lengths[-1] / 2), 0), length - lengths[-1]))
    (top, left), (height, width) = starts, lengths
    return Box(top, left, top + height, left + width)


def _look_ahead(model, layer, unit, dataset, preprocess, field) -> None:
    """Find on the first picture, before the long pass, what would be wrong after it."""
    _check_field(field)
    if not len(dataset):
        return  # the survey says so
    x = inputs(model, fetch(dataset, [0]), preprocess)
    activation = feature_maps(model, layer, x)[layer]
    check_unit(unit, activation.shape[1], layer)
    if field == "theoretical" and activation.ndim == 4:
        _check_smaller(receptive_field.field(model, layer, tuple(x.shape[2:])), layer)


def _check_field(field: str) -> None:
    if field not in FIELDS:
        raise ValueError(f"field must be {' or '.join(map(repr, FIELDS))}, not {field!r}")


def _check_smaller(seen: LayerField, layer: str) -> None:
    """Raises ValueError where the field of the layer covers the whole picture."""
    if all(size >= length for size, length in zip(seen.size, seen.image)):
        sizes = "everything" if inf in seen.size else f"{seen.size[0]} × {seen.size[1]} pixels"
        raise ValueError(f"a unit of layer {layer!r} sees {sizes}, and the pictures have {seen.image[0]} × "
                         f"{seen.image[1]}: the patch would be the whole picture. With field=\"effective\" it is what "
                         "the unit listens to")
