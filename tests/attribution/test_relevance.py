"""Relevance propagation: each rule against its formula, written out with the matrix of the layer; what is kept; what is refused."""

import gc
from contextlib import suppress
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.helpers import FAMILIES, calibrated, close, fingerprint, small
from xaitutor.attribution import gradient_x_input
from xaitutor.attribution.differences import deeplift
from xaitutor.attribution.relevance import (
    COMPOSITES,
    RULES,
    alpha_beta,
    conservation,
    deep_taylor,
    epsilon,
    gamma,
    lrp,
)
from xaitutor.truth.given import counted_passes

FORMULAS = {  # R_i of one layer: from a (n,), M (m, n), b (m,), z (m,) and R (m,)
    "epsilon": lambda a, M, b, z, R: a * (M.T @ (R / torch.where(z < 0, z - 0.1, z + 0.1))),
    "gamma": lambda a, M, b, z, R: _gamma(a, M, b, z, R, 0.5),
    "alpha_beta": lambda a, M, b, z, R: 3 * _share(a * M, b, R, 0, None) - 2 * _share(a * M, b, R, None, 0),
    "z_plus": lambda a, M, b, z, R: _share(a * M, b, R, 0, None),
}
SAME = {"epsilon": epsilon(0.1), "gamma": gamma(0.5), "alpha_beta": alpha_beta(3, 2), "z_plus": alpha_beta(1, 0)}


def _share(products, b, R, least, most):
    chosen = products.clamp(min=least, max=most)
    total = chosen.sum(dim=1) + b.clamp(min=least, max=most)
    return (chosen / torch.where(total == 0, 1.0, total)[:, None] * R[:, None]).sum(dim=0)


def _gamma(a, M, b, z, R, strength):
    given = torch.zeros_like(a)
    for j in range(len(z)):  # one output at a time, as the formula is written
        up = lambda w: w + strength * (w.clamp(min=0) if z[j] > 0 else w.clamp(max=0))  # noqa: B023, E731
        down = lambda w: w + strength * (w.clamp(max=0) if z[j] > 0 else w.clamp(min=0))  # noqa: B023, E731
        products = torch.where(a > 0, a * up(M[j]), a * down(M[j]))
        given += products / (products.sum() + up(b[j])) * R[j]
    return given


def layer_of(function, a):
    """The matrix and the bias of a linear function of a flat input, and what it puts out."""
    matrix = torch.autograd.functional.jacobian(function, torch.zeros_like(a))
    return matrix, function(torch.zeros_like(a)), function(a)


def network(seed, form="module"):
    """Convolution, batch norm, ReLU, a matrix; random biases and statistics."""
    torch.manual_seed(seed)
    convolution, norm, linear = nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=seed % 2 == 0), nn.BatchNorm2d(3), nn.Linear(3 * 2 * 2, 4)
    for tensor in (norm.running_mean, norm.weight.data, norm.bias.data):
        tensor.normal_()
    norm.running_var.uniform_(0.5, 2)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution, self.norm, self.linear = convolution, norm, linear

        def first(self, x):
            z = self.convolution(x)
            return self.norm(z) if form == "module" else F.batch_norm(z, norm.running_mean, norm.running_var, norm.weight, norm.bias)

        def forward(self, x):
            return self.linear(F.relu(self.first(x), inplace=form != "module").flatten(1))

    return Network().double().eval()


