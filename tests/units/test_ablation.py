import pytest
import torch
from torch import nn

import xaitutor
from tests.helpers import close, fingerprint, small
from xaitutor.networks.layers import record
from xaitutor.units import ablate, class_losses


@pytest.fixture(scope="module")
def network():
    model, _, _ = xaitutor.load_model("menagerie_resnet18")
    return model


X = torch.randn(24, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_closed_form_at_the_last_layer(network):
    """Without a unit of layer4, each logit loses fc's weight times the mean of the unit's map."""
    with record(network, "layer4") as activations, torch.no_grad():
        intact = network(X)
    units = [28, 3]
    means = activations["layer4"].mean((2, 3))[:, units]
    expected = intact - means @ network.fc.weight[:, units].T
    with ablate(network, "layer4", units), torch.no_grad():
        ablated = network(X)
    torch.testing.assert_close(ablated, expected, rtol=1e-4, atol=1e-4)
    with ablate(network, "layer4", units, to=2.0), torch.no_grad():
        torch.testing.assert_close(network(X), expected + 2 * network.fc.weight[:, units].sum(1), rtol=1e-4, atol=1e-4)
    assert (ablated - intact).abs().max() > 0.01


def test_class_losses_in_closed_form(network):
    with record(network, "layer4") as activations, torch.no_grad():
        intact = network(X)
    labels = torch.tensor([0, 4, 4, 7] * 6)
    mean = activations["layer4"].mean((2, 3))[:, 28]
    losses = class_losses(network, "layer4", 28, X, labels)
    assert list(losses) == [0, 4, 7] and [loss.pictures for loss in losses.values()] == [6, 12, 6]
    for label, loss in losses.items():
        mine = labels == label
        expected = -(network.fc.weight[label, 28] * mean[mine]).mean().item()
        assert loss.change == pytest.approx(expected, rel=1e-3, abs=1e-4)
        assert loss.before == pytest.approx((intact[mine].argmax(1) == label).double().mean().item())
        ablated = intact[mine] - mean[mine, None] * network.fc.weight[:, 28]
        assert loss.after == pytest.approx((ablated.argmax(1) == label).double().mean().item())


def test_accuracies_are_those_before_and_after():
    """A network that says class 1 if pixel 0 is on, and class 0 without it."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[0.0, 0.0], [3.0, 0.0]]))
        model[1].bias.copy_(torch.tensor([1.0, 0.0]))
    x = torch.tensor([[1.0, 0], [1, 1], [1, 0], [0, 1]]).reshape(4, 1, 1, 2)
    losses = class_losses(model.eval(), "0", [0], x, torch.tensor([1, 1, 0, 0]))
    assert losses[1] == (2, -3.0, 1.0, 0.0)
    assert losses[0] == (2, 0.0, 0.5, 1.0)


def test_more_pictures_than_a_batch(network):
    many = X.repeat(3, 1, 1, 1)
    once, thrice = (class_losses(network, "layer3", 5, x, torch.zeros(len(x), dtype=torch.long)) for x in (X, many))
    assert thrice[0].pictures == 72 and thrice[0].change == pytest.approx(once[0].change, rel=1e-4)


@pytest.mark.parametrize("layer", ["conv1", "layer2.0.relu", "layer3", "fc"])
def test_the_units_and_no_others(network, layer):
    with record(network, layer) as intact, torch.no_grad():
        network(X)
    with ablate(network, layer, (1, 3), to=-0.5), record(network, layer) as ablated, torch.no_grad():
        network(X)
    others = [unit for unit in range(intact[layer].shape[1]) if unit not in (1, 3)]
    assert (ablated[layer][:, [1, 3]] == -0.5).all() and (intact[layer][:, [1, 3]] != -0.5).all()
    if layer != "layer2.0.relu":  # its second use comes after what the first has changed
        assert close(ablated[layer][:, others], intact[layer][:, others])


def test_a_layer_that_runs_twice_is_ablated_each_time():
    relu = nn.ReLU(inplace=True)
    model = nn.Sequential(relu, nn.Conv2d(2, 2, 1, bias=False), relu).eval()
    nn.init.ones_(model[1].weight)
    with ablate(model, "0", 0):
        out = model(torch.ones(1, 2, 1, 1))
    assert out.flatten().tolist() == [0, 1]


def test_what_the_layer_read_is_left_alone():
    """A layer that hands on its own input, beside a connection that skips it."""
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.same = nn.Identity()

        def forward(self, x):
            return x + self.same(x)

    model, x = Skip().eval(), torch.ones(1, 2, 1, 1)
    with ablate(model, "same", 0):
        assert model(x).flatten().tolist() == [1, 2]
    assert x.flatten().tolist() == [1, 1]


def test_nothing_is_left_and_blocks_may_be_nested(network):
    before = fingerprint(network)
    with torch.no_grad():
        intact = network(X)
        with pytest.raises(ZeroDivisionError), ablate(network, "layer3", 0):
            1 / 0
        with ablate(network, "layer4", 1):
            one = network(X)
            with ablate(network, "layer4", [2]):
                both = network(X)
            assert close(network(X), one)
        with ablate(network, "layer4", [1, 2]):
            assert close(network(X), both)
        assert close(network(X), intact)
    assert not close(one, both, 1e-3) and fingerprint(network) == before


def test_gradients_flow_through_all_other_units():
    model = small("vgg11").requires_grad_(False)
    x = torch.randn(1, 3, 32, 32, requires_grad=True)
    with ablate(model, "features.0", 7), record(model, "features.0") as activations:
        model(x)[0, 0].backward()
    weight = model.features[0].weight.clone().requires_grad_()
    assert x.grad.abs().sum() > 0
    with ablate(model, "features.0", 7):
        model_out = torch.func.functional_call(model, {"features.0.weight": weight}, (x.detach(),))
    (gradient,) = torch.autograd.grad(model_out[0, 0], weight)
    alive = [unit for unit in range(64) if unit != 7 and activations["features.0"][:, unit].max() > 0]
    assert gradient[7].abs().sum() == 0 and len(alive) > 50 and (gradient[alive].abs().sum((1, 2, 3)) > 0).all()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_wrong_arguments(network):
    before = fingerprint(network)
    labels = torch.zeros(len(X), dtype=torch.long)
    with pytest.raises(ValueError, match="no layer 'layer5'; did you mean"), ablate(network, "layer5", 0):
        pass
    with pytest.raises(IndexError, match="'layer4' has no unit 128: it has 128"), ablate(network, "layer4", [0, 128]):
        network(X)
    with pytest.raises(TypeError, match="whole number, not 0.5"), ablate(network, "layer4", 0.5):
        network(X)
    with pytest.raises(ValueError, match=r"class index for each picture of x, \(24,\)"):
        class_losses(network, "layer4", 0, X, labels[:5])
    with pytest.raises(ValueError, match="whole numbers, not .* torch.float32"):
        class_losses(network, "layer4", 0, X, labels.float())
    with pytest.raises(ValueError, match="classes from 0 to 11, not 0 to 12"):
        class_losses(network, "layer4", 0, X, labels + 12 * (torch.arange(24) == 3))
    assert fingerprint(network) == before
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2)).train()
    with pytest.raises(ValueError, match="training mode"):
        class_losses(model, "0", 0, torch.zeros(1, 2), torch.tensor([0]))
