"""Rules reach every form of a function, change the backward pass only, and leave nothing behind."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.helpers import FAMILIES, fingerprint, small
from xaitutor.networks.rules import backward_rules, with_backward

X = torch.tensor([-2.0, -1.0, 0.0, 1.0, 3.0])
RELU = [0, 0, 0, 1, 3]


def fixed(relu, x):
    """A rule that one cannot mistake: whatever arrives, 1, 2, 3, 4, 5 goes on."""
    return with_backward(relu(x.detach()), lambda g: torch.arange(1.0, 6), x)


FORMS = {
    "nn.ReLU": nn.ReLU(), "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": F.relu, "F.relu in place": lambda x: F.relu(x, inplace=True),
    "F.relu positional": lambda x: F.relu(x, True),
    "F.relu named": lambda x: F.relu(input=x), "F.relu_": F.relu_, "torch.relu": torch.relu,
    "torch.relu named": lambda x: torch.relu(input=x), "torch.relu_": torch.relu_,
    "Tensor.relu": lambda x: x.relu(), "Tensor.relu_": lambda x: x.relu_(),
}


spared = pytest.mark.parametrize("in_place", [False, True], ids=["copies", "in place"])


@spared
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_relu(form, in_place):
    x = X.clone().requires_grad_()
    y = x.clone()
    with backward_rules({"relu": fixed}, in_place=in_place) as used:
        result = form(y)
        (gradient,) = torch.autograd.grad(result.sum(), x)
    assert result.tolist() == RELU and gradient.tolist() == [1, 2, 3, 4, 5] and used == {"relu": 1}
    overwrites = form(z := X.clone()) is z
    assert y.tolist() == (RELU if overwrites else X.tolist())


@pytest.mark.parametrize("other", [
    nn.ReLU6(), nn.LeakyReLU(), nn.GELU(), nn.SiLU(), nn.ELU(), nn.Hardswish(), nn.Sigmoid(), nn.Softplus(),
], ids=repr)
def test_other_activations_are_other_functions(other):
    x = X.clone().requires_grad_()
    (expected,) = torch.autograd.grad(other(x).sum(), x)
    with backward_rules({"relu": fixed}) as used:
        (gradient,) = torch.autograd.grad(other(x).sum(), x)
    assert torch.allclose(gradient, expected, atol=1e-6) and not used


@spared
def test_an_in_place_form_changes_what_it_is_given_even_if_its_result_is_dropped(in_place):
    x = X.clone().requires_grad_()
    y = 2 * x
    with backward_rules({"relu": fixed}, in_place=in_place):
        F.relu(y, inplace=True)
    assert y.tolist() == [0, 0, 0, 2, 6]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [2, 4, 6, 8, 10]


@spared
def test_in_place_on_a_part(in_place):
    x = X.clone().requires_grad_()
    y = 1 * x
    with backward_rules({"relu": lambda relu, x: with_backward(relu(x.detach()), lambda g: 7 * g, x)}, in_place=in_place):
        y[:2].relu_()
    assert y.tolist() == [0, 0, 0, 1, 3]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [7, 7, 1, 1, 1]


@pytest.mark.parametrize("form", [nn.ReLU(inplace=True), torch.relu_, nn.LeakyReLU(inplace=True)], ids=["ReLU", "relu_", "LeakyReLU"])
def test_in_place_nothing_is_copied(form):
    """The rule gets what is overwritten itself; and a function that has an in-place form in torch.nn.functional only."""
    given = []

    def rule(function, x, **options):
        given.append(x.data_ptr())
        return with_backward(function(x.detach(), **options), lambda g: 7 * g, x)

    x = X.clone().requires_grad_()
    y = 1 * x
    expected, where = form(X.clone()), y.data_ptr()
    with backward_rules({"relu": rule, "leaky_relu": rule}, in_place=True):
        result = form(y)
    assert result is y and given == [where] == [y.data_ptr()] and torch.allclose(y.detach(), expected)
    assert torch.autograd.grad(y.sum(), x)[0].unique().tolist() == [7]


def test_what_comes_after_may_overwrite():
    x = X.clone().requires_grad_()
    with backward_rules({"relu": fixed}):
        y = F.relu(x)
        y += 1
        y.mul_(2)
    assert y.tolist() == [2, 2, 2, 4, 8]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [1, 2, 3, 4, 5]


def test_one_module_twice():
    x = torch.tensor([2.0], requires_grad=True)
    relu = nn.ReLU()
    with backward_rules({"relu": lambda relu, x: with_backward(relu(x.detach()), lambda g: 3 * g, x)}) as used:
        (gradient,) = torch.autograd.grad(relu(relu(x) + 1), x)
    assert gradient.item() == 9 and used == {"relu": 2}


# Other functions than relu: what later methods need


def test_a_rule_of_several_inputs():
    a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(5.0, requires_grad=True)

    def shares(add, a, b):
        total = add(a.detach(), b.detach())
        return with_backward(total, lambda g: (g * a.detach() / total, g * b.detach() / total), a, b)

    with backward_rules({"add": shares}) as used:
        results = [a + b, torch.add(a, b), a.add(b), (1 * a).add_(b)]
        c = 1 * a
        c += b
        gradients = [torch.autograd.grad(result, (a, b)) for result in [*results, c]]
    assert used == {"add": 5}
    for result, (first, second) in zip([*results, c], gradients):
        assert result.item() == 7 and first.item() == pytest.approx(2 / 7) and second.item() == pytest.approx(5 / 7)


def epsilon(linear, x, *weights, **options):
    """A rule for a linear function that gets relevance R and gives Σ R · x·w / z: gradient × input, layer by layer."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        z = linear(x, *weights, **options)
    return z, lambda relevance: x * torch.autograd.grad(z, x, relevance / z)[0]


