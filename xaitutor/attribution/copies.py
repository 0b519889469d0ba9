"""Many copies of each image, a few at a time: explained and added up (SmoothGrad, integrated gradients), or just asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.attribution.class_scores import decide, logits_of, of_classes, require_score
from xaitutor.attribution.inputs import at_least_one
from xaitutor.networks.layouts import pixel_by_pixel
from xaitutor.progress import tqdm


class Copy(NamedTuple):
    """An altered copy (C, H, W) of the image number `index`, and the weight of its attribution in the sum."""

    index: int
    weight: float
    image: Tensor


def weighted_sum(attribute: Callable, copies: Iterable[Copy], n: int, total: int, batch_size: int, progress: bool = True) -> Tensor:
    """Σ weight · attribute(copy) for each of n images, over its copies, `batch_size` of them at a time.

    attribute: called with copies (B, C, H, W) and the numbers (B,) of their images, returns (B, …). total: how many
    copies there are in all, for a progress bar that shows after three seconds. Half precision is summed in single.
    """
    result = None
    with tqdm(total=total, delay=3, leave=False, disable=not progress) as bar:
        for batch in batches(copies, batch_size):
            images = pixel_by_pixel(torch.stack([copy.image for copy in batch]))
            index = torch.tensor([copy.index for copy in batch], device=images.device)
            part = attribute(images, index)
            wide = torch.promote_types(part.dtype, torch.float32)
            weights = torch.tensor([copy.weight for copy in batch], dtype=wide, device=part.device)
            if result is None:
                result = torch.zeros(n, *part.shape[1:], dtype=wide, device=part.device)
            result.index_add_(0, index, part * weights.reshape(-1, *[1] * (part.ndim - 1)))
            bar.update(len(batch))
    return result.to(part.dtype)


def answers(model: nn.Module, copies: Iterable[Tensor], total: int, target: int | None = None, batch_size: int = 32, progress: bool = True) -> Tensor:
    """The logits of many altered copies (C, H, W) of an image, one row each: (total, K), or (total,) those of one class.

    What a method asks that looks at answers only, such as one that hides a part at a time. `copies` may be a generator: no more than
    `batch_size` of them are in memory. `total` is for a progress bar, which shows after three seconds. Cost: one forward pass a copy.
    """
    rows = []
    with torch.no_grad(), tqdm(total=total, delay=3, leave=False, disable=not progress) as bar:
        for batch in batches(copies, batch_size):
            logits = logits_of(model, pixel_by_pixel(torch.stack(batch)))
            rows.append(logits if target is None else logits[:, target])
            bar.update(len(batch))
    return torch.cat(rows)


def answers_of(model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None, copies: Callable[[int], Iterable[Tensor]],
               totals: int | Sequence[int], score: str = "logit", batch_size: int = 32, progress: bool = True) -> list[Tensor] | Tensor:
    """The scores of the altered copies of each image: (N, totals), or a list of (total,) where images have different numbers of them.

    copies: called with the number of an image, gives its altered copies (C, H, W). target, score: as for `class_scores`; without a target the
    class that is predicted for the image itself, by one more forward pass.
    """
    at_least_one(batch_size=batch_size)
    require_score(score)
    classes = decide(model, x, target, batch_size)
    each = [totals] * len(x) if isinstance(totals, int) else totals
    found = [of_classes(answers(model, copies(i), each[i], batch_size=batch_size, progress=progress), c, score) for i, c in enumerate(classes.tolist())]
    return torch.stack(found) if isinstance(totals, int) else found


def batches(items: Iterable, size: int) -> Iterator[list]:
    """Lists of `size` items, the last one perhaps shorter; nothing is taken before it is needed."""
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch
