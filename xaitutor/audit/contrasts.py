"""A suspicion needs a control: how large is a difference beside the same difference where nothing is suspected?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from xaitutor.units.sensitivity import CONFIDENCE, RESAMPLES, Interval


def difference_of_differences(here, there, control_here, control_there) -> Interval:
    """(mean(here) − mean(there)) − (mean(control_here) − mean(control_there)), with its 95 % bootstrap interval.

    Four groups of one number per picture, such as the relevance of the background: of the suspected class in the suspected place (`here`) and elsewhere
    (`there`), and the same of a control: another class, or another network. What the place does to every class or network cancels. Each
    group is drawn again by itself. Raises ValueError for groups of fewer than two numbers, or numbers that are not finite.
    """
    groups = [_group(group) for group in (here, there, control_here, control_there)]
    return _bootstrapped(groups, lambda a, b, c, d: (a.mean(axis=-1) - b.mean(axis=-1)) - (c.mean(axis=-1) - d.mean(axis=-1)))


def superiority(first, second) -> Interval:
    """The probability that a number of the first group is larger than one of the second (half where equal), with its 95 % bootstrap interval.

    ½ says that the groups cannot be told apart by it; it is the area under the ROC curve (Mann and Whitney 1947). Errors as above.
    """
    return _bootstrapped([_group(first), _group(second)], _larger)


def _larger(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    n, m = first.shape[-1], second.shape[-1]
    ranks = rankdata(np.concatenate([first, second], axis=-1), axis=-1)[..., :n]
    return (ranks.sum(axis=-1) - n * (n + 1) / 2) / (n * m)


def _bootstrapped(groups: list[np.ndarray], statistic: Callable) -> Interval:
    random = np.random.default_rng(0)
    drawn = statistic(*(group[random.integers(0, len(group), (RESAMPLES, len(group)))] for group in groups))
    outside = 50 * (1 - CONFIDENCE)
    return Interval(float(statistic(*groups)), *(float(end) for end in np.percentile(drawn, [outside, 100 - outside])))


def _group(values) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"expected groups of at least two finite numbers, got one of the shape {values.shape}")
    return values
