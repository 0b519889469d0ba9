"""Integrated gradients: Captum's results, closed forms, the axioms, and what the sampling of the integral costs."""

import math

import captum.attr
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.attribution.test_gradients import COMPARED, bias_free
from tests.helpers import FAMILIES, Formula, close, point, small
from xaitutor import load_model
from xaitutor.attribution import gradient_x_input, integrated_gradients
from xaitutor.attribution.paths import RULES
from xaitutor.menagerie.dataset import Dataset
from xaitutor.networks.models import EMBEDDED

CAPTUM = {"gauss_legendre": "gausslegendre", "midpoint": "riemann_middle", "right": "riemann_right"}
numbers = st.floats(-3, 3, width=32)
each_rule = pytest.mark.parametrize("rule", RULES)


def contributions(formula, x, baseline=None, **options):
    baseline = None if baseline is None else point(*baseline)
    return integrated_gradients(Formula(formula), point(*x), 0, baseline=baseline, **options).flatten().tolist()


@pytest.mark.parametrize("name, rule", [
    *((name, "gauss_legendre") for name in COMPARED), ("squeezenet1_1", "midpoint"), ("squeezenet1_1", "right"),
])
def test_equal_to_captum(name, rule):
    """In double precision, as far as Captum's positions, which are float32, allow."""
    model = small(name).double()
    x, baseline = torch.randn(2, 2, 3, FAMILIES[name], FAMILIES[name], dtype=torch.float64)
    target = model(x).argmax(dim=1)
    reference = captum.attr.IntegratedGradients(model).attribute(x, baseline, target, n_steps=5, method=CAPTUM[rule])
    assert close(integrated_gradients(model, x, baseline=baseline, steps=5, rule=rule, batch_size=3), reference, 1e-6)


@each_rule
def test_equal_to_captum_by_each_rule(rule):
    model, x = small("resnet18").double(), torch.randn(2, 3, 32, 32, dtype=torch.float64)
    reference = captum.attr.IntegratedGradients(model).attribute(x, target=[3, 5], n_steps=6, method=CAPTUM[rule])
    assert close(integrated_gradients(model, x, [3, 5], steps=6, rule=rule), reference, 1e-6)


# Closed forms


def test_5x_plus_y_squared():
    def f(x, y):
        return 5 * x + y**2

    assert contributions(f, (100, 5)) == pytest.approx([500, 25])
    assert contributions(f, (100, 5), (0, 5)) == pytest.approx([500, 0])
    assert contributions(f, (100, 5), (100, 0)) == pytest.approx([0, 25])
    assert contributions(f, (100, 5), steps=1) == pytest.approx([500, 25])  # one Gauss point is exact for a line


def test_each_term_gets_its_difference():
    assert contributions(lambda x, y, z: 5 * x + y**2 + torch.sin(z), (1, 2, 3), (0.5, 1, 1)) == pytest.approx(
        [2.5, 3, math.sin(3) - math.sin(1)], rel=1e-12)


def test_saturation():
    assert contributions(lambda x: 1 - torch.relu(1 - x), (2,), rule="midpoint") == pytest.approx([1])
    assert contributions(lambda x: 1 - torch.relu(1 - x), (2,)) == pytest.approx([1])


@given(numbers, numbers)
def test_a_product_is_shared_in_equal_parts(a, b):
    assert contributions(lambda x, y: x * y, (a, b)) == pytest.approx([a * b / 2] * 2)


@each_rule
@pytest.mark.parametrize("n", [1, 2, 7, 50])
def test_positions_and_weights(rule, n):
    positions, weights = RULES[rule](n)
    assert len(positions) == len(weights) == n and weights.sum() == pytest.approx(1, rel=1e-12)
    assert 0 < positions[0] and positions[-1] <= 1 and (positions[1:] > positions[:-1]).all()
    exact_degree = {"gauss_legendre": 2 * n - 1, "midpoint": 1, "right": 0}[rule]
    for degree in range(exact_degree + 1):
        assert (weights * positions**degree).sum() == pytest.approx(1 / (degree + 1), rel=1e-11)
    assert abs((weights * positions ** (exact_degree + 1)).sum() - 1 / (exact_degree + 2)) > 1e-12 or n > 5


@pytest.mark.parametrize("rule, order", [("right", 1), ("midpoint", 2)])
def test_the_error_falls_with_the_rules_order(rule, order):
    """Of a smooth function: doubling the steps divides the error by 2 to the order."""
    def error(steps):
        return abs(sum(contributions(lambda x, y: torch.exp(x) * torch.sin(y), (1, 2), steps=steps, rule=rule))
                   - math.e * math.sin(2))

    for steps in (20, 40, 80):
        assert error(steps) / error(2 * steps) == pytest.approx(2**order, rel=0.1)


def test_gauss_legendre_is_exact_on_a_smooth_function_with_few_steps():
    assert sum(contributions(lambda x, y: torch.exp(x) * torch.sin(y), (1, 2), steps=8)) == pytest.approx(
        math.e * math.sin(2), rel=1e-11)


# Networks


def test_without_biases_it_is_gradient_times_input():
    """Along the ray to 0 such a network is linear, whatever the rule and the number of steps."""
    model, x = bias_free(), torch.randn(2, 3, 10, 10, dtype=torch.float64)
    for rule, steps in (("gauss_legendre", 1), ("midpoint", 4), ("right", 7)):
        assert close(integrated_gradients(model, x, steps=steps, rule=rule), gradient_x_input(model, x), 1e-10)


