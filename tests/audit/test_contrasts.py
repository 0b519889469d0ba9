"""Differences of differences and superiority: by hand, by SciPy, and intervals that hold what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from xaitutor import audit


def test_by_hand():
    found = audit.difference_of_differences([5, 7], [1, 1], [3, 3], [2, 2])
    assert found.value == 4 and found.low <= 4 <= found.high
    assert audit.superiority([1, 2, 3], [0, 2]).value == pytest.approx((1 + 0 + 1 + 0.5 + 1 + 1) / 6)


@given(st.integers(0, 2**16))
def test_what_all_share_cancels_and_superiority_is_scipys(seed):
    random = np.random.default_rng(seed)
    a, b, c, d = (random.normal(size=n) for n in (5, 6, 7, 8))
    plain, shifted = audit.difference_of_differences(a, b, c, d), audit.difference_of_differences(a + 3, b + 3, c - 2, d - 2)
    assert plain == pytest.approx(shifted)
    assert plain.value == pytest.approx((a.mean() - b.mean()) - (c.mean() - d.mean()))
    assert audit.superiority(a, b).value == pytest.approx(mannwhitneyu(a, b).statistic / 30)
    assert audit.superiority(b, a).value == pytest.approx(1 - audit.superiority(a, b).value)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """300 draws of groups of 25; five standard deviations of a binomial at 95 % are 6.3 %, and a bootstrap of 25 is a little narrow."""
    random = np.random.default_rng(1)
    inside = 0
    for _ in range(300):
        a, b, c, d = (random.normal(mean, 1, 25) for mean in (3, 1, 1, 0))
        found = audit.difference_of_differences(a, b, c, d)
        inside += found.low <= 1 <= found.high
    assert 0.87 < inside / 300 <= 1


def test_the_same_each_time():
    a, b = np.arange(9.0), np.arange(4.0) + 3
    assert audit.superiority(a, b) == audit.superiority(a, b)


@pytest.mark.parametrize("group", [[1.0], [[1.0, 2.0]], [1.0, np.nan]])
def test_bad_groups(group):
    with pytest.raises(ValueError, match="groups of at least two finite numbers"):
        audit.superiority([1, 2], group)
    with pytest.raises(ValueError, match="groups of at least two finite numbers"):
        audit.difference_of_differences([1, 2], [1, 2], group, [1, 2])
