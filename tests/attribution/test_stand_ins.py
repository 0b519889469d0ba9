"""LIME against lime itself and Captum; Kernel SHAP against Shapley's formula, by hand and by the truth of scenes."""

import itertools
import math

import captum.attr
import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnRidge
from hypothesis import given
from hypothesis import strategies as st
from lime.lime_image import LimeImageExplainer
from torch import nn

from xaitutor import attribution
from xaitutor.attribution import regions, stand_ins
from xaitutor.truth.shapley import shapley_values

CELLS = (torch.arange(12)[:, None] // 4 * 2 + torch.arange(8)[None] // 4)  # six regions of 4 × 4
X = torch.randn(2, 3, 12, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 24, 4)).double().eval()


def every(players: int) -> np.ndarray:
    return stand_ins.shap_coalitions(players, 2**players, 0)


# Shapley values


def test_three_players_by_hand():
    worth = {(): 0, (0,): 1, (1,): 2, (2,): 0, (0, 1): 5, (0, 2): 1, (1, 2): 2, (0, 1, 2): 6}
    there = every(3)
    values = np.array([worth[tuple(np.flatnonzero(row))] for row in there], float)
    np.testing.assert_allclose(stand_ins.shapley_weights(there, values), (7 / 3, 10 / 3, 1 / 3), atol=1e-12)


@given(st.integers(2, 7), st.integers(0, 2**16))
def test_all_coalitions_give_the_shapley_values_of_any_game(players, seed):
    game = np.random.default_rng(seed).normal(size=2**players)  # in the order of bits, as the truth has it
    there = every(players)
    values = game[(there << np.arange(players)).sum(axis=1)]
    np.testing.assert_allclose(stand_ins.shapley_weights(there, values), shapley_values(game[None])[0], atol=1e-9)


def test_the_kernel():
    assert stand_ins.shapley_kernel(4, 1) == 3 / (4 * 1 * 3) and stand_ins.shapley_kernel(4, 2) == 3 / (6 * 2 * 2)
    for players in range(2, 12):
        for size in range(1, players):
            assert math.isclose(stand_ins.shapley_kernel(players, size), stand_ins.shapley_kernel(players, players - size))


def by_orders(model, image, behind, labels, target):
    """φ by the definition: the mean over all orders in which the regions can come in."""
    count = int(labels.max()) + 1
    score = lambda there: model(torch.where(torch.isin(labels, torch.tensor(sorted(there), dtype=labels.dtype)), image, behind)[None])[0, target].item()  # noqa: E731
    memo = {s: score(s) for r in range(count + 1) for s in map(frozenset, itertools.combinations(range(count), r))}
    phi = np.zeros(count)
    for order in itertools.permutations(range(count)):
        for place, player in enumerate(order):
            phi[player] += memo[frozenset(order[:place + 1])] - memo[frozenset(order[:place])]
    return phi / math.factorial(count)


def test_exact_on_a_network_of_four_regions():
    model, labels = network(), CELLS.clamp(max=3)
    found = regions.sums(attribution.kernel_shap(model, X, 2, regions=labels, fill="grey", samples=16), labels)
    with torch.no_grad():
        expected = [by_orders(model, image, torch.zeros_like(image), labels, 2) for image in X]
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-9)


@pytest.mark.parametrize("samples", [12, 30, 64])
def test_the_map_sums_to_the_difference_of_the_scores(samples):
    model = network()
    found = attribution.kernel_shap(model, X, 1, regions=CELLS, fill="grey", samples=samples)
    expected = model(X)[:, 1] - model(torch.zeros_like(X))[:, 1]
    torch.testing.assert_close(found.sum(dim=(1, 2, 3)), expected.detach(), atol=1e-9, rtol=0)


