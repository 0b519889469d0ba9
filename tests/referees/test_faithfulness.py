"""Infidelity and max-sensitivity: Captum's numbers, closed forms, and what a factor must not change."""

import captum.metrics
import pytest
import torch
from torch import nn

from xaitutor import attribution, referees
from xaitutor.referees import faithfulness

X = torch.randn(3, 3, 16, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 3, 1])


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 48, 4)).double().eval()


def linear():
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 12, 4)).double().eval()


@pytest.mark.parametrize("contributions", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_infidelity_is_captums(contributions, scaled):
    """Given the same squares, which Captum's perturbation function takes from ours one after the other."""
    model = network()
    method = attribution.gradient_x_input if contributions else attribution.gradient
    given = method(model, X, LABELS)
    options = dict(samples=12, fill=0, seed=4)
    ours = referees.infidelity(model, X, LABELS, given, contributions=contributions, scaled=scaled, **options)
    squares = iter(faithfulness.falls(model, X, LABELS, **options).squares)

    def perturb(x):
        square = next(squares).expand_as(x)
        return (square.double() if contributions else x * square), torch.where(square, 0.0, x)

    theirs = captum.metrics.infidelity(model, perturb, X, given, target=LABELS, n_perturb_samples=12, max_examples_per_batch=3, normalize=scaled)
    torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-5)


def test_on_a_linear_network_the_gradient_and_its_product_with_the_input_foresee_everything():
    model = linear()
    options = dict(fill=0, scaled=False)
    gradient, product = (m(model, X, LABELS) for m in (attribution.gradient, attribution.gradient_x_input))
    assert referees.infidelity(model, X, LABELS, gradient, contributions=False, **options).max() < 1e-18
    assert referees.infidelity(model, X, LABELS, product, **options).max() < 1e-18
    assert referees.infidelity(model, X, LABELS, product.flip(3), **options).min() > 1e-3


def test_a_factor_changes_nothing_where_scaled_and_no_map_is_worse_than_none():
    model = network()
    given = attribution.gradient_x_input(model, X, LABELS)
    of = lambda a, **options: referees.infidelity(model, X, LABELS, a, **options)  # noqa: E731
    torch.testing.assert_close(of(given), of(-7 * given))
    nothing = of(0 * given)
    torch.testing.assert_close(nothing, faithfulness.falls(model, X, LABELS).fall.square().mean(dim=1))
    assert (of(torch.randn(X.shape, generator=torch.Generator().manual_seed(3))) <= nothing + 1e-12).all()


def test_a_coarse_map_counts_as_enlarged():
    model, coarse = network(), torch.randn(3, 1, 4, 3, dtype=torch.float64)
    large = nn.functional.interpolate(coarse, size=(16, 12), mode="bilinear")
    torch.testing.assert_close(referees.infidelity(model, X, 0, coarse), referees.infidelity(model, X, 0, large))
    with pytest.raises(ValueError, match=r"expected an attribution \(3, 3, h, w\), got \(3, 1, 4, 3\)"):
        referees.infidelity(model, X, 0, coarse, contributions=False)


def test_max_sensitivity_is_captums():
    model = network()
    generator = torch.Generator().manual_seed(5)

    def perturb(x, radius):
        return x + radius * (2 * torch.rand(X.shape, generator=generator) - 1)

    def explain(x):  # Captum hands over a tuple first, then a tensor, and compares row by row unless a tuple comes back
        return (attribution.gradient_x_input(model, x[0] if isinstance(x, tuple) else x, LABELS),)

    theirs = captum.metrics.sensitivity_max(explain, X, perturb, perturb_radius=0.02, n_perturb_samples=7, max_examples_per_batch=3)
    ours = referees.max_sensitivity(model, X, LABELS, attribution.gradient_x_input, samples=7, seed=5)
    torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-5)
    assert ours.min() > 0


def test_what_does_not_look_at_the_picture_never_moves():
    assert not referees.max_sensitivity(network(), X, 0, lambda model, x, target: torch.ones_like(x), samples=2).any()
    zero = referees.max_sensitivity(linear(), X, 0, attribution.gradient, samples=3)
    torch.testing.assert_close(zero, torch.zeros(3, dtype=torch.float64))


def test_squares_have_the_sides_that_are_said():
    squares = faithfulness._squares(X, 2000, 0)
    sides = squares.any(dim=2).sum(dim=1)
    assert torch.equal(squares.any(dim=1).sum(dim=1), sides) and set(sides.tolist()) == {1, 2, 3, 4, 5, 6}
    assert squares.any(dim=0).all()


def test_no_samples():
    with pytest.raises(ValueError, match="samples must be"):
        referees.infidelity(network(), X, 0, X, samples=0)
    with pytest.raises(ValueError, match="samples must be"):
        referees.max_sensitivity(network(), X, 0, attribution.gradient, samples=0)
