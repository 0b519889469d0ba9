"""Receptive fields: which pixels of the image can a neuron see, and which does it listen to?

The theoretical field follows from kernel, stride, padding and dilation alone (Araujo, Norris and Sim,
Computing Receptive Fields of Convolutional Neural Networks, Distill 2019). Along one axis, a layer turns

    size  ← size + dilation · (kernel − 1) · jump
    start ← start − padding · jump
    jump  ← jump · stride

and the neuron at position i sees the pixels start + i · jump … start + i · jump + size − 1. Where branches
meet, a neuron sees what either sees. The effective field is measured with gradients (Luo et al. 2016).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch


class Field(NamedTuple):
    """What the neurons of a layer see along one axis, in pixels of the image.

    `size`: how many pixels one neuron sees. `jump`: how far the fields of two neighbours lie apart.
    `start`: the first pixel that neuron 0 sees, negative where it looks at the padding.
    A layer that sees everything has size inf and start −inf.
    """

    size: float = 1
    jump: int = 1
    start: float = 0

    def window(self, position: int, length: float = inf) -> tuple[float, float]:
        """(first, end): neuron `position` sees the pixels first … end − 1, cut to an image of `length` pixels."""
        if self.size == inf:
            return 0, length
        first = self.start + position * self.jump
        end = first + self.size
        return (first, end) if length == inf else (max(first, 0), max(min(end, length), 0))


class Box(NamedTuple):
    """A rectangle of pixels: ``image[top:bottom, left:right]``."""

    top: int
    left: int
    bottom: int
    right: int


class LayerField(NamedTuple):
    """What the neurons of a two-dimensional layer see: along `rows`, along `columns`, in which `grid`, of which `image`.

    `grid` (H', W') counts the neurons of one channel, `image` (H, W) the pixels of the image.
    """

    rows: Field
    columns: Field
    grid: tuple[int, int]
    image: tuple[int, int]

    @property
    def size(self) -> tuple[float, float]:
        """(height, width) in pixels."""
        return self.rows.size, self.columns.size

    @property
    def jump(self) -> tuple[int, int]:
        """(down, right): the distance of neighbours, in pixels."""
        return self.rows.jump, self.columns.jump

    def box(self, row: int, column: int, clip: bool = True) -> Box:
        """The pixels that the neuron at (`row`, `column`) sees, cut to the image unless `clip` is False.

        Raises IndexError where the layer has no such neuron.
        """
        for name, position, count in zip(("row", "column"), (row, column), self.grid):
            if not 0 <= position < count:
                raise IndexError(f"{name} {position} is not in this layer of {self.grid[0]} × {self.grid[1]} neurons")
        height, width = self.image if clip or self.rows.size == inf else (inf, inf)
        top, bottom = self.rows.window(row, height)
        left, right = self.columns.window(column, width)
        return Box(top, left, bottom, right)


def grow(field: Field, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Field:
    """One step of the recursion: the field behind one more convolution or pooling, along one axis."""
    if min(kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError(
            "kernel, stride and dilation must be at least 1 and padding at least 0, "
            f"not {kernel}, {stride}, {dilation} and {padding}"
        )
    return Field(
        size=field.size + dilation * (kernel - 1) * field.jump,
        jump=field.jump * stride,
        start=field.start - padding * field.jump,
    )


def of_layers(layers: Iterable[tuple[int, ...]]) -> list[Field]:
    """The field after each of a chain of layers, given as (kernel, stride, padding, dilation); what is left out is 1, 0, 1.

    ``of_layers([(3,), (3,)])[-1].size`` is 5: two 3 × 3 convolutions see what one 5 × 5 sees.
    """
    fields = [Field()]
    for layer in layers:
        fields.append(grow(fields[-1], *layer))
    return fields[1:]


def union(first: Field, second: Field) -> Field:
    """What a neuron sees that adds, or lays side by side, two branches: the smallest stretch that holds both.

    Raises ValueError where the branches' neighbours lie differently far apart: then there is no one field.
    """
    if inf in (first.size, second.size):
        return Field(inf, max(first.jump, second.jump), -inf)
    if first.jump != second.jump:
        raise ValueError(f"branches of strides {first.jump} and {second.jump} meet")
    start = min(first.start, second.start)
    return Field(max(first.start + first.size, second.start + second.size) - start, first.jump, start)


def fields(model: torch.nn.Module, image_size: int | tuple[int, int] = 224) -> dict[str, LayerField]:
    """The theoretical field of every named layer of a network, in the order of ``model.named_modules()``.

    The network runs once on an image of `image_size` (pixels, or (height, width)) that has a shape and no
    content, so that this is quick and the model stays as it is. Batch norm counts as in `eval()` mode.
    What lies behind a global average or a flatten sees everything: size inf. So does, in the networks
    with squeeze-and-excitation, all that comes after the first such block. Layers that cannot be followed
    (attention, transposed convolution, …) are left out; `field` says why.
    """
    return {name: found for name, found in _trace(model, image_size).items() if isinstance(found, LayerField)}


def field(model: torch.nn.Module, layer: str, image_size: int | tuple[int, int] = 224) -> LayerField:
    """The theoretical field of the layer named `layer` (``"layer4.1.conv2"``), as `fields` computes it.

    Raises ValueError where there is no such layer (with the nearest names), where it did not run, and
    where what it sees cannot be said.
    """
    found = _trace(model, image_size)
    if layer not in found:
        _refuse(model, layer)
    if isinstance(found[layer], str):
        raise ValueError(f"cannot say what {layer!r} sees: {found[layer]}")  # noqa: TRY004
    return found[layer]


def effective(
    model: torch.nn.Module, layer: str, images: torch.Tensor, row: int | None = None, column: int | None = None
) -> np.ndarray:
    """How much each pixel moves the neuron at (`row`, `column`) of `layer`: (H, W), non-negative, its sum is 1.

    `images` (N, C, H, W) is what the model takes. The gradient of the neuron, summed over the layer's
    channels, is taken with respect to the images; its absolute value is summed over colours and averaged
    over images (Luo, Li, Urtasun and Zemel, Understanding the Effective Receptive Field, 2016).
    By default the neuron in the middle. Raises ValueError where the layer has no rows and columns.
    """
    import torch

    from xaitutor.networks.layers import evaluating, hooks, require_images, run
    from xaitutor.networks.layouts import channels_first

    require_images(images)
    outputs = []

    def record(name, output):
        if torch.is_tensor(output) and output.ndim == 4:
            outputs[:] = [channels_first(output, model, name, tuple(images.shape[2:])).clone()]  # a clone: an in-place ReLU after the layer must not count

    images = images.detach().clone().requires_grad_()
    with torch.enable_grad(), evaluating(model), hooks({layer: _module(model, layer)}, record):
        run(model, images.clone())  # a copy, which the first layer may overwrite
    if not outputs:
        raise ValueError(
            f"layer {layer!r} has no rows and columns; take one before flatten, such as the last convolution"
        )
    height, width = outputs[0].shape[2:]
    row, column = (height // 2 if row is None else row), (width // 2 if column is None else column)
    if not (0 <= row < height and 0 <= column < width):
        raise IndexError(f"({row}, {column}) is not in layer {layer!r} of {height} × {width} neurons")
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(outputs[0][:, :, row, column].sum(), images)
    influence = gradient.abs().sum(dim=1).mean(dim=0)
    return (influence / influence.sum().clamp_min(torch.finfo(influence.dtype).tiny)).cpu().numpy()


def effective_size(influence: np.ndarray) -> float:
    """The side of a square as large as the pixels that count: √(number of pixels above 4.55 % of the largest).

    4.55 % is what Luo et al. (2016) take: what a Gaussian has left outside two standard deviations.
    """
    return float(np.sqrt((influence > (1 - 0.9545) * influence.max()).sum()))


# --- following a network -------------------------------------------------------------------------------------------

_EVERYWHERE = Field(inf, 1, -inf)
_WINDOWS = {"conv2d", "max_pool2d", "max_pool2d_with_indices", "avg_pool2d"}
# What each neuron computes from the neurons at its own place only, besides what torch itself tags as pointwise.
_LOCAL = {
    "alias", "alpha_dropout", "batch_norm", "cat", "contiguous", "dropout", "dropout_", "feature_dropout", "hardswish_",
    "prelu", "squeeze", "stack", "unsqueeze",
}  # fmt: skip
_PARTS = {"chunk", "narrow", "select", "slice", "split", "split_with_sizes"}
_TURNS = {"permute", "transpose", "swapaxes"}
_RESHAPES = {"flatten", "view", "reshape", "unflatten", "_unsafe_view"}
_WHOLE_MAP = {"group_norm", "instance_norm"}  # their mean and deviation are taken over all places


class _State(NamedTuple):
    """Travels with a tensor through the network."""

    rows: Field
    columns: Field
    grid: tuple[int, int]


def _trace(model, image_size) -> dict[str, LayerField | str]:
    """Run `model` on a shape without content: name of each layer → its field, or why it has none.

    A dispatch mode sees each operation whether a module, a function or an in-place form calls it; in inference
    mode torch shows it the operations as they were called (conv2d, linear, …).
    """
    import torch

    from xaitutor.networks.layers import evaluating, hooks

    image_size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    modules = {name: module for name, module in model.named_modules() if name}
    found = {}

    def record(name, output):
        if torch.is_tensor(output):
            state = getattr(output, "_field", "it does not depend on the image")
            found[name] = LayerField(*state, image_size) if isinstance(state, _State) else state

    first = _first_convolution(model)
    image = torch.zeros(2, first.in_channels, *image_size, dtype=first.weight.dtype, device="meta")
    image._field = _State(Field(), Field(), image_size)
    weights = {name: tensor.detach().to("meta") for name, tensor in [*model.named_parameters(), *model.named_buffers()]}
    try:
        with torch.inference_mode(), evaluating(model), _mode(), hooks(modules, record):
            torch.func.functional_call(model, weights, (image,))
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"the network does not run on an image of {image_size[0]} × {image_size[1]}: {error}"
        ) from error
    return {name: found[name] for name in modules if name in found}


def _mode():
    from torch import Tensor
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Follow(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            inputs = [
                leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor) and hasattr(leaf, "_field")
            ]
            states, shape = [leaf._field for leaf in inputs], inputs[0].shape if inputs else None
            output = function(*args, **(kwargs or {}))
            if inputs:
                state = _step(function, args, shape, states, output)
                for leaf in tree_leaves(output):
                    if isinstance(leaf, Tensor):
                        leaf._field = state
            return output

    return Follow()


def _step(function, args, shape, states, output) -> _State | str:
    """The state after one operation: a new field, or in words why it cannot be said."""
    from torch import Tag

    name, new = function.overloadpacket.__name__, tuple(getattr(_first(output), "shape", ()))
    if any(isinstance(state, _State) and state.rows.size == inf for state in states):
        return _everything(new)
    if any(isinstance(state, str) for state in states):
        return next(state for state in states if isinstance(state, str))
    state = states[0]
    if name in _WINDOWS:
        if shape[-2:] != state.grid:
            return f"{name} does not run over rows and columns"
        pairs = zip((state.rows, state.columns), *_geometry(function, args))
        return _State(*(grow(*pair) for pair in pairs), new[-2:])
    if name.startswith("adaptive_"):
        return _adaptive(state, new)
    if name == "pad":
        return _padded(state, new, args)
    if name in _RESHAPES:
        if new[-2:] == shape[-2:]:  # channels are regrouped, rows and columns stay
            return state
        return _everything(new) if len(new) == 2 else f"{name} mixes rows and columns"
    if name in _WHOLE_MAP or (name == "layer_norm" and len(args[1]) > 1):
        return _everything(new)
    if name in ("mean", "sum", "amax"):
        axes = {axis % len(shape) for axis in (args[1] if len(args) > 1 and args[1] else range(len(shape)))}
        return _everything(new) if axes & {2, 3} else state
    if name in _PARTS and new[-2:] != shape[-2:]:
        return f"{name} cuts out a part of the map"
    if name in _TURNS and not _keeps_order(args, len(shape)):
        return f"{name} turns the map"
    local = name in _LOCAL | _PARTS | _TURNS or Tag.pointwise in function.tags
    if local or name == "layer_norm" or (name == "linear" and len(shape) == 4):
        return _merge(states)
    return _everything(new) if name == "linear" and len(shape) == 2 else f"how far does the operation '{name}' reach?"


def _everything(shape) -> _State:
    return _State(_EVERYWHERE, _EVERYWHERE, tuple(shape[-2:]) if len(shape) == 4 else (1, 1))


def _first(output):
    return output[0] if isinstance(output, (tuple, list)) and output else output


def _keeps_order(args, ndim: int) -> bool:
    """Do rows still come before columns, and channels before or behind both?"""
    order = [axis % ndim for axis in (args[1] if isinstance(args[1], (tuple, list)) else args[1:3])]
    if len(order) == 2:  # transpose
        return not {ndim - 1, ndim - 2} & set(order)
    return order in ([0, 1, 2, 3], [0, 2, 3, 1], [0, 3, 1, 2])


def _padded(state: _State, shape, args) -> _State | str:
    if len(args[1]) > 4 or (len(args) > 2 and args[2] != "constant"):
        return "the border is filled from elsewhere in the map"
    left, _, top, _ = [*args[1], 0, 0][:4]
    rows, columns = (f._replace(start=f.start - before * f.jump) for f, before in zip(state[:2], (top, left)))
    return _State(rows, columns, shape[-2:])


def _merge(states) -> _State | str:
    rows, columns, grid = states[0]
    try:
        for other in states[1:]:
            rows, columns = union(rows, other.rows), union(columns, other.columns)
    except ValueError as error:
        return str(error)
    return _State(rows, columns, grid)


def _geometry(function, args):
    """(kernel, stride, padding, dilation), each a pair, of a convolution or a pooling."""
    values = {argument.name: value for argument, value in zip(function._schema.arguments, args)}
    kernel = _pair(values["kernel_size"]) if "kernel_size" in values else tuple(values["weight"].shape[2:])
    stride = _pair(values.get("stride") or (kernel if "kernel_size" in values else 1))
    dilation, padding = _pair(values.get("dilation", 1)), values.get("padding", 0)
    if isinstance(padding, str):  # "valid", or "same": half a window, the extra pixel at the end
        padding = [d * (k - 1) // 2 if padding == "same" else 0 for k, d in zip(kernel, dilation)]
    return kernel, stride, _pair(padding), dilation


def _pair(value):
    value = [value] if isinstance(value, int) else list(value)
    return value * 2 if len(value) == 1 else value


def _adaptive(state: _State, shape) -> _State | str:
    grid = shape[-2:]
    if grid == (1, 1) and state.grid != (1, 1):
        return _everything(shape)
    if any(old % new for old, new in zip(state.grid, grid)):
        return f"adaptive pooling from {state.grid} to {grid} has windows of different sizes; try another image_size"
    steps = [old // new for old, new in zip(state.grid, grid)]
    return _State(*(grow(f, step, step) for f, step in zip(state[:2], steps)), grid)


def _first_convolution(model):
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            return module
    raise ValueError("the network has no convolution (torch.nn.Conv2d): each of its neurons sees everything")


def _module(model, layer: str):
    modules = dict(model.named_modules())
    if not isinstance(layer, str) or not layer or layer not in modules:
        _refuse(model, layer)
    return modules[layer]


def _refuse(model, layer: str):
    if not isinstance(layer, str):
        raise TypeError(f"a layer is given by its name, one of model.named_modules(), not as a {type(layer).__name__}")
    names = [name for name, _ in model.named_modules() if name]
    if layer in names:
        raise ValueError(f"layer {layer!r} did not run, or returns no tensor; take one inside it or after it")
    near = difflib.get_close_matches(str(layer), names, n=5, cutoff=0.4) or names[:5]
    raise ValueError(f"there is no layer {layer!r}; near it: {', '.join(map(repr, near))} (of {len(names)})")
