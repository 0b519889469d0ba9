"""How much of a unit's variance does each factor cause? Sobol's total-effect index, with a bootstrap interval.

Every statistic here is a function of the scenes' weights w (…, n), each row of which sums to 1: once equal weights, for
the value, and `RESAMPLES` times the weights that a resample with replacement gives, for the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

RESAMPLES = 1000  # the ends of a 95 % interval then rest on 25 resamples each
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A number measured over scenes, and its percentile bootstrap interval (Efron 1979), 95 %."""

    value: float
    low: float
    high: float


def interval(statistic: Callable[[np.ndarray], np.ndarray], n: int) -> Interval:
    """The statistic of n scenes with its interval; `statistic` takes weights (…, n) and gives (…).

    Seeded: the same data give the same interval.
    """
    outside = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(statistic(_resamples(n)), [outside, 100 - outside])
    return Interval(float(statistic(np.full(n, 1 / n))), float(low), float(high))


def total_effects(values: dict[str, np.ndarray]) -> dict[str, Interval]:
    """Sobol's total-effect index of every factor, for one unit; `values[factor]` is (scenes, levels).

        S_f = E[Var(y over the levels of f, all else in the scene fixed)] / Var(y)

    (Jansen 1999; Saltelli et al. 2010). A factor's levels are all there and equally likely, so that the inner variance
    is exact: divided by the number of levels, no less. The numerator is its mean over the scenes. The denominator uses
    all pictures: the mean variance within a scene (each factor weighs the same, levels equally) plus the variance of
    the scenes' means, with n/(n − 1). Both are unbiased.

    1 is all of the variance, pose and light included. The indices of an additive unit add up to at most 1; what two
    factors do only together is counted for both. A constant unit has 0 throughout.
    """
    n = len(next(iter(values.values())))
    if is_constant(values):
        return dict.fromkeys(values, Interval(0.0, 0.0, 0.0))
    total = variance(values)

    def share(responses):
        within = responses.var(1)
        return interval(lambda w: _ratio(w @ within, total(w)), n)

    return {factor: share(responses) for factor, responses in values.items()}


def variance(values: dict[str, np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The unit's variance over all scenes, as a function of the scenes' weights: the denominator of `total_effects`."""
    mean = np.mean([responses.mean(1) for responses in values.values()], axis=0)
    within = np.mean([(responses**2).mean(1) for responses in values.values()], axis=0) - mean**2
    n = len(mean)
    centred = mean - mean.mean()  # the same variance, without cancellation
    return lambda w: w @ within + (w @ centred**2 - (w @ centred) ** 2) * n / (n - 1)


def is_constant(values: dict[str, np.ndarray]) -> bool:
    """Is the response the same in all pictures, but for rounding in float32?"""
    everything = np.concatenate([responses.ravel() for responses in values.values()])
    return np.ptp(everything) <= 1e-5 * np.abs(everything).max()


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """A resample in which the unit does not vary says nothing for any factor: 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


@lru_cache(maxsize=4)
def _resamples(n: int) -> np.ndarray:
    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
