"""Weights drawn anew: what stays, what is forgotten, and that the model itself is not touched."""

import pytest
import torch
from torch import nn

from xaitutor import attribution, referees
from xaitutor.truth import controls

X = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def network():
    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("low", nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()))
    model.add_module("pool", nn.AdaptiveAvgPool2d(4))
    model.add_module("flat", nn.Flatten())
    model.add_module("head", nn.Linear(6 * 16, 4))
    model.low[1].running_mean.fill_(0.3)
    return model.eval()


def test_the_uppermost_first_and_only_what_has_weights():
    assert referees.stages(network()) == ("head", "low.1", "low.0")


def test_a_layer_that_is_drawn_anew_and_no_other():
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fresh = referees.randomised(model, ["head"])
    changed = {name for name, value in fresh.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.weight", "head.bias"} and not any(m.training for m in fresh.modules())
    everything = referees.randomised(model, [""])
    assert torch.equal(everything.head.weight, fresh.head.weight) and not everything.low[1].running_mean.any()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not torch.equal(referees.randomised(model, ["head"], seed=1).head.weight, fresh.head.weight)


def test_torchs_own_lot_is_not_drawn_from():
    model = network()
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    referees.randomised(model, [""])
    assert torch.equal(torch.rand(1), expected)


def test_what_does_not_look_at_the_network_stays_and_the_gradient_does_not():
    model = network()
    torch.testing.assert_close(referees.cascade(model, X, 1, controls.sobel), torch.ones(3, 2, dtype=torch.float64))
    found = referees.cascade(model, X, 1, attribution.gradient_x_input)
    assert found.shape == (3, 2) and found.abs().max() < 0.9
    again = referees.cascade(model, X, 1, attribution.gradient_x_input, layers=["head"])
    assert torch.equal(again[0], found[0])


def test_each_step_draws_one_layer_more():
    """A map of the first convolution's weights alone stays until the last step."""
    maps = lambda net, x, target: net.low[0].weight.detach().sum(dim=(0, 1)).expand(2, 1, 3, 3)  # noqa: E731
    found = referees.cascade(network(), X, 1, maps)
    torch.testing.assert_close(found[:2], torch.ones(2, 2, dtype=torch.float64))
    assert found[2].max() < 0.9


def test_without_a_target_the_trained_networks_class_is_asked_for():
    model = network()
    torch.testing.assert_close(referees.cascade(model, X, None, attribution.gradient), referees.cascade(model, X, model(X).argmax(dim=1), attribution.gradient))


def test_a_method_that_writes_into_its_picture_gets_a_copy():
    kept = X.clone()
    referees.efficient_mprt(network(), X, 0, lambda net, x, target: x.mul_(2))
    assert torch.equal(X, kept)


def test_entropy_rises_where_a_map_turns_into_noise():
    model = network()

    def method(net, x, target):  # sharp while the batch norm knows something
        trained = bool(net.low[1].running_mean.any())
        return torch.eye(16).expand(2, 1, 16, 16) if trained else torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(1))

    share = torch.tensor([240 / 256, 16 / 256], dtype=torch.float64)
    before = -(share * share.log()).sum()
    after = referees.entropy(method(referees.randomised(model, [""]), X, 0))
    torch.testing.assert_close(referees.efficient_mprt(model, X, 0, method), (after - before) / before)
    assert not referees.efficient_mprt(model, X, 0, controls.sobel).any()


def test_a_layer_that_is_not_there():
    with pytest.raises(ValueError, match="the model has no layer 'tail'"):
        referees.cascade(network(), X, 0, attribution.gradient, layers=["tail"])
