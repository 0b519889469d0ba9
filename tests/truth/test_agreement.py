import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from xaitutor.truth.agreement import bootstrap, pooled_agreement, rank_agreement


@given(seed=st.integers(0, 10**6), levels=st.sampled_from([3, 1000]))
@settings(max_examples=25)
def test_it_is_scipys_spearman(seed, levels):
    draw = np.random.default_rng(seed)
    a, b = draw.integers(0, levels, (2, 5, 7)).astype(float)
    a[:, :2], b[:, :2] = [0, 1], [1, 0]  # no row is constant
    expected = [stats.spearmanr(first, second).statistic for first, second in zip(a, b)]
    np.testing.assert_allclose(rank_agreement(a, b), expected, atol=1e-12)


def test_order_alone_counts_and_what_has_none_agrees_with_nothing():
    true = np.array([[0.1, 2.0, 0.5]])
    assert rank_agreement(np.exp(true), true) == pytest.approx(1)
    assert rank_agreement(-true, true) == pytest.approx(-1)
    assert rank_agreement(np.ones((1, 3)), true) == 0 == rank_agreement(true, np.ones((1, 3)))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10)
def test_pooled_it_is_pearson(seed):
    a, b = np.random.default_rng(seed).normal(size=(2, 30, 6))
    b += a
    found = pooled_agreement(a, b)
    assert found.value == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1])
    assert found.low < found.value < found.high
    assert pooled_agreement(3 * a - 1, b) == pytest.approx(found)
    assert pooled_agreement(0 * a, b) == (0, 0, 0)


@pytest.mark.parametrize("given_, true, message", [
    (np.ones((2, 3)), np.ones((2, 4)), r"\(2, 3\) and \(2, 4\)"),
    (np.ones((2, 1)), np.ones((2, 1)), "at least 2 regions"),
    (np.full((1, 3), np.nan), np.ones((1, 3)), "NaN"),
    (np.ones((1, 3)), np.full((1, 3), np.inf), "infinite"),
])
def test_tables_that_cannot_be_compared_are_refused(given_, true, message):
    for compare in (rank_agreement, pooled_agreement):
        with pytest.raises(ValueError, match=message):
            compare(given_, true)


def test_bootstrap_has_the_textbook_width():
    """For many values the interval of the mean is ± 1.96 standard errors; 1000 resamples place its ends to some 10 %."""
    values = torch.from_numpy(np.random.default_rng(0).normal(3, 2, 900))
    mean, low, high = bootstrap(values)
    assert mean == pytest.approx(values.mean().item())
    error = values.std(correction=0).item() / 30
    assert (high - mean) / error == pytest.approx(1.96, rel=0.15)
    assert (mean - low) / error == pytest.approx(1.96, rel=0.15)
    assert bootstrap(values) == (mean, low, high)


@pytest.mark.parametrize("values", [torch.ones(1), torch.ones(3, 2), torch.tensor([1.0, float("nan")])])
def test_bootstrap_needs_finite_values_of_several_scenes(values):
    with pytest.raises(ValueError, match="one finite value for each of at least 2 scenes"):
        bootstrap(values)
