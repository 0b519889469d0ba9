"""What a basis knows of the factors of a scene: which levels come out, whether they come out again, and what they are worth to a class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata
from torch import Tensor

from xaitutor.units.counterfactuals import FACTORS, Responses

LEVELS = tuple((factor, level) for factor, levels in FACTORS.items() for level in levels)


class Recovered(NamedTuple):
    """How well one level of a factor comes out of a basis: `feature`, the one that knows it best, chosen on half of the scenes, and `auc` on the others.

    The AUC is the probability that the feature responds more to a picture with the level than to one with another level of the factor: ½ is chance.
    """

    feature: int
    auc: float


def recovered(measured: Responses) -> dict[tuple[str, str], Recovered]:
    """For each level of each factor, the feature that tells it best: ``{("coat", "stripes"): Recovered(…), …}``.

    measured: `units.responses` of `Features`. Raises ValueError for fewer than four scenes.
    """
    half = len(measured.scenes) // 2
    if half < 2:
        raise ValueError(f"choosing on one half of the scenes and testing on the other needs at least 4, not {len(measured.scenes)}")
    found = {}
    for factor, level in LEVELS:
        values, at = measured.values[factor], FACTORS[factor].index(level)
        best = int(_auc(values[:half], at).argmax())
        found[factor, level] = Recovered(best, float(_auc(values[half:], at)[best]))
    return found


def common(one: Responses, other: Responses, least: float = 0.9) -> float:
    """The share of the features of `one` that have a like in `other`: one whose responses to the same pictures correlate by `least` or more.

    Features that always respond the same are left out. Raises ValueError for responses to other scenes.
    """
    if one.scenes != other.scenes:
        raise ValueError("both must be responses to the same scenes: the same number of them, and the same seed")
    first, second = (_standardised(np.concatenate([v.reshape(-1, v.shape[-1]) for v in found.values.values()])) for found in (one, other))
    return float(((first.T @ second / len(first)).max(axis=1) >= least).mean())


def contributions(measured: Responses, directions: Tensor, weights: Tensor) -> np.ndarray:
    """What each level contributes to each class through the feature that knows it best, in logits: (scenes, levels, classes).

        (w_k · d_f) (response of f with the level − its mean response with the factor's other levels, in the same scene)

    directions (features, C) of the basis, weights (classes, C) of a head behind an average over all places: there, and only there, the logit is a sum over
    directions. Raises ValueError for tables that do not fit.
    """
    if directions.shape[1] != weights.shape[1] or len(directions) != measured.values["shape"].shape[-1]:
        raise ValueError(f"directions {tuple(directions.shape)} and weights {tuple(weights.shape)} must be as long as each other, and one direction a feature, "
                         f"of {measured.values['shape'].shape[-1]}")
    worth = (weights.cpu().double() @ directions.cpu().double().T).numpy()
    best = recovered(measured)
    found = [effects(measured, *level)[:, [best[level].feature]] * worth[:, best[level].feature] for level in LEVELS]
    return np.stack(found, axis=1)


def effects(measured: Responses, factor: str, level: str) -> np.ndarray:
    """How much more each feature responds with this level than with the factor's others, in the same scenes: (scenes, features)."""
    values, at = measured.values[factor], FACTORS[factor].index(level)
    return values[:, at] - np.delete(values, at, axis=1).mean(axis=1)


def _auc(values: np.ndarray, at: int) -> np.ndarray:
    """(features,): Mann and Whitney's U over its largest value; equal responses count half. values (scenes, levels, features)."""
    inside, outside = values[:, at], np.delete(values, at, axis=1).reshape(-1, values.shape[-1])
    n, m = len(inside), len(outside)
    ranks = rankdata(np.concatenate([inside, outside]), axis=0)[:n].sum(axis=0)
    return (ranks - n * (n + 1) / 2) / (n * m)


def _standardised(table: np.ndarray) -> np.ndarray:
    spread = table.std(axis=0)
    alive = spread > 1e-9
    return (table[:, alive] - table[:, alive].mean(axis=0)) / spread[alive]
