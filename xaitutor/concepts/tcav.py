"""TCAV: does a class become likelier in the direction of a concept?

    S = ∂ score_k(a) / ∂ a · v,    TCAV = share of the pictures of class k with S > 0

Kim et al., Interpretability beyond feature attribution: quantitative testing with concept activation vectors, ICML 2018. A random concept has a score,
too; only what differs from many of those is said to count (their two-sided t-test, here Welch's).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import ttest_ind_from_stats
from torch import Tensor, nn

from xaitutor.attribution.class_scores import class_scores, differentiate
from xaitutor.attribution.inputs import explaining
from xaitutor.attribution.last_maps import watching
from xaitutor.concepts.probes import concept_vector


class Draws(NamedTuple):
    """`vectors` (repeats, D): of one concept, from one draw of pictures after the other. `controls` (repeats, D): of random pictures in its place."""

    vectors: Tensor
    controls: Tensor


class Tcav(NamedTuple):
    """`score`, the concept's mean TCAV score over the draws; `control`, that of random concepts; `p`, how probable a difference as large as theirs is by chance."""

    score: float
    control: float
    p: float


def draws(concept: Tensor, others: Tensor, repeats: int = 10, seed: int = 0) -> Draws:
    """Concept vectors from `repeats` draws, and as many of random concepts.

    concept (n, D): activations of pictures with the concept; others (m, D): of pictures of any kind. A draw takes half of the concept's pictures and as many
    others; its control takes as many others twice. Raises ValueError where there are fewer others than pictures of the concept, for fewer than two repeats
    or four pictures of the concept, and as `concept_vector` does.
    """
    half = len(concept) // 2
    if half < 2 or repeats < 2:
        raise ValueError(f"a score with a control needs at least 2 repeats and 4 pictures of the concept, not {repeats} and {len(concept)}")
    if len(others) < 2 * half:
        raise ValueError(f"the control draws {2 * half} other pictures, and there are {len(others)}")
    generator = torch.Generator().manual_seed(seed)
    vectors, controls = [], []
    for _ in range(repeats):
        one, two = _drawn(others, 2 * half, generator).split(half)
        vectors.append(concept_vector(_drawn(concept, half, generator), one))
        controls.append(concept_vector(two, one))
    return Draws(torch.stack(vectors), torch.stack(controls))


def tcav(gradients: Tensor, drawn: Draws) -> Tcav:
    """The TCAV score of a concept beside that of random ones.

    gradients (N, D): of the class's score by the layer, `sensitivity` of pictures of the class. Raises ValueError where vectors and gradients do not fit.
    """
    if gradients.ndim != 2 or gradients.shape[1] != drawn.vectors.shape[1]:
        raise ValueError(f"expected gradients (N, {drawn.vectors.shape[1]}), as long as the concept's vectors, not {tuple(gradients.shape)}")
    scores, controls = (((gradients @ vectors.to(gradients).T) > 0).double().mean(0).cpu().numpy() for vectors in drawn)
    return Tcav(float(scores.mean()), float(controls.mean()), _p(scores, controls))


def sensitivity(model: nn.Module, layer: str, x: Tensor, target: int | Sequence[int] | Tensor | None = None, flat: bool = False) -> Tensor:
    """The gradient of a class's logit by a layer's activation, added up over the places: (N, C) for preprocessed pictures x (N, 3, H, W).

    Times a direction (C,) it says how much the logit grows where the activation moves a little that way everywhere. target: a class for all, one for each
    picture, or None for the predicted class. flat: (N, C h w) instead, each place for itself, as Kim et al. have it. Raises ValueError and IndexError as `grad_cam` does.
    """
    with explaining(model, x) as x, watching(model, layer) as watched:
        value = class_scores(model, x, target)
        gradient = watched.channels_first(differentiate(value, watched.map()), x.shape[2:])
    return gradient.flatten(1) if flat else gradient.flatten(2).sum(2)


def _drawn(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    return rows[torch.randperm(len(rows), generator=generator)[:count]]


def _p(scores: np.ndarray, controls: np.ndarray) -> float:
    if scores.std() == controls.std() == 0:  # no spread, no test: all the same, or never
        return float(scores.mean() == controls.mean())
    one, two = ((values.mean(), values.std(ddof=1), len(values)) for values in (scores, controls))
    return float(ttest_ind_from_stats(*one, *two, equal_var=False).pvalue)
