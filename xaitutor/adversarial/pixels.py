"""Attacks count in pixels: a network that takes pictures in [0, 1], and what every attack begins with.

    model = of_pixels(network, preprocess.mean, preprocess.std)     # budgets are then shares of white: 8/255, say
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from xaitutor.attribution.class_scores import chosen_classes, logits_of
from xaitutor.attribution.inputs import check, explaining


class OfPixels(nn.Module):
    """A `network` behind its normalisation, z = network((x − mean) / std); `normalise(x)` is the first half of it."""

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor):
        super().__init__()
        self.network = network
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.training = network.training  # and not .train(), which would reach into the network

    def normalise(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std

    def forward(self, x: Tensor) -> Tensor:
        return self.network(self.normalise(x))


def of_pixels(network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> OfPixels:
    """A module that takes pictures (N, C, H, W) in [0, 1], from one that takes normalised ones. The network itself is in it, and stays as it is.

    mean, std: C numbers each, std > 0: `preprocess.mean` and `preprocess.std` of `load_model`. Raises TypeError for what is
    no module, ValueError for other numbers.
    """
    if not isinstance(network, nn.Module):
        raise TypeError(f"the network must be a torch.nn.Module, not {type(network).__name__}")
    weight = next((p for p in network.parameters() if p.is_floating_point()), torch.zeros(()))
    mean, std = (torch.as_tensor(values, dtype=weight.dtype, device=weight.device) for values in (mean, std))
    if mean.ndim != 1 or mean.shape != std.shape or not (std > 0).all() or not mean.isfinite().all():
        raise ValueError(f"expected a mean and a std > 0 for each channel, got {mean.tolist()} and {std.tolist()}; "
                         "preprocess.mean and preprocess.std of load_model are such")
    return OfPixels(network, mean[:, None, None], std[:, None, None])


@contextmanager
def attacking(model: nn.Module, images: Tensor) -> Iterator[Tensor]:
    """As `inputs.explaining`, for pixels: gradients on, and a copy of `images` to differentiate by.

    Raises what `check_pixels` raises.
    """
    check_pixels(model, images)
    with explaining(model, images) as x:
        yield x


def check_pixels(model: nn.Module, images: Tensor) -> None:
    """Raise TypeError or ValueError unless `model` is a module in eval mode, `images` a batch (N, C, H, W) in [0, 1]."""
    if isinstance(images, Tensor) and not images.is_floating_point():
        raise TypeError(f"images must be floating point, in [0, 1], not {images.dtype}; images.to_tensor(picture) gives such")
    check(model, images)
    low, high = images.min().item(), images.max().item()
    if low < 0 or high > 1:
        raise ValueError(f"images must be pixels in [0, 1], not from {low:.3g} to {high:.3g}; if they are normalised, "
                         "denormalise(x, mean, std).clamp(0, 1) brings them back, and of_pixels makes a model that takes them so")


def check_size(size: float) -> None:
    """Raise ValueError unless `size` is a number in (0, 1]."""
    if isinstance(size, bool) or not isinstance(size, (int, float)) or not 0 < size <= 1:
        raise ValueError(f"size is how far a pixel may move, a number above 0 and at most 1 (white − black), such as 8/255; not {size!r}")


def answer(model: nn.Module, images: Tensor) -> Tensor:
    """The class the model says for each of `images` (N, C, H, W), (N,). No gradient is kept."""
    with torch.no_grad():
        return chosen_classes(logits_of(model, images), None)


def explanation(attribute: Callable, model: nn.Module, images: Tensor, target: Tensor) -> Tensor:
    """`attribute(network, x, target)` for pixels: of a model made by `of_pixels` the network inside is explained, in its own units."""
    if isinstance(model, OfPixels):
        return attribute(model.network, model.normalise(images), target)
    return attribute(model, images, target)
