import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.helpers import FAMILIES, close, fingerprint, small
from xaitutor.networks.layers import require_eval
from xaitutor.units import feature_maps, filters
from xaitutor.units.maps import check_activations, check_unit


def test_the_map_of_the_first_layer_is_its_filters_convolution():
    model, x = small("resnet18"), torch.rand(2, 3, 32, 32)
    maps = feature_maps(model, "conv1", x)
    assert list(maps) == ["conv1"] and not maps["conv1"].requires_grad
    np.testing.assert_allclose(maps["conv1"], F.conv2d(x, filters(model, "conv1"), stride=2, padding=3), atol=1e-6)


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "densenet121"])
def test_several_layers_in_one_pass_and_no_trace(name):
    model, x = small(name), torch.rand(1, 3, FAMILIES[name], FAMILIES[name])
    expected, before = model(x), fingerprint(model)
    layers = [layer for layer, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    passes = []
    handle = model.register_forward_hook(lambda *_: passes.append(1))
    maps = feature_maps(model, [*layers, ""], x)
    handle.remove()
    assert len(passes) == 1 and list(maps) == [*layers, ""]
    assert close(maps[""], expected) and all(maps[layer].ndim == 4 for layer in layers)
    assert fingerprint(model) == before


@pytest.mark.parametrize("layers, x, message", [
    ("conv7", torch.rand(1, 3, 32, 32), "no layer 'conv7'; did you mean .*'conv1'"),
    (["conv1", "fc"], torch.full((1, 3, 32, 32), float("nan")), "x has values that are nan or infinite"),
])
def test_bad_input(layers, x, message):
    model = small("resnet18")
    before = fingerprint(model)
    with pytest.raises(ValueError, match=message):
        feature_maps(model, layers, x)
    assert fingerprint(model) == before


def test_a_layer_without_channels():
    with pytest.raises(ValueError, match=r"'encoder.layers' outputs \(1, 5, 64\); .* expected \(N, channels, H, W\)"):
        feature_maps(small("vit_b_16"), "encoder.layers", torch.rand(1, 3, 32, 32))


def test_training_mode_is_refused_also_of_a_part():
    model = small("resnet18")
    model.layer2[0].bn1.train()
    with pytest.raises(ValueError, match=r"training mode.*model\.eval\(\)"):
        feature_maps(model, "conv1", torch.rand(1, 3, 32, 32))
    with pytest.raises(TypeError, match=r"must be a torch.nn.Module, not str"):
        require_eval("resnet18")


def test_unit():
    assert check_unit(np.int64(3), 4, "conv1") == 3 and check_unit(0, 4, "conv1") == 0
    for wrong in (4, -1):
        with pytest.raises(IndexError, match=f"layer 'conv1' has no unit {wrong}: it has 4 units, 0 to 3"):
            check_unit(wrong, 4, "conv1")
    with pytest.raises(TypeError, match="unit must be a whole number, not 1.5"):
        check_unit(1.5, 4, "conv1")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_the_picture_that_is_not_finite_is_named(value):
    activation = torch.zeros(5, 2, 3, 3)
    activation[3, 1, 2, 0] = value
    with pytest.raises(ValueError, match="layer 'a' outputs NaN or infinity for picture 13"):
        check_activations(activation, "a", first=10)


def test_large_values_are_no_mistake():
    activation = torch.full((2, 2, 3, 3), 3e38)  # their sum is infinite
    assert check_activations(activation, "a") is activation
