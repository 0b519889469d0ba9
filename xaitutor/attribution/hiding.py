"""Occlusion: hide one place at a time, and see how far the score falls. RISE: hide half of the picture at random, many times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from xaitutor.attribution.copies import answers_of
from xaitutor.attribution.inputs import at_least_one, explaining
from xaitutor.attribution.regions import filling


def occlusion(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    window: int | None = None, stride: int | None = None, fill: str | float | Tensor | Callable = "grey", score: str = "logit", batch_size: int = 32,
    progress: bool = True,
) -> Tensor:
    """How far the score falls, on average, when a window that covers this pixel is hidden. (N, 1, H, W).

    window, stride: side and step of the square in pixels; None is an eighth of the shorter side, and half a window. At the right and the
    lower edge a window may be cut off. fill: as in `regions.filling`, such as "grey" (Zeiler and Fergus), "black", "blur", "mean". score: as
    for `gradient`; nothing but scores is asked for.

    Cost: one forward pass for each window, and one for the picture; `batch_size` copies in memory at a time.

    Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014.
    """
    with explaining(model, x) as x, torch.no_grad():
        spots = windows(x.shape[2:], window, stride)
        behind = filling(x, fill)
        found = answers_of(model, x, target, lambda i: _covered(x[i], behind[i], spots), len(spots) + 1, score, batch_size, progress)
        fall, covers = x.new_zeros(len(x), 1, *x.shape[2:]), x.new_zeros(x.shape[2:])
        for number, (rows, columns) in enumerate(spots, start=1):
            fall[:, :, rows, columns] += (found[:, 0] - found[:, number])[:, None, None, None]
            covers[rows, columns] += 1
        return fall / covers


def windows(size: Sequence[int], window: int | None = None, stride: int | None = None) -> list[tuple[slice, slice]]:
    """Where the window stands in a picture of `size` (H, W), row by row: pairs of slices that cover each pixel."""
    window = max(1, min(size) // 8) if window is None else window
    stride = max(1, window // 2) if stride is None and isinstance(window, int) else stride
    at_least_one(window=window, stride=stride)
    if stride > window or window > min(size):
        raise ValueError(f"window must fit into the picture {tuple(size)}, and stride be no larger than window, so that each pixel is hidden "
                         f"once; got a window of {window} and a stride of {stride}")
    rows, columns = ([slice(at, min(at + window, side)) for at in range(0, side - window + stride, stride)] for side in size)
    return [(row, column) for row in rows for column in columns]


def rise(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    samples: int = 1000, cells: int = 7, share: float = 0.5, fill: str | float | Tensor | Callable = "grey", score: str = "logit",
    seed: int = 0, batch_size: int = 32, progress: bool = True,
) -> Tensor:
    """RISE: the mean of many random masks, weighted by the score of what each lets through. (N, 1, H, W).

    Each of `samples` masks is a grid of cells × cells that are open with the probability `share`, enlarged (bilinear) beyond the picture and
    shifted at random, m in [0, 1]; the map is Σ_k S(m_k x + (1 − m_k) fill) m_k / (samples · share). fill: as for `occlusion`. The same `seed`
    gives the same bits.

    Only differences within the map mean anything: where scores are high on the whole, so is all of it. Cost: `samples` forward passes.

    Petsiuk, Das and Saenko, RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC 2018.
    """
    at_least_one(samples=samples, cells=cells)
    if not 0 < share < 1:
        raise ValueError(f"share must lie between 0 and 1, not {share}")
    with explaining(model, x) as x, torch.no_grad():
        behind = filling(x, fill)
        masks = lambda: _masks(x, samples, cells, share, seed)  # noqa: E731
        found = answers_of(model, x, target, lambda i: (torch.lerp(behind[i], x[i], mask) for mask in masks()), samples, score, batch_size, progress)
        return sum(found[:, k, None, None, None] * mask for k, mask in enumerate(masks())) / (samples * share)


def _covered(image: Tensor, behind: Tensor, spots) -> Iterator[Tensor]:
    yield image
    for rows, columns in spots:
        copy = image.clone()
        copy[:, rows, columns] = behind[:, rows, columns]
        yield copy


def _masks(x: Tensor, samples: int, cells: int, share: float, seed: int) -> Iterator[Tensor]:
    """Masks (H, W) in [0, 1]: drawn again rather than kept, as there may be thousands."""
    generator = torch.Generator().manual_seed(seed)
    height, width = x.shape[2:]
    tall, wide = -(-height // cells), -(-width // cells)  # of a cell, in pixels
    for _ in range(samples):
        grid = (torch.rand(1, 1, cells + 1, cells + 1, generator=generator) < share).to(x)
        top, left = (int(torch.randint(side, (), generator=generator)) for side in (tall, wide))
        mask = interpolate(grid, size=((cells + 1) * tall, (cells + 1) * wide), mode="bilinear", align_corners=False)
        yield mask[0, 0, top:top + height, left:left + width]