@pytest.mark.parametrize("form", ["module", "function, in place"])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", FORMULAS)
def test_each_rule_is_its_formula(name, seed, form):
    """With inputs of both signs; batch norm is one step with the convolution before it."""
    model = network(seed, form)
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64)
    matrix, bias, z = layer_of(lambda a: model.first(a.reshape(1, 2, 4, 4)).flatten(), x.flatten())
    hidden = z.relu()
    top, top_bias, logits = layer_of(model.linear, hidden)
    start = torch.zeros_like(logits)
    start[1] = logits[1]
    relevance = FORMULAS[name](hidden, top, top_bias, logits, start)
    expected = FORMULAS[name](x.flatten(), matrix, bias, z, torch.where(z > 0, relevance, 0.0))
    assert close(lrp(model, x, 1, rule=SAME[name]).flatten(), expected, 1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_box_at_the_pixels_is_its_formula(seed):
    model = network(seed)
    x = torch.rand(1, 2, 4, 4, dtype=torch.float64) * 3 - 1
    low, high = torch.tensor([-1.0, -1.5]).reshape(2, 1, 1), torch.tensor([2.0, 2.5]).reshape(2, 1, 1)
    matrix, bias, z = layer_of(lambda a: model.first(a.reshape(1, 2, 4, 4)).flatten(), x.flatten())
    top, top_bias, logits = layer_of(model.linear, z.relu())
    relevance = torch.where(z > 0, z * top[1], 0.0)
    least, most = (bound.double().expand(2, 4, 4).flatten() for bound in (low, high))
    products = x.flatten() * matrix - least * matrix.clamp(min=0) - most * matrix.clamp(max=0)
    expected = (products / products.sum(dim=1, keepdim=True) * relevance[:, None]).sum(dim=0)
    found = lrp(model, x, 1, rule=[("pixels", "box"), ("all", "zero")], low=low, high=high)
    assert close(found.flatten(), expected, 1e-9)


def test_without_bounds_the_box_is_that_of_each_picture():
    model, x = network(0), torch.randn(2, 2, 4, 4, dtype=torch.float64)
    found = deep_taylor(model, x, 1)
    for image, given in zip(x, found):
        low, high = image.amin((1, 2))[:, None, None], image.amax((1, 2))[:, None, None]
        assert close(deep_taylor(model, image[None], 1, low=low, high=high)[0], given, 1e-12)


def test_pixels_that_are_flattened_are_pixels():
    """As in a network of linear layers alone: a convolution as large as the picture is the same function."""
    torch.manual_seed(0)
    whole = nn.Sequential(nn.Conv2d(2, 5, 4), nn.Flatten(), nn.ReLU(), nn.Linear(5, 3)).double().eval()
    flat = nn.Sequential(nn.Flatten(), nn.Linear(32, 5), nn.ReLU(), nn.Linear(5, 3)).double().eval()
    flat[1].weight.data, flat[1].bias.data = whole[0].weight.data.flatten(1), whole[0].bias.data
    flat[3].load_state_dict(whole[3].state_dict())
    x = torch.rand(2, 2, 4, 4, dtype=torch.float64)
    for options in ({"low": -0.5, "high": 1.5}, {"low": 0, "high": 1}):
        assert close(deep_taylor(flat, x, 1, **options), deep_taylor(whole, x, 1, **options), 1e-12)
    assert deep_taylor(flat, x, 1).shape == x.shape
    with pytest.raises(ValueError, match=r"low and high of the shape \(2, 1, 1\) do not fit x \(2, 32\)"):
        deep_taylor(flat, x, 1, low=torch.zeros(2, 1, 1))


def test_a_model_that_changes_its_pixels_first_is_refused():
    """The rule for the pixels would find no layer that gets them, and something else would be taken without a word."""
    model = network(0)
    normalising = nn.Sequential(nn.Identity(), model)
    normalising.forward = lambda x: model((x - 0.5) / 0.2)
    x = torch.rand(1, 2, 4, 4, dtype=torch.float64)
    assert lrp(nn.Sequential(nn.Identity(), model).eval(), x, 1).shape == x.shape
    with pytest.raises(ValueError, match="no layer gets the pixels of x themselves.*the model changes x first.*epsilon_plus"):
        lrp(normalising.eval(), x, 1, rule="deep_taylor")
    assert lrp(normalising, x, 1, rule="epsilon_plus").shape == x.shape


@pytest.mark.parametrize("rule, expected", [("z_plus", (4 / 3, 2 / 3, 0)), ("zero", (2, 1, -1)), ("alpha2_beta1", (8 / 3, 4 / 3, -2))])
def test_the_toy(rule, expected):
    """2a + b − c at (1, 1, 1)."""
    toy = nn.Sequential(nn.Flatten(), nn.Linear(3, 1, bias=False)).double().eval()
    with torch.no_grad():
        toy[1].weight[:] = torch.tensor([[2.0, 1.0, -1.0]])
    assert lrp(toy, torch.ones(1, 3, 1, 1, dtype=torch.float64), 0, rule=rule).flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "googlenet"])
