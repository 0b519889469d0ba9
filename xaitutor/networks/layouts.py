"""Where a layer's channels are: most output (N, C, h, w), Swin Transformers and their kin (N, h, w, C).

Nothing in a tensor says which. The layer's weights do: a convolution, a matrix or a norm has as many numbers as its output has channels.
Where a layer has no weights, those of the block around it are asked; where they fit both axes, the square of the map.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def pixel_by_pixel(x: Tensor) -> Tensor:
    """The same pictures (N, C, H, W), with the channels of a pixel side by side in memory: on a processor, convolutions then take up to half as long.

    So do their outputs lie, which `view` cannot take apart: for pictures that go through a whole network (`layers.run`), and no further.
    """
    quicker = x.ndim == 4 and x.device.type == "cpu" and x.dtype == torch.float32
    return x.contiguous(memory_format=torch.channels_last) if quicker else x


def channels_first(output: Tensor, model: nn.Module, layer: str, picture: tuple[int, int] | None = None) -> Tensor:
    """The output of the layer named `layer`, as a view (N, C, h, w); whatever has no four axes stays as it is.

    picture: (H, W) in pixels. Raises ValueError for (N, windows, places, C), which has no rows and columns: its axes are not in the picture's
    proportion.
    """
    if output.ndim != 4 or not is_channels_last(tuple(output.shape), model, layer):
        return output
    if picture is not None and not in_proportion(output.shape[1:3], picture):
        raise ValueError(f"layer {layer!r} puts out {tuple(output.shape)}: windows, places in them, channels. It has no rows and columns; "
                         "take the block around it")
    return output.permute(0, 3, 1, 2)


def in_proportion(grid: Sequence[int], picture: Sequence[int]) -> bool:
    """Whether a map of these rows and columns can be one of a picture (H, W), within what strides round."""
    return abs(grid[0] / picture[0] - grid[1] / picture[1]) <= 1.5 / min(picture)


def is_channels_last(shape: tuple[int, ...], model: nn.Module, layer: str) -> bool:
    """Whether an output of this shape has its channels behind its rows and columns."""
    _, first, second, last = shape
    for module in _outwards(model, layer):
        mixed = _mixed(module) if module is not model else set()
        in_front, behind = first in _convolved(module) | mixed, last in _normalised(module) | mixed
        if in_front != behind:
            return behind
    return first == second != last  # nothing but its being square is left to go by


def _outwards(model: nn.Module, layer: str):
    """The layer's module, and those around it, up to the model itself."""
    while True:
        yield model.get_submodule(layer)
        if not layer:
            return
        layer = layer.rpartition(".")[0]


def _convolved(module: nn.Module) -> set[int]:
    """The numbers of channels of what has them in front."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)
    return {getattr(part, "out_channels", None) or part.num_features for part in module.modules() if isinstance(part, kinds)}


def _normalised(module: nn.Module) -> set[int]:
    """The numbers of channels of what has them behind."""
    return {part.normalized_shape[0] for part in module.modules() if isinstance(part, nn.LayerNorm) and len(part.normalized_shape) == 1}


def _mixed(module: nn.Module) -> set[int]:
    """The same of matrices. (A whole network's last one has as many as there are classes, which says nothing here.)"""
    return {part.out_features for part in module.modules() if isinstance(part, nn.Linear)}
