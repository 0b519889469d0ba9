"""SmoothGrad: average the explanations of noisy copies of the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from xaitutor.attribution.class_scores import decide
from xaitutor.attribution.copies import Copy, weighted_sum
from xaitutor.attribution.gradients import gradient
from xaitutor.attribution.inputs import at_least_one, explaining


def smoothgrad(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *, method: Callable = gradient,
    samples: int = 50, noise: float = 0.15, batch_size: int = 16, seed: int = 0, progress: bool = True, **options,
) -> Tensor:
    """1/n Σ method(x + N(0, σ²)), σ = noise · (max x − min x) of each image; what `method` outputs, as (N, C, H, W).

    method: any function `method(model, x, target, **options)` of this package. noise: the paper takes 0.1 to 0.2.
    batch_size: how many copies are in memory at a time. seed: the same noise each time, and for each image. progress: a bar after three seconds.

    The class is decided once, on the clean image. Cost: `samples` times that of the method, for each image, and one
    more forward pass to find the class where target is None.

    Smilkov, Thorat, Kim, Viégas and Wattenberg, SmoothGrad: removing noise by adding noise, 2017.
    """
    at_least_one(samples=samples, batch_size=batch_size)
    if not 0 <= noise < float("inf"):
        raise ValueError(f"noise is a share of the image's range, not {noise!r}; 0.1 to 0.2 is usual")
    with explaining(model, x) as x:
        x = x.detach()
        target = decide(model, x, target, batch_size)
        return weighted_sum(
            lambda noisy, index: method(model, noisy, target[index], **options),
            _noisy(x, samples, noise, seed), len(x), len(x) * samples, batch_size, progress)


def _noisy(x: Tensor, samples: int, noise: float, seed: int) -> Iterator[Copy]:
    """The copies of each image, which do not depend on the device, on the batch size, or on the other images."""
    for index, image in enumerate(x):
        generator = torch.Generator().manual_seed(seed)
        sigma = noise * (image.max() - image.min())
        for _ in range(samples):
            yield Copy(index, 1 / samples, image + sigma * torch.randn(image.shape, generator=generator).to(image))