def test_lrp_0_is_gradient_x_input(name):
    model, x = calibrated(small(name).double(), FAMILIES[name]), torch.randn(2, 3, FAMILIES[name], FAMILIES[name], dtype=torch.float64)
    assert close(lrp(model, x, 3, rule="zero"), gradient_x_input(model, x, 3), 1e-9)


@pytest.mark.parametrize("rule", [*RULES, *COMPOSITES])
def test_without_biases_nothing_is_lost(rule):
    """SqueezeNet has no batch norm, and its biases begin at 0. (The overview's ε of 0.25 takes its share; zᴮ's box is no bias.)"""
    model, x = small("squeezenet1_1").double(), torch.rand(2, 3, 32, 32, dtype=torch.float64) - 0.5
    with torch.no_grad():
        logits = model(x)[:, 7]
    found = lrp(model, x, 7, rule=rule, low=-0.5, high=0.5).sum(dim=(1, 2, 3))
    if rule == "overview":
        assert (found < 0.5 * logits).all() and (found > 0).all()
    else:
        assert close(found, logits, 0.03 if "alpha2" in rule else 1e-3)


def test_deep_taylor_is_nowhere_negative():
    """Where the logit is positive, in a network without shortcuts."""
    torch.manual_seed(0)
    model = calibrated(nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3),
                                     nn.ReLU(), nn.Flatten(), nn.Linear(8 * 5 * 5, 6)), 16)
    x = torch.rand(4, 3, 16, 16) - 0.5
    with torch.no_grad():
        best = model(x).max(dim=1)
    assert (best.values > 0).all()
    found = deep_taylor(model, x, best.indices, low=-0.5, high=0.5)
    assert found.min() > -1e-6 * found.max() and found.max() > 0


@pytest.mark.parametrize("name, function, layer", [
    ("vit_b_16", "layer_norm", "encoder.layers.encoder_layer_0.ln_1"), ("swin_t", "layer_norm", "features.0.2"),
    ("efficientnet_b0", "silu", "features.0.2"), ("convnext_tiny", "layer_norm", "features.0.1"),
    ("mobilenet_v3_small", "hardswish", "features.0.2"), ("regnet_y_400mf", "sigmoid", "trunk_output.block1.block1-0.f.se.scale_activation"),
])
def test_what_has_no_rule_is_refused_by_name(name, function, layer):
    model, x = small(name), torch.randn(1, 3, FAMILIES[name], FAMILIES[name])
    before = fingerprint(model)
    with pytest.raises(ValueError, match=f"{function} in the layer {layer} "):
        lrp(model, x, 0)
    assert fingerprint(model) == before
    assert lrp(model, x, 0, rule="zero", on_unknown="gradient").isfinite().all()


def test_a_gate_is_no_linear_function():
    """A product of two things that depend on the picture; with a constant it is linear."""
    gate = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    gate.forward = lambda x: gate[1](x.flatten(1)) * x.flatten(1)[:, :2]
    with pytest.raises(ValueError, match="mul in the layer the model itself"):
        lrp(gate.eval(), torch.ones(1, 3, 1, 1), 0)
    gate.forward = lambda x: torch.ones(1, 2) / gate[1](x.flatten(1))
    with pytest.raises(ValueError, match="div.* in the layer the model itself"):
        lrp(gate, torch.ones(1, 3, 1, 1), 0)
    gate.forward = lambda x: gate[1](x.flatten(1)) * 2
    assert lrp(gate, torch.ones(1, 3, 1, 1), 0).shape == (1, 3, 1, 1)


def test_functions_called_by_keywords():
    model = network(0)
    by_name = network(0)
    by_name.first = lambda x: F.batch_norm(
        input=F.conv2d(input=x, weight=by_name.convolution.weight, bias=by_name.convolution.bias, stride=2, padding=1), weight=by_name.norm.weight,
        bias=by_name.norm.bias, running_mean=by_name.norm.running_mean, running_var=by_name.norm.running_var)
    by_name.forward = lambda x: F.linear(input=F.relu(input=by_name.first(x)).flatten(1), weight=by_name.linear.weight, bias=by_name.linear.bias)
    x = torch.randn(2, 2, 4, 4, dtype=torch.float64)
    assert close(lrp(by_name, x, 1, rule="gamma"), lrp(model, x, 1, rule="gamma"), 1e-12)