def test_more_samples_come_nearer():
    model = network()
    exact = regions.sums(attribution.kernel_shap(model, X, 1, regions=CELLS, fill="grey", samples=64), CELLS)
    errors = [np.mean([(regions.sums(attribution.kernel_shap(model, X, 1, regions=CELLS, fill="grey", samples=n, seed=s), CELLS) - exact).abs().mean()
                       for s in range(12)]) for n in (10, 20, 56)]
    assert errors[0] > errors[1] > errors[2] > 0


def test_as_captums_kernel_shap_with_all_coalitions():
    """Captum draws its own: with enough of them it comes near what is exact here."""
    model = network()
    torch.manual_seed(0)
    theirs = captum.attr.KernelShap(model).attribute(X[:1], target=1, feature_mask=CELLS.expand(1, 3, 12, 8), n_samples=3000)
    ours = attribution.kernel_shap(model, X[:1], 1, regions=CELLS, fill="grey", samples=64)
    torch.testing.assert_close(theirs[0, 0].double() / 16, ours[0, 0], atol=0.001, rtol=0.1)


def test_on_a_sum_both_are_the_regions_own_contributions():
    """A linear network: every coalition says the same of each region; Captum's FeatureAblation does, too."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 96, 4)).double().eval()
    own = regions.sums((model[1].weight[3].reshape(3, 12, 8) * X).detach(), CELLS)
    ablated = captum.attr.FeatureAblation(model).attribute(X, target=3, feature_mask=CELLS.expand(1, 3, 12, 8))[:, :1]
    torch.testing.assert_close(ablated[:, 0], torch.stack([(row / 1)[CELLS] for row in own]))
    for samples in (14, 64):
        torch.testing.assert_close(regions.sums(attribution.kernel_shap(model, X, 3, regions=CELLS, fill="grey", samples=samples), CELLS), own)
    torch.testing.assert_close(regions.sums(attribution.lime(model, X, 3, regions=CELLS, fill="grey", samples=40, ridge=0), CELLS), own)


# LIME


def test_the_same_weights_as_lime_itself(monkeypatch):
    """With its regions and its samples: `explain_instance` throws 0 and 1 with NumPy's old generator, after one number for its segmentation."""
    model, image = network(), X[0].permute(1, 2, 0).numpy()

    def probabilities(images):
        with torch.no_grad():
            return model(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)).softmax(dim=1).numpy()

    theirs = LimeImageExplainer(random_state=0).explain_instance(
        image, probabilities, labels=(1,), top_labels=None, num_samples=50, segmentation_fn=lambda _: CELLS.numpy())
    old = np.random.RandomState(0)
    old.randint(0, high=1000)
    there = old.randint(0, 2, 50 * 6).reshape(50, 6)
    there[0] = 1
    monkeypatch.setattr(stand_ins, "lime_coalitions", lambda *_: there)
    ours = regions.sums(attribution.lime(model, X[:1], 1, regions=CELLS, samples=50, score="probability"), CELLS)[0]
    np.testing.assert_allclose(ours, [dict(theirs.local_exp[1])[region] for region in range(6)], atol=1e-9)


def test_the_same_weights_as_captums_lime_from_the_same_samples():
    """Captum explains the logit, hides with a colour, and takes any linear model: here lime's ridge and lime's kernel."""
    model, there = network(), stand_ins.lime_coalitions(6, 40, 5)
    rows = iter(torch.from_numpy(there).double())
    lime = captum.attr.Lime(
        model, SkLearnRidge(alpha=1), perturb_func=lambda *_, **__: next(rows)[None],
        similarity_func=lambda _, __, row, **___: torch.from_numpy(stand_ins.lime_kernel(row.numpy())))
    theirs = lime.attribute(X[:1], target=1, feature_mask=CELLS.expand(1, 3, 12, 8), n_samples=40)
    ours = attribution.lime(model, X[:1], 1, regions=CELLS, fill="grey", samples=40, seed=5)
    torch.testing.assert_close(regions.sums(ours, CELLS)[0], torch.stack([theirs[0, 0][CELLS == r].mean() for r in range(6)]).double(),
                               atol=1e-6, rtol=1e-5)


