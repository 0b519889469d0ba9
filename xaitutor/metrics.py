"""How well does an explanation agree with the truth, where the truth is known?

Two kinds of truth. Where the object is: its mask. What the network uses: how far the score falls when a part is taken
out of the scene. None of these numbers says anything alone: what knows neither network nor class (noise, a blob in
the centre, the picture's own edges) has to be scored beside it, and the same method on a network that learnt nothing
(Clark, Wilming and Haufe, XAI-TRIS, 2024).

Masks are scored against heat, (N, H, W) from 0 on: the sign and the colours are gone by then, and how they went changes
the score. `attribution.heatmap(…, reduce=…, clip=1)` does it, with the `reduce` of each method in `METHODS`; clip = 1,
since a clipped map has many maxima. Parts are scored against the signed attribution.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from xaitutor.attribution.inputs import explaining, scores
from xaitutor.truth.agreement import bootstrap  # noqa: F401
from xaitutor.truth.controls import CONTROLS as BASELINES  # noqa: F401
from xaitutor.truth.controls import centre, random, sobel  # noqa: F401
from xaitutor.truth.localisation import pointing_game, relevance_mass, relevance_rank  # noqa: F401

# What the network uses


def part_effects(model: nn.Module, x: Tensor, removed: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """How far the class's logit falls when a part is taken out of the scene: (N, parts), S_c(x) − S_c(without part).

    x: (N, C, H, W), normalised; removed: (N, parts, C, H, W), the same pictures drawn again without each part.
    target: a class for all or one for each picture. Hesse, Schaub-Meyer and Roth, FunnyBirds, ICCV 2023.
    """
    if removed.ndim != 5 or (len(removed), *removed.shape[2:]) != tuple(x.shape) or not removed.shape[1]:
        raise ValueError(f"expected pictures without each part, (N, parts, C, H, W), for x {tuple(x.shape)}; "
                         f"got {tuple(removed.shape)}")
    parts = removed.shape[1]
    with explaining(model, x) as x, torch.no_grad():
        classes = torch.as_tensor(target).expand(len(x))
        before = scores(model, x, classes)
        after = scores(model, removed.flatten(0, 1), classes.repeat_interleave(parts))
        return before[:, None] - after.reshape(-1, parts)


def part_relevance(attribution: Tensor, parts: Tensor) -> Tensor:
    """The signed attribution summed over colours and over each part's mask: (N, parts).

    attribution: (N, C, h, w), enlarged to the masks' size (bilinear) where it is smaller. parts: (N, parts, H, W) in
    [0, 1]; where an edge pixel is half the part's, half of its attribution is.
    """
    if attribution.ndim != 4 or parts.ndim != 4 or len(attribution) != len(parts):
        raise ValueError("expected an attribution (N, C, h, w) and as many masks (N, parts, H, W), got "
                         f"{tuple(attribution.shape)} and {tuple(parts.shape)}")
    signed = attribution.detach().double().sum(dim=1, keepdim=True)
    if signed.shape[2:] != parts.shape[2:]:
        signed = nn.functional.interpolate(signed, size=parts.shape[2:], mode="bilinear")
    return (signed * parts).sum(dim=(2, 3))


def effect_correlation(given: Tensor, effects: Tensor) -> Tensor:
    """Spearman's rank correlation between what each part was given and its effect: (N,) in [−1, 1].

    given: (N, parts) of `part_relevance`; effects: (N, parts) of `part_effects`. Ties share their mean rank. Parts that
    were all given the same are in no order: 0. Where all effects are the same there is no order to find: ValueError,
    leave such a scene out. Hesse, Schaub-Meyer and Roth 2023 (their part-wise comparison of importance).
    """
    if given.ndim != 2 or given.shape != effects.shape or given.shape[1] < 2:
        raise ValueError("expected two tables (N, parts) of one shape with at least 2 parts, got "
                         f"{tuple(given.shape)} and {tuple(effects.shape)}")
    if not (given.isfinite().all() and effects.isfinite().all()):
        raise ValueError("what the parts were given, or their effects, has values that are NaN or infinite")
    a, b = (_centred_ranks(table) for table in (given, effects))
    if (b == 0).all(dim=1).any():
        raise ValueError("all parts of a scene have the same effect: the network does not tell them apart; leave it out")
    lengths = a.norm(dim=1) * b.norm(dim=1)
    return (a * b).sum(dim=1) / torch.where(lengths > 0, lengths, 1.0)


def _centred_ranks(table: Tensor) -> Tensor:
    ranks = torch.from_numpy(rankdata(table.detach().cpu().numpy(), axis=1))
    return ranks - ranks.mean(dim=1, keepdim=True)
