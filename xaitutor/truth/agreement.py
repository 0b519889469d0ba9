"""Do two tables say the same? Rank correlation in each scene, one correlation over all, and intervals over scenes."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata
from torch import Tensor

from xaitutor.units.sensitivity import Interval, interval


def rank_agreement(given: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation over the regions of each scene: (N,) in [−1, 1], for two tables (N, regions).

    Ties share their mean rank. A row in which all are the same is in no order, and agrees with nothing: 0.
    Raises ValueError for other shapes, fewer than two regions, and values that are not finite.
    """
    a, b = (_centred_ranks(table) for table in _checked(given, true))
    lengths = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.divide((a * b).sum(axis=1), lengths, out=np.zeros(len(a)), where=lengths > 0)


def pooled_agreement(given: np.ndarray, true: np.ndarray) -> Interval:
    """Pearson's correlation over all scenes' regions together, with its interval over scenes. 0 where a table is constant.

    Unlike ranks it sees how large the values are, within a scene and between scenes.
    """
    a, b = (table - table.mean() for table in _checked(given, true))
    moments = [m.mean(axis=1) for m in (a, b, a * a, b * b, a * b)]

    def pearson(weights):
        mean_a, mean_b, aa, bb, ab = (weights @ m for m in moments)
        spread = np.maximum(aa - mean_a**2, 0) * np.maximum(bb - mean_b**2, 0)
        return np.divide(ab - mean_a * mean_b, np.sqrt(spread), out=np.zeros_like(ab), where=spread > 0)

    return interval(lambda weights: pearson(np.atleast_2d(weights))[() if weights.ndim > 1 else 0], len(a))


def bootstrap(values: Tensor | np.ndarray) -> Interval:
    """The mean of one value a scene, (N,), with its 95 % percentile bootstrap interval: (value, low, high).

    Efron 1979; 1000 resamples of the scenes, seeded. For two methods on the same scenes take the differences:
    their interval is much narrower than the two intervals side by side suggest.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"expected one finite value for each of at least 2 scenes, got the shape {values.shape}"
                         + (" with NaN or infinity" if values.ndim == 1 and len(values) > 1 else ""))
    return interval(lambda weights: weights @ values, len(values))


def _checked(given, true) -> tuple[np.ndarray, np.ndarray]:
    given, true = np.asarray(given, dtype=float), np.asarray(true, dtype=float)
    if given.ndim != 2 or given.shape != true.shape or given.shape[1] < 2:
        raise ValueError("expected two tables (N, regions) of one shape with at least 2 regions, got "
                         f"{given.shape} and {true.shape}")
    if not (np.isfinite(given).all() and np.isfinite(true).all()):
        raise ValueError("what the regions were given, or the truth, has values that are NaN or infinite")
    return given, true


def _centred_ranks(table: np.ndarray) -> np.ndarray:
    ranks = rankdata(table, axis=1)
    return ranks - ranks.mean(axis=1, keepdims=True)
