"""The same answer, another heatmap: a change nobody sees that moves the explanation and leaves the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.adversarial.pixels import answer, attacking, check_size, explanation
from xaitutor.adversarial.similarity import hottest
from xaitutor.adversarial.through_explanations import keeping_track
from xaitutor.attribution.class_scores import logits_of
from xaitutor.attribution.heatmaps import _REDUCTIONS as REDUCTIONS
from xaitutor.attribution.inputs import at_least_one
from xaitutor.progress import tqdm


class SameAnswer(NamedTuple):
    """Pictures with the same answer and other heatmaps: `images` (N, C, H, W) in [0, 1], and the heat (N, h, w) `before` and `after` the attack, each
    of the network as it is, each map's sum 1."""

    images: Tensor
    before: Tensor
    after: Tensor


def same_answer(
    model: nn.Module, images: Tensor, attribute: Callable, *, goal: str | Tensor = "top_k", size: float = 8 / 255, steps: int = 40,
    reduce: str = "max_abs", share: float = 0.1, smooth: float | None = 10.0, keep: float = 1.0, progress: bool = True,
) -> SameAnswer:
    """Search, by steps of the gradient's sign, for pictures with another heatmap; no pixel moves by more than `size`, the answer stays.

    model: takes pixels (see `of_pixels`; then the network inside is explained). images: (N, C, H, W) in [0, 1].
    attribute: a method of `xaitutor.attribution`, or `functools.partial(method, …)`; what is explained is the class the model says.
    goal: with h the heat, summing to 1,

        "top_k"     as little heat as possible where the first map has its hottest `share` of places, Σ_top h (Ghorbani et al. 2019)
        "centre"    its centre of mass as far away as possible (the same)
        a tensor    as near as possible to this heat (N, h, w) or (h, w), ½ Σ |h − h_t| (Dombrowski et al. 2019)

    reduce: how colours become heat, as in `heatmap` and `METHODS[…].reduce`.
    smooth: β of the softplus that stands in for the ReLUs while searching, so that heatmaps have derivatives; None: the ReLUs.
    keep: how much it costs in the search to change the class's probability, keep · (p − p₀)².

    Each step's picture is judged by the network as it is, ReLUs and all; of those with the same answer the best one is kept, which is the picture itself where
    none is better. Cost: a step is the method's, and again for its derivative, and again for the judgement.

    Ghorbani, Abid and Zou, Interpretation of Neural Networks is Fragile, AAAI 2019; Dombrowski, Alber, Anders, Ackermann, Müller and Kessel, Explanations Can Be
    Manipulated and Geometry Is to Blame, NeurIPS 2019. Raises TypeError and ValueError as `check_pixels`, ValueError for an unknown goal or `reduce`, another
    size, a target map of another shape, and a method that does not depend on the picture by anything that has a gradient.
    """
    check_size(size)
    at_least_one(steps=steps)
    if reduce not in REDUCTIONS:
        raise ValueError(f"there is no reduce={reduce!r}; there is {', '.join(map(repr, REDUCTIONS))}")
    with attacking(model, images) as x:
        first = x.detach()
        said = answer(model, first)
        sure = _probability(model, first, said).detach()

        def heat_of(x: Tensor) -> Tensor:
            heat = REDUCTIONS[reduce](explanation(attribute, model, x, said))
            return heat / heat.sum(dim=(1, 2), keepdim=True).clamp_min(torch.finfo(heat.dtype).tiny)

        before = heat_of(first).detach()
        cost = _cost(goal, before, share)
        best, after = first, before
        for here in _descend(lambda x: (cost(heat_of(x)), keep * (_probability(model, x, said) - sure) ** 2), first, size, steps, smooth, progress):
            heat = heat_of(here).detach()
            better = (cost(heat) < cost(after)) & (answer(model, here) == said)
            best, after = _where(better, here, best), _where(better, heat, after)
        return SameAnswer(best, before, after)


def _descend(costs: Callable, first: Tensor, size: float, steps: int, smooth: float | None, progress: bool) -> Iterator[Tensor]:
    """The pictures on the way down, each step a share of `size` for each pixel; `costs` gives two for each picture: the goal's, and the answer's."""
    here = first
    for _ in tqdm(range(steps), "another heatmap", leave=False, delay=3, disable=not progress):
        x = here.detach().requires_grad_()
        with keeping_track(smooth):
            ours, answers = costs(x)
        if not ours.requires_grad:
            raise ValueError("this method's heatmap does not depend on the picture by anything that has a gradient; attack another method, and see "
                             "whether its pictures move this one's map, too")
        slope = torch.autograd.grad((ours + answers).sum(), x)[0]
        here = torch.min(torch.max(here - 2.5 * size / steps * slope.sign(), first - size), first + size).clamp(0, 1)
        yield here


def _where(chosen: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """For each picture of the batch the new tensor or the old."""
    return torch.where(chosen.view(-1, *[1] * (new.ndim - 1)), new, old)


def _probability(model: nn.Module, x: Tensor, said: Tensor) -> Tensor:
    return logits_of(model, x).softmax(dim=1).gather(1, said[:, None])[:, 0]


def _cost(goal: str | Tensor, before: Tensor, share: float) -> Callable[[Tensor], Tensor]:
    """What the goal costs for heat (N, h, w) of sum 1: (N,), the less the nearer."""
    if isinstance(goal, Tensor):
        wanted = _wanted(goal, before)
        return lambda heat: (heat - wanted).abs().sum(dim=(1, 2)) / 2
    if goal == "top_k":
        top = hottest(before, share)
        return lambda heat: (heat * top).sum(dim=(1, 2))
    if goal == "centre":
        start = _centre(before) - 1e-4  # at the very start a distance has no direction to grow in
        return lambda heat: -(_centre(heat) - start).norm(dim=1)
    raise ValueError(f"goal must be 'top_k', 'centre', or a heatmap to come to, not {goal!r}")


def _centre(heat: Tensor) -> Tensor:
    """The centre of mass of heat (N, h, w), (N, 2): in shares of the height and the width."""
    rows, columns = (torch.linspace(0, 1, side).to(heat) for side in heat.shape[1:])
    return torch.stack([(heat.sum(dim=2) * rows).sum(dim=1), (heat.sum(dim=1) * columns).sum(dim=1)], dim=1)


def _wanted(goal: Tensor, before: Tensor) -> Tensor:
    wanted = goal.detach().to(before)
    if wanted.ndim not in (2, 3) or wanted.shape[-2:] != before.shape[1:] or (wanted.ndim == 3 and len(wanted) not in (1, len(before))):
        raise ValueError(f"the heatmap to come to must be (h, w) or (N, h, w) as the method's own, {tuple(before.shape)}, not {tuple(goal.shape)}")
    sums = wanted.sum(dim=(-2, -1), keepdim=True)
    if not wanted.isfinite().all() or wanted.min() < 0 or not (sums > 0).all():
        raise ValueError("the heatmap to come to must be finite, not negative, and not zero everywhere; attribution.heatmap takes the sign away")
    return (wanted / sums).expand_as(before)
