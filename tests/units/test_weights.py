import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.helpers import fingerprint, small
from xaitutor.units import as_pictures, filters


@pytest.mark.parametrize("name, layer, shape", [
    ("resnet18", "conv1", (64, 3, 7, 7)), ("resnet18", "layer2.0.downsample.0", (128, 64, 1, 1)),
    ("mobilenet_v2", "features.1.conv.0.0", (32, 1, 3, 3)),  # depthwise: each unit has one channel
])
def test_filters_are_a_copy_of_the_weights(name, layer, shape):
    model = small(name)
    before = fingerprint(model)
    weights = filters(model, layer)
    assert weights.shape == shape and torch.equal(weights, model.get_submodule(layer).weight)
    assert not weights.requires_grad
    weights.zero_()
    assert fingerprint(model) == before


@pytest.mark.parametrize("layer, message", [
    ("layer1", "'layer1' is no convolution .* but a Sequential; the nearest one is 'layer1.0.conv1'"),
    ("bn1", "'bn1' is no convolution .* but a BatchNorm2d; the nearest one is 'conv1'"),
    ("fc", "but a Linear; the nearest one is 'layer4.1.conv2'"),
    ("conv9", "no layer 'conv9'; did you mean .*'conv1'"),
])
def test_a_layer_that_is_no_convolution(layer, message):
    with pytest.raises(ValueError, match=message):
        filters(small("resnet18"), layer)


def test_a_network_without_convolutions():
    with pytest.raises(ValueError, match="'0' is no convolution .* but a Linear; the network has none"):
        filters(nn.Sequential(nn.Linear(2, 2)), "0")


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 1000))
def test_zero_is_grey_and_the_largest_weight_reaches_the_end(units, channels, seed):
    weights = torch.randn(units, channels, 3, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    weights[:, :, 0, 0] = 0
    pictures = as_pictures(weights)
    assert pictures.shape == (units, 3 if channels == 3 else 1, 3, 2)
    assert (pictures[:, :, 0, 0] == 0.5).all() and 0 <= pictures.min() <= pictures.max() <= 1
    farthest = (pictures - 0.5).abs().amax((1, 2, 3))
    np.testing.assert_allclose(farthest, 0.5)  # each filter by itself
    shown = weights if channels == 3 else weights.mean(1, keepdim=True)
    assert torch.equal((pictures - 0.5).sign(), shown.sign())
    np.testing.assert_allclose((pictures - 0.5) * 2 * shown.abs().amax((1, 2, 3), keepdim=True), shown, atol=1e-15)


def test_pictures_by_hand():
    colours = torch.tensor([[[[2.0]], [[-4.0]], [[0.0]]]])
    assert as_pictures(colours).flatten().tolist() == [0.75, 0, 0.5]
    deep = torch.tensor([[[[1.0, -3.0]], [[3.0, 1.0]]]])  # means 2 and −1
    assert as_pictures(deep).flatten().tolist() == [1, 0.25]
    assert as_pictures(torch.zeros(1, 3, 2, 2)).unique().tolist() == [0.5]  # a dead filter
    assert not any(as_pictures(given.requires_grad_()).requires_grad for given in (colours, deep))


@pytest.mark.parametrize("weights, message", [
    (torch.rand(3, 7, 7), r"expected filters \(units, channels, h, w\), got the shape \(3, 7, 7\)"),
    (torch.rand(0, 3, 7, 7), r"got the shape \(0, 3, 7, 7\)"),
    (torch.full((1, 3, 1, 1), float("nan")), "NaN or infinity"),
])
def test_what_is_no_filter(weights, message):
    with pytest.raises(ValueError, match=message):
        as_pictures(weights)