def relevance(function, x, *weights, **options):
    z, backward = epsilon(function, x, *weights, **options)
    return with_backward(z, backward, x)


@pytest.mark.parametrize("layer", [nn.Conv2d(2, 3, 2, bias=False), nn.Linear(6, 4, bias=False)], ids=["conv", "linear"])
def test_a_relevance_rule_of_conv2d_and_linear_is_gradient_times_input(layer):
    torch.manual_seed(0)
    network = nn.Sequential(layer, nn.Flatten(), nn.LazyLinear(1, bias=False)).double()
    x = torch.rand(2, 2, 4, 6, dtype=torch.float64, requires_grad=True)
    expected = x * torch.autograd.grad(network(x).sum(), x)[0]
    with backward_rules({"conv2d": relevance, "linear": relevance}) as used:
        score = network(x)
        (found,) = torch.autograd.grad(score, x, score)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert used.total() == 2


@pytest.mark.parametrize("module, name", [
    (nn.BatchNorm2d(2).eval(), "batch_norm"), (nn.MaxPool2d(2), "max_pool2d"), (nn.AvgPool2d(2), "avg_pool2d"),
    (nn.AdaptiveAvgPool2d(1), "adaptive_avg_pool2d"), (nn.Conv2d(2, 2, 1), "conv2d"), (nn.Linear(4, 2), "linear"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_the_names_that_later_rules_will_use(module, name):
    x = torch.rand(1, 2, 4, 4, requires_grad=True)

    def doubled(function, x, *others, **options):
        return with_backward(function(x.detach(), *others, **options), lambda g: torch.full_like(x, 2.0), x)

    with backward_rules({name: doubled}) as used:
        y = module(x)
        (gradient,) = torch.autograd.grad(y.sum(), x)
    assert used == {name: 1} and gradient.unique().tolist() == [2] and torch.allclose(y, module(x), atol=1e-6)


def test_a_block_inside_a_block():
    x = torch.tensor([1.0], requires_grad=True)

    def times(factor):
        return lambda function, x: with_backward(function(x.detach()), lambda g: factor * g, x)

    with backward_rules({"relu": times(2), "tanh": times(3)}) as outer:
        with backward_rules({"relu": times(5)}) as inner:
            (both,) = torch.autograd.grad(F.relu(torch.tanh(x)), x)
        (one,) = torch.autograd.grad(F.relu(x), x)
    assert (both.item(), one.item()) == (15, 2) and inner == {"relu": 1} and outer["tanh"] == 1


# Nothing stays


def test_after_the_block_all_is_as_before():
    x = X.clone().requires_grad_()
    with pytest.raises(ZeroDivisionError), backward_rules({"relu": fixed}):
        1 / 0
    assert torch.autograd.grad(F.relu(x).sum(), x)[0].tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("name, relus", [
    ("resnet18", 17), ("googlenet", 57), ("densenet121", 121), ("squeezenet1_1", 26), ("mobilenet_v2", 0),
    ("vit_b_16", 0),
])
def test_no_value_changes_and_nothing_is_registered(name, relus):
    model = small(name)
    x = torch.rand(1, 3, FAMILIES[name], FAMILIES[name])
    before, expected = fingerprint(model), model(x)

    def plain(relu, x):
        y = relu(x.detach())
        return with_backward(y, lambda g: g * (y > 0), x)

    with backward_rules({"relu": plain}) as used:
        output = model(x)
        assert fingerprint(model) == before
    assert torch.allclose(output, expected, rtol=1e-3, atol=1e-5) and fingerprint(model) == before
    assert used["relu"] == relus