def test_the_kernel_of_lime():
    there = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(stand_ins.lime_kernel(there, 0.5), np.sqrt(np.exp([-0.0, -(0.5**2) / 0.25, -1 / 0.25])))


def test_ridge_in_closed_form():
    random = np.random.default_rng(0)
    there, values, kernel = random.integers(0, 2, (40, 5)), random.normal(size=40), random.random(40)
    centred = there - np.average(there, axis=0, weights=kernel)
    expected = np.linalg.solve((centred.T * kernel) @ centred + 2 * np.eye(5), (centred.T * kernel) @ (values - np.average(values, weights=kernel)))
    np.testing.assert_allclose(stand_ins.ridge_weights(there, values, kernel, 2), expected, atol=1e-10)


# Both


@pytest.mark.parametrize("method", [attribution.lime, attribution.kernel_shap], ids=["lime", "kernel_shap"])
class TestBoth:
    def test_again_with_the_same_seed(self, method):
        first, second, other = (method(network(), X, 0, regions=CELLS, samples=20, seed=seed) for seed in (3, 3, 4))
        assert torch.equal(first, second) and not torch.equal(first, other)

    def test_a_batch_says_the_same_as_one_by_one(self, method):
        together = method(network(), X, 0, regions=CELLS, samples=20)
        alone = torch.cat([method(network(), x[None], 0, regions=CELLS, samples=20) for x in X])
        torch.testing.assert_close(together, alone, atol=1e-10, rtol=0)

    def test_each_picture_has_regions_of_its_own(self, method):
        maps = torch.stack([CELLS, CELLS.clamp(max=2)])
        found = method(network(), X, 0, regions=maps, samples=64)
        assert [len(one.unique()) for one in found] == [6, 3]

    def test_fewer_samples_than_regions_are_said(self, method):
        with pytest.warns(UserWarning, match="samples are fewer than the 6 regions"):
            method(network(), X, 0, regions=CELLS, samples=5)

    def test_a_region_of_the_colour_of_the_fill_is_said(self, method):
        x = X.clone()
        x[:, :, :4, :4] = 0
        with pytest.warns(UserWarning, match="1 of 6 regions look exactly like what would hide them"):
            found = method(network(), x, 0, regions=CELLS, fill="grey", samples=64)
        largest = {attribution.kernel_shap: 1e-9, attribution.lime: 0.05}[method]  # of a regression over a few draws some is left
        assert regions.sums(found, CELLS)[:, 0].abs().max() < largest

    def test_no_samples(self, method):
        with pytest.raises(ValueError, match="samples must be a whole number of at least 1"):
            method(network(), X, 0, regions=CELLS, samples=0)


@given(st.integers(7, 40), st.integers(0, 2**16))
def test_drawn_coalitions_come_in_pairs_with_neither_nothing_nor_all(count, seed):
    there = stand_ins.shap_coalitions(count, 50, seed)
    assert len(there) == 50 and not there[0].any() and there[1].all()
    np.testing.assert_array_equal(there[2::2] + there[3::2], 1)
    assert 0 < there[2:].sum(axis=1).min() and there[2:].sum(axis=1).max() < count


def test_sizes_are_drawn_as_often_as_the_kernel_says():
    """All coalitions of a size s together count 1 / (s (R − s)); five standard errors of 20,000 draws."""
    sizes = np.arange(1, 12)
    expected = 1 / (sizes * (12 - sizes))
    expected /= expected.sum()
    drawn = stand_ins.shap_coalitions(12, 4095, 0)[2::2].sum(axis=1)
    drawn = np.concatenate([drawn, *(stand_ins.shap_coalitions(12, 4095, seed)[2::2].sum(axis=1) for seed in range(1, 10))])
    found = np.bincount(drawn, minlength=12)[1:] / len(drawn)
    assert (np.abs(found - expected) < 5 * np.sqrt(expected * (1 - expected) / len(drawn))).all()