def test_an_untrained_resnet18_has_one_bias():
    model, x = small("resnet18").double(), torch.randn(2, 3, 32, 32, dtype=torch.float64)
    logits, classes = model(x).max(dim=1)
    torch.testing.assert_close(integrated_gradients(model, x, steps=5).sum(dim=(1, 2, 3)),
                               (logits - model.fc.bias[classes]).detach(), rtol=1e-8, atol=1e-8)


def completeness_error(model, x, target, **options):
    """|Σ IG − (S(x) − S(b))| as a share of |S(x) − S(b)|, for each image."""
    with torch.no_grad():
        difference = (model(x) - model(torch.zeros_like(x))).gather(1, target[:, None])[:, 0]
    return (integrated_gradients(model, x, target, **options).sum(dim=(1, 2, 3)) - difference).abs() / difference.abs()


@pytest.mark.parametrize("name", EMBEDDED)
def test_50_steps_add_up_to_the_difference_within_1_percent_on_average(name):
    """On a single picture it can be 2 %: ReLUs make the gradient jump on the way, which no rule integrates well."""
    model, preprocess, _ = load_model(name)
    pictures = Dataset(6, "test")
    x = preprocess(torch.stack([pictures[i][0] for i in range(6)]))
    target = model(x).argmax(dim=1)
    errors = [completeness_error(model, x, target, steps=steps).mean() for steps in (50, 5)]
    assert errors[0] < 0.01 and errors[0] < errors[1] / 3


def test_many_images_are_explained_as_one_by_one():
    model, x = small("resnet18").double(), torch.randn(3, 3, 32, 32, dtype=torch.float64)
    baseline = torch.randn_like(x)
    together = integrated_gradients(model, x, baseline=baseline, steps=3, batch_size=4)
    alone = [integrated_gradients(model, x[[i]], baseline=baseline[[i]], steps=3) for i in range(3)]
    assert close(torch.cat(alone), together, 1e-12)


# Baselines


@pytest.mark.parametrize("given_as", [
    0.5, torch.tensor(0.5), torch.full((3, 1, 1), 0.5), torch.full((3, 10, 10), 0.5), torch.full((2, 3, 10, 10), 0.5),
    torch.full((1, 3, 10, 10), 0.5), lambda x: torch.full_like(x, 0.5), lambda x: 0.5,
])
def test_a_baseline_in_all_its_forms(given_as):
    model, x = bias_free(), torch.randn(2, 3, 10, 10, dtype=torch.float64)
    reference = captum.attr.IntegratedGradients(model).attribute(x, 0.5, target=[1, 2], n_steps=50)
    assert close(integrated_gradients(model, x, [1, 2], baseline=given_as), reference, 1e-6)


def test_a_baseline_is_not_written_to_and_its_graph_not_followed():
    model, x = bias_free(), torch.randn(1, 3, 10, 10, dtype=torch.float64)
    baseline = torch.zeros_like(x).requires_grad_()
    result = integrated_gradients(model, x, 0, baseline=baseline)
    assert not result.requires_grad and baseline.grad is None and not baseline.any()


def test_where_image_and_baseline_agree_nothing_is_contributed():
    model, x = bias_free(), torch.randn(1, 3, 10, 10, dtype=torch.float64)
    baseline = torch.zeros_like(x)
    baseline[..., :5] = x[..., :5]
    result = integrated_gradients(model, x, 0, baseline=baseline)
    assert not result[..., :5].any() and result[..., 5:].any()
    assert not integrated_gradients(model, x, 0, baseline=lambda x: x).any()


# The axioms of Sundararajan et al. 2017


FORMULAS = (
    lambda x, y, z: torch.sin(x) * y,
    lambda x, y, z: torch.exp(x / 2) + z**3 * y,
    lambda x, y, z: torch.tanh(x * y * z),
)
triples = st.tuples(numbers, numbers, numbers)


@given(st.sampled_from(FORMULAS), triples, triples)
def test_completeness(f, x, baseline):
    total = sum(contributions(f, x, baseline, steps=200))
    difference = f(*torch.tensor(x).double()) - f(*torch.tensor(baseline).double())
    assert total == pytest.approx(difference.item(), rel=1e-4, abs=1e-4)


@given(st.sampled_from(FORMULAS), st.sampled_from(FORMULAS), triples, triples, numbers, numbers)
def test_linearity(f, g, x, baseline, a, b):
    both = contributions(lambda *v: a * f(*v) + b * g(*v), x, baseline)
    separate = zip(contributions(f, x, baseline), contributions(g, x, baseline))
    assert both == pytest.approx([a * first + b * second for first, second in separate], rel=1e-9, abs=1e-9)


@given(triples, triples)
def test_dummy(x, baseline):
    """What the score does not depend on contributes nothing."""
    assert contributions(lambda x, y, z: torch.sin(x * z) + 0 * y, x, baseline)[1] == 0


@given(numbers, numbers, numbers, numbers)
def test_symmetry(same, other, same_baseline, other_baseline):
    """Inputs that the function treats alike, of equal values and baselines, contribute alike."""
    first, second, _ = contributions(
        lambda x, y, z: torch.sin(x * y) + (x + y) * z**2, (same, same, other),
        (same_baseline, same_baseline, other_baseline))
    assert first == pytest.approx(second, rel=1e-12, abs=1e-12)


@given(st.sampled_from(FORMULAS), triples, triples)
def test_implementation_invariance(f, x, baseline):
    """Two networks that compute the same function have the same contributions."""
    other = contributions(lambda *v: torch.relu(f(*v)) - torch.relu(-f(*v)), x, baseline)
    assert contributions(f, x, baseline) == pytest.approx(other, rel=1e-9, abs=1e-9)