def test_a_batch_norm_of_the_batch_is_no_linear_step():
    model = network(0)
    model.first = lambda x: F.batch_norm(model.convolution(x), None, None, training=True)
    with pytest.raises(ValueError, match="batch_norm in the layer the model itself"):
        lrp(model, torch.randn(1, 2, 4, 4, dtype=torch.float64), 1)


@pytest.mark.parametrize("options, message", [
    ({"rule": "beta"}, "rule must be one of zero, epsilon, gamma, .*, deep_taylor, a rule, or a list"),
    ({"rule": [("conv", "beta")]}, "a step's rule must be one of zero, .*, box, or a function, not 'beta'"),
    ({"rule": [("convolution", "zero")]}, r"which steps must be one of pixels, conv, .*, all, or a share of the depth .* not 'convolution'"),
    ({"rule": [("conv", "box")]}, r"the rule of the layer classifier.1 .* gives relevance to pixels, but this layer gets something else"),
    ({"rule": "deep_taylor", "low": torch.zeros(2, 1, 1)}, r"low and high of the shape \(2, 1, 1\) do not fit x \(1, 3, 32, 32\)"),
    ({"rule": "deep_taylor", "low": -0.1, "high": 0.1}, r"x has pixels outside of \[low, high\]"),
    ({"on_unknown": "ignore"}, "on_unknown must be 'raise' or 'gradient', not 'ignore'"),
])
def test_what_cannot_be_asked(options, message):
    model, x = small("squeezenet1_1"), torch.rand(1, 3, 32, 32)
    before = fingerprint(model)
    with pytest.raises(ValueError, match=message):
        lrp(model, x, 0, **options)
    assert fingerprint(model) == before


def test_alpha_and_beta_belong_together():
    with pytest.raises(ValueError, match="alpha − beta must be 1"):
        alpha_beta(2, 2)


def test_one_pass_each_way():
    model, x = small("squeezenet1_1"), torch.rand(2, 3, 32, 32)
    before = fingerprint(model)
    for rule in ("epsilon", "epsilon_gamma_box"):
        with counted_passes(model) as counts:
            lrp(model, x, rule=rule, low=0, high=1)
        assert counts.forward == 2 and fingerprint(model) == before


@pytest.mark.parametrize("explain", [
    lrp, conservation, deeplift, partial(deeplift, rule="reveal_cancel"), partial(lrp, rule=[("linear", "box")])])
def test_nothing_stays_in_memory(explain):
    """Rules that know the later layers, and layers that lead back to the rules, would keep each other alive for ever."""
    model, x = network(0), torch.rand(1, 2, 4, 4, dtype=torch.float64)
    alive = []
    gc.collect()
    gc.freeze()  # what is there already need not be searched each time
    for _ in range(4):
        with suppress(ValueError):
            explain(model, x, 0)
        gc.collect()
        alive.append(sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects()))
    gc.unfreeze()
    assert alive[3] - alive[0] < 3, f"at least one more with each call: {alive}"


@pytest.mark.parametrize("rule", ["epsilon", "epsilon_plus", "epsilon_gamma_box"])
@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_what_is_lost_is_accounted_for(name, rule):
    """The logit, less what each step did not pass on, is what lies on the pixels."""
    model = calibrated(small(name).double(), 32)
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).clamp(-2, 2)
    options = {"rule": rule, "low": -2, "high": 2}
    found = conservation(model, x, [3, 4], **options)
    with torch.no_grad():
        logits = model(x)[[0, 1], [3, 4]]
    assert close(found[0].arrived, logits, 1e-9)
    lost = torch.stack([one.arrived - one.passed for one in found]).sum(dim=0)
    assert close(logits - lost, lrp(model, x, [3, 4], **options).sum(dim=(1, 2, 3)), 1e-9)
    assert found[0].layer.endswith("(Linear)") and "conv" in found[-1].layer and lost.abs().min() > 0
