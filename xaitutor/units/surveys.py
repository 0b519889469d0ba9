"""A survey: one pass over a data set that finds, for every unit of a layer at once, the pictures it responds to most.

What is kept does not grow with the data set: after each batch only the k best of the old and the new.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.networks import images
from xaitutor.networks.layers import named, original, record, require_eval, run
from xaitutor.networks.layouts import channels_first
from xaitutor.networks.neighbours import dependence, require_alone
from xaitutor.progress import tqdm
from xaitutor.units import checkpoints
from xaitutor.units.maps import check_activations, require_ran

SECONDS_BETWEEN_SAVES = 10
KNOWN_PICTURES = 16  # of a data set, by which a cache knows it again
_SCORES = {"mean": lambda maps: maps.mean(dim=(2, 3)), "max": lambda maps: maps.amax(dim=(2, 3))}


class Survey(NamedTuple):
    """The k pictures that each unit of a layer responds to most, best first.

    `scores` (units, k): how much it answers. `indices` (units, k): the pictures' numbers in the data set.
    `positions` (units, k, 2): row and column of its map where it answers most. `layer`: the layer's name. `grid`:
    (H, W) of the map; None for a fully connected layer, whose positions are (0, 0).
    """

    scores: Tensor
    indices: Tensor
    positions: Tensor
    layer: str
    grid: tuple[int, int] | None


class _State(NamedTuple):
    """A survey after `done` pictures; `places` are positions, counted row by row."""

    done: int = 0
    scores: Tensor | None = None
    indices: Tensor | None = None
    places: Tensor | None = None
    grid: tuple[int, int] | None = None
    size: tuple[int, ...] | None = None  # of the pictures


def survey(model: nn.Module, layer: str, dataset: Sequence, k: int = 9, by: str = "mean",
           preprocess: Callable | None = None, *, cache: str | os.PathLike | None = None, batch_size: int = 32,
           progress: bool = True) -> Survey:
    """The k pictures that each unit of `layer` responds to most, for all units in one pass: a `Survey`.

    dataset: ``dataset[i]`` is a picture (3, H, W) in [0, 1], or a uint8 array (H, W, 3), a PIL image or the path of one, or a tuple
    that begins with one: torch's data sets, a tensor (n, 3, H, W), or the array of ``menagerie.Dataset(…).images()``. All
    pictures are of one size.
    by: "mean" ranks by the mean over the unit's map, "max" by its largest value. Of equals the lower index goes first.
    preprocess: what `xaitutor.load_model` gives second; without it the pictures go into the model as they are.
    cache: a file for the state, written every ten seconds, at the end, and when something interrupts. The next call
    goes on from there, or answers at once. The file knows the model's weights and code, the layer, k, `by`, and of the data set its length
    and `KNOWN_PICTURES` pictures, evenly spread, as they are and as `preprocess` makes them. (Whoever changes others deletes the file.)

    Raises ValueError: model in training mode, unknown layer or one without units, unknown `by`, k not between 1 and the
    number of pictures, pictures that are none or of different size, NaN, a cache that is broken or of another survey.
    """
    _check(model, layer, dataset, k, by, batch_size)
    model = original(model)
    identity = {} if cache is None else _identity(model, layer, dataset, k, by, preprocess)
    state = _State(**(cache is not None and checkpoints.read(cache, identity) or {}))
    saved, due = state.done, 0.0  # the first batch is saved at once: a file that cannot be written is found early
    try:
        for state in _states(state, model, layer, dataset, k, by, preprocess, batch_size, progress):  # noqa: B020 (it begins with what was read)
            if cache is not None and time.monotonic() > due:
                checkpoints.write(cache, identity, state._asdict())
                saved, due = state.done, time.monotonic() + SECONDS_BETWEEN_SAVES
    finally:
        if cache is not None and state.done > saved:
            checkpoints.write(cache, identity, state._asdict())
    columns = state.grid[1] if state.grid else 1
    positions = torch.stack([state.places // columns, state.places % columns], dim=-1)
    return Survey(state.scores, state.indices, positions, layer, state.grid)


def fetch(dataset: Sequence, indices: Sequence[int], size: tuple[int, ...] | None = None) -> list[Tensor]:
    """These pictures of the data set, each (3, H, W). Raises ValueError where one is none, or not of this size."""
    at_once = getattr(dataset, "__getitems__", None)  # torch's protocol for data sets that can
    items = at_once(list(indices)) if at_once else [dataset[i] for i in indices]
    pictures = [_picture(item, i) for item, i in zip(items, indices, strict=True)]
    size = size or tuple(pictures[0].shape)
    for picture, i in zip(pictures, indices):
        if tuple(picture.shape) != size:
            raise ValueError(f"the pictures are of different size: dataset[{i}] is {tuple(picture.shape)}, the first "
                             f"one {size}; bring all to one size first")
    return pictures


def inputs(model: nn.Module, pictures: Sequence[Tensor], preprocess: Callable | None,
           room: Tensor | None = None) -> Tensor:
    """The pictures as the model takes them, (N, 3, H, W): preprocessed, of its type, on its device.

    They are written into `room`, if given, with the channels of a pixel side by side: together this saves a small
    network a third of its time.
    """
    for n, picture in enumerate(pictures):
        x = picture if preprocess is None else _prepared(picture, preprocess)
        if room is None:
            like = next(model.parameters(), x)
            room = torch.empty(len(pictures), *x.shape, dtype=like.dtype, device=like.device,
                               memory_format=torch.channels_last)
        room[n] = x
    return room[:len(pictures)]


def _states(state, model, layer, dataset, k, by, preprocess, batch_size, progress) -> Iterator[_State]:
    """The state after each batch that is still to do."""
    count = len(dataset)
    quiet = not progress or count < 500
    room = None
    with tqdm(total=count, initial=state.done, desc=f"surveying {layer}", unit=" pictures", disable=quiet) as bar:
        for start in range(state.done, count, batch_size):
            indices = range(start, min(start + batch_size, count))
            pictures = fetch(dataset, indices, state.size)
            room = inputs(model, pictures, preprocess, room)
            dependence(model, room)
            require_alone(model, batch_size, "with batch_size=1")
            state = _merge(state, _activation(model, layer, room, start), k, by)
            state = state._replace(done=indices.stop, size=tuple(pictures[0].shape))
            yield state
            bar.update(len(indices))


def _activation(model, layer, x, start) -> Tensor:
    with record(model, layer) as activations, torch.no_grad():
        run(model, x)
    require_ran(activations, [layer])
    return check_activations(channels_first(activations[layer], model, layer, tuple(x.shape[2:])), layer, first=start)


def _merge(state: _State, activation: Tensor, k: int, by: str) -> _State:
    """The k best of what is kept and of a new batch of activations, (N, units, H, W) or (N, units)."""
    maps = activation if activation.ndim == 4 else activation[:, :, None, None]
    scores = _SCORES[by](maps).T.cpu()
    indices = torch.arange(state.done, state.done + len(maps)).expand(scores.shape)
    new = (scores, indices, torch.zeros_like(indices))
    if state.done:
        new = [torch.cat(pair, dim=1) for pair in zip((state.scores, state.indices, state.places), new)]
    order = new[0].sort(dim=1, descending=True, stable=True).indices[:, :k]  # stable: of equals the one that came first
    scores, indices, places = (values.gather(1, order) for values in new)
    unit, rank = (indices >= state.done).nonzero(as_tuple=True)  # only of what is kept we look where on the map it is
    places[unit, rank] = maps[indices[unit, rank] - state.done, unit].flatten(1).argmax(dim=1).cpu()
    return _State(0, scores, indices, places, tuple(activation.shape[2:]) or None)


def _check(model, layer, dataset, k, by, batch_size) -> None:
    require_eval(model)
    named(model, layer)  # refuses a name that the model does not have
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise TypeError(f"expected a data set with a length and dataset[i], not {type(dataset).__name__}")
    if not len(dataset):
        raise ValueError("the data set is empty")
    if not 1 <= k <= len(dataset):
        raise ValueError(f"k must be between 1 and the number of pictures, {len(dataset)}, not {k}")
    if by not in _SCORES:
        raise ValueError(f"by must be {' or '.join(map(repr, _SCORES))}, not {by!r}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")


def _picture(item, i: int) -> Tensor:
    item = item[0] if isinstance(item, (tuple, list)) and item else item
    item = images.load_image(item) if isinstance(item, (str, os.PathLike)) else item
    if not isinstance(item, Tensor):
        try:
            item = images.to_tensor(item)[0]
        except (TypeError, ValueError) as error:
            raise ValueError(f"dataset[{i}] is not, and does not begin with, a picture: {error}") from error
    if item.ndim != 3 or not item.is_floating_point():
        raise ValueError(f"expected a picture (3, H, W) with values in [0, 1], got {item.dtype} of shape "
                         f"{tuple(item.shape)} from dataset[{i}]")
    return item.detach()


def _in_range(picture: Tensor) -> Tensor:
    low, high = (value.item() for value in picture.aminmax())
    if not (low >= -1e-4 and high <= 1 + 1e-4):  # room for rounding; NaN is refused, too
        raise ValueError(f"expected pictures with values in [0, 1], got one from {low:.3g} to {high:.3g}: is it "
                         "normalised already, or from 0 to 255?")
    return picture


def _identity(model, layer, dataset, k, by, preprocess) -> dict:
    """What has to be the same for two surveys to have the same answer."""
    weights = hashlib.sha256("".join([str(model), *map(_code, model.modules())]).encode())
    for name, value in model.state_dict().items():
        weights.update(name.encode() + value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    known = fetch(dataset, sorted({i * (len(dataset) - 1) // max(KNOWN_PICTURES - 1, 1) for i in range(KNOWN_PICTURES)}))
    made = [] if preprocess is None else [_prepared(picture, preprocess) for picture in known]
    how = {name: getattr(preprocess, name, None) for name in ("mean", "std", "resize_size", "crop_size")}
    return {"model": weights.hexdigest()[:16], "layer": layer, "by": by, "k": k, "number of pictures": len(dataset), "data set": _digest(known),
            "preprocess": None if preprocess is None else f"{how}, giving {_digest(made)}"}


def _digest(pictures: Sequence[Tensor]) -> str:
    found = hashlib.sha256()
    for picture in pictures:
        found.update(repr(tuple(picture.shape)).encode() + picture.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def _code(module: nn.Module) -> str:
    """What the module does when it is called: two classes may have the same layers."""
    code = getattr(type(module).forward, "__code__", None)
    return "" if code is None else f"{code.co_code.hex()}{code.co_names}{[c for c in code.co_consts if not hasattr(c, 'co_code')]}"


def _prepared(picture: Tensor, preprocess: Callable) -> Tensor:
    return preprocess(_in_range(picture)[None].contiguous())[0]
