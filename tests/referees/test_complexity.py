"""Gini and entropy: their closed forms and their ends."""

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from xaitutor import referees


def test_all_the_same_and_all_in_one_place():
    one = torch.zeros(3, 2, 5)
    one[:, 1, 4] = -7
    assert referees.gini(torch.ones(3, 2, 5)).tolist() == pytest.approx([0, 0, 0])
    assert referees.gini(one).tolist() == pytest.approx([0.9] * 3) and not referees.gini(torch.zeros(3, 2, 5)).any()


@given(st.integers(0, 2**16))
def test_gini_is_the_mean_difference_over_twice_the_mean(seed):
    values = torch.randn(2, 1, 4, 6, generator=torch.Generator().manual_seed(seed))
    flat = values.flatten(1).abs().numpy().astype(float)
    expected = [np.abs(row[:, None] - row).mean() / (2 * row.mean()) for row in flat]
    assert referees.gini(values).tolist() == pytest.approx(expected)
    assert referees.gini(-3 * values).tolist() == pytest.approx(expected)


def test_entropy_of_a_histogram():
    values = torch.rand(2, 40, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = [scipy.stats.entropy(np.histogram(one.numpy(), 50)[0]) for one in values]
    assert referees.entropy(values, 50).tolist() == pytest.approx(expected)
    assert referees.entropy(torch.ones(2, 3)).tolist() == [0, 0]
    assert referees.entropy(torch.arange(100.0)[None]).item() == pytest.approx(np.log(100))
