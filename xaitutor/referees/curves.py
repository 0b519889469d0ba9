"""Deletion and insertion: take away what the map calls important, or put it back, the most important first, and watch the answer.

Petsiuk, Das and Saenko, RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC 2018; for a ranking by relevance with its sign
it is the pixel flipping of Samek et al., Evaluating the Visualization of What a Deep Neural Network Has Learned, 2017. With fill="imputed" it is
ROAD's variant (`imputation`), whose pictures are nearer to those that a network knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from xaitutor.attribution.copies import answers_of
from xaitutor.attribution.inputs import at_least_one, explaining
from xaitutor.attribution.regions import filling
from xaitutor.referees.imputation import imputed

IMPUTED = "imputed"


def deletion(model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None, heat: Tensor, **options) -> Tensor:
    """The area under the deletion curve, (N,): the lower, the more the answer depends on what the map calls important.

    heat: (N, H, W), as large as x; its sign counts, the largest goes first. options: those of `deletion_curve`.
    """
    return area(deletion_curve(model, x, target, heat, **options))


def insertion(model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None, heat: Tensor, **options) -> Tensor:
    """The area under the insertion curve, (N,): the higher, the more of the answer comes back with what the map calls important. As `deletion`."""
    return area(insertion_curve(model, x, target, heat, **options))


def deletion_curve(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None, heat: Tensor, *,
    fill: str | float | Tensor | Callable = "blur", steps: int = 32, score: str = "probability", seed: int = 0, batch_size: int = 32,
) -> Tensor:
    """The score when the hottest 0, 1/steps, 2/steps, … and all of the pixels are hidden: (N, steps + 1).

    heat: (N, H, W). Pixels equally hot come in random order (`seed`), so that a map of many zeros is not read from the top left corner.
    fill: what hides them, as for `attribution.occlusion`, or "imputed". score: "probability", as in the paper, "logit" or "log_probability".
    Cost: steps + 1 forward passes a picture. Raises ValueError for heat of another shape or that is not finite.
    """
    return _curve(model, x, target, heat, fill, steps, score, seed, batch_size, inserting=False)


def insertion_curve(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None, heat: Tensor, *,
    fill: str | float | Tensor | Callable = "blur", steps: int = 32, score: str = "probability", seed: int = 0, batch_size: int = 32,
) -> Tensor:
    """The score when none but the hottest 0, 1/steps, 2/steps, … and all of the pixels are to be seen: (N, steps + 1). As `deletion_curve`."""
    return _curve(model, x, target, heat, fill, steps, score, seed, batch_size, inserting=True)


def area(curve: Tensor) -> Tensor:
    """The area under curves (N, steps + 1) over the share of pixels from 0 to 1, by trapezoids: (N,)."""
    return torch.trapezoid(curve, dx=1 / (curve.shape[1] - 1), dim=1)


def places(heat: Tensor, seed: int = 0) -> Tensor:
    """The place of each pixel in the order of heat, 0 for the hottest: (N, H, W). Those equally hot are in random order."""
    generator = torch.Generator().manual_seed(seed)
    flat = heat.flatten(1)
    mixed = torch.stack([torch.randperm(flat.shape[1], generator=generator) for _ in flat]).to(flat.device)
    order = mixed.gather(1, flat.gather(1, mixed).argsort(dim=1, descending=True, stable=True))
    return torch.empty_like(order).scatter(1, order, torch.arange(order.shape[1], device=order.device).expand_as(order)).view(heat.shape)


def _curve(model, x: Tensor, target, heat: Tensor, fill, steps: int, score: str, seed: int, batch_size: int, inserting: bool) -> Tensor:
    at_least_one(steps=steps)
    with explaining(model, x) as x, torch.no_grad():
        if heat.shape != (len(x), *x.shape[2:]) or not heat.isfinite().all():
            raise ValueError(f"heat must be finite and have the shape (N, H, W) = {(len(x), *x.shape[2:])}, not {tuple(heat.shape)}; "
                             "attribution.signed_heatmap(…, clip=1, size=x.shape[2:]) gives such heat")
        order = places(heat.detach().to(x.device), seed)
        behind = None if isinstance(fill, str) and fill == IMPUTED else filling(x, fill)
        copies = lambda i: _altered(x[i], None if behind is None else behind[i], order[i], steps, seed, inserting)  # noqa: E731
        return answers_of(model, x, target, copies, steps + 1, score, batch_size)


def _altered(image: Tensor, behind: Tensor | None, order: Tensor, steps: int, seed: int, inserting: bool) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps + 1):
        first = order < round(step * order.numel() / steps)
        hidden = ~first if inserting else first
        yield imputed(image, hidden, generator=generator) if behind is None else torch.where(hidden, behind, image)
