"""FEM by hand, its bound, and what it ignores. (grad-cam's FEM is another: it weighs the maps, not their masks.)"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from tests.attribution.test_last_maps import picture
from tests.helpers import close, small
from xaitutor.attribution import fem, last_feature_map

SHOW = nn.Sequential(nn.Identity(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()  # its last feature map is the picture


def maps(*channels):
    return torch.tensor(channels, dtype=torch.float64)[None]


def test_by_hand():
    x = maps([[0, 0, 0, 8]], [[1, 1, 5, 5]], [[-4, 0, 0, 0]])
    # means 2, 3, −1; deviations √12, 2, √3: above 5.46 is 8; above 5 is nothing; above 0.73 is nothing
    assert fem(SHOW, x).tolist() == [[[[0, 0, 0, 2]]]]
    # above 2 + √3 is 8; above 4 are both 5; above −1 + √3 / 2 are the three 0
    assert fem(SHOW, x, k=0.5).tolist() == [[[[0, -1, 2, 4]]]]


def test_equality_is_not_above():
    """1 and 5 lie exactly one deviation from their mean 3; the review's ≥ would take the 5."""
    assert fem(SHOW, maps([[1, 1, 5, 5]])).tolist() == [[[[0, 0, 0, 0]]]]


@given(st.floats(-16, 16, width=32), st.integers(2, 9))
def test_a_constant_map_has_no_rare_place(value, side):
    assert not fem(SHOW, torch.full((1, 1, side, side), value)).any()


@given(arrays(np.float64, (2, 3, 4, 5), elements=st.floats(-1, 1)), st.floats(0.1, 3))
def test_as_numpy_computes_it(values, k):
    mean, deviation = values.mean(axis=(2, 3), keepdims=True), values.std(axis=(2, 3), keepdims=True)
    distance = values - mean - k * deviation
    if (abs(distance) > 1e-9).all():  # else rounding decides
        expected = (mean * (distance > 0)).sum(axis=1, keepdims=True)
        assert np.allclose(fem(SHOW, torch.from_numpy(values), k=k).numpy(), expected, atol=1e-12)


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 5)), elements=st.floats(-1, 1)))
def test_no_place_lies_further_from_the_mean_than_the_bound(values):
    bound = (values.size - 1) ** 0.5
    assert values.max() - values.mean() <= bound * values.std() + 1e-12
    one_hot = torch.zeros(1, 1, *values.shape, dtype=torch.float64)
    one_hot[0, 0, 0, 0] = 1  # reaches the bound
    assert torch.allclose(fem(SHOW, one_hot, k=0.999 * bound), one_hot / values.size)
    with pytest.raises(ValueError, match=rf"at most √\({values.size} − 1\) = {bound:.2f}: all would be zero"):
        fem(SHOW, one_hot, k=bound * (1 + 1e-12))


def test_two_sigma_on_a_map_of_two_by_two():
    model, x = small("resnet18"), picture("resnet18")
    with pytest.raises(ValueError, match=r"of \(2, 2\) = 4 places none can lie 2 standard deviations .* = 1.73"):
        fem(model, x, k=2)
    assert fem(model, x, k=2, layer="layer3").shape == (1, 1, 4, 4)


@pytest.mark.parametrize("k", [0, -1, float("nan")])
def test_k_that_makes_no_sense(k):
    with pytest.raises(ValueError, match="k must be above 0"):
        fem(SHOW, maps([[0, 1, 2, 8]]), k=k)


def test_the_class_is_ignored():
    model, x = small("squeezenet1_1").double(), picture("squeezenet1_1", 2).double()
    found = fem(model, x)
    assert found.shape[2:] == last_feature_map(model, x).shape[2:] and found.max() > 0
    for target in (3, [1, 2], 10**6):
        assert close(fem(model, x, target), found, 1e-10)
    assert close(fem(model, x[1:]), found[1:], 1e-10)
