import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from xaitutor import metrics
from xaitutor.metrics import (
    effect_correlation,
    part_effects,
    part_relevance,
    pointing_game,
    relevance_mass,
    relevance_rank,
)

ON_MASK = (pointing_game, relevance_mass, relevance_rank)


def pictures(seed, n=4, side=9):
    """Heat (n, side, side) without ties, and masks with some pixels each."""
    generator = torch.Generator().manual_seed(seed)
    heat = torch.rand(n, side, side, generator=generator, dtype=torch.float64)
    mask = torch.rand(n, side, side, generator=generator) < 0.3
    mask[:, 0, 0] = True
    return heat, mask


# Against the mask


@pytest.mark.parametrize("metric", ON_MASK)
def test_the_mask_itself_is_perfect_and_its_opposite_worthless(metric):
    _, mask = pictures(0)
    assert metric(mask.float(), mask).tolist() == [1] * len(mask)
    assert metric((~mask).float(), mask).tolist() == [0] * len(mask)


@pytest.mark.parametrize("level", [0.0, 1.0, 1e-30])
def test_a_constant_map_has_the_share_of_the_mask_and_never_points(level):
    _, mask = pictures(1)
    constant = torch.full(mask.shape, level)
    share = mask.double().mean(dim=(1, 2))
    torch.testing.assert_close(relevance_mass(constant, mask), share)
    torch.testing.assert_close(relevance_rank(constant, mask), share)
    assert not pointing_game(constant, mask).any()


def test_by_hand():
    heat = torch.tensor([[[4.0, 3.0], [2.0, 1.0]]])
    mask = torch.tensor([[[True, False], [True, False]]])
    assert pointing_game(heat, mask).tolist() == [True]
    assert relevance_mass(heat, mask).item() == pytest.approx(6 / 10)
    assert relevance_rank(heat, mask).item() == 1 / 2  # of the 2 hottest, 4 and 3, one is on the object
    tied = torch.tensor([[[4.0, 4.0], [1.0, 1.0]]])
    assert pointing_game(tied, mask).tolist() == [False]  # one of the maxima is not on the object
    assert pointing_game(tied, torch.tensor([[[True, True], [False, False]]])).tolist() == [True]
    three = torch.tensor([[[True, False], [True, True]]])
    # The 3 hottest: both 4s, of which one is on the object, and one of the two 1s, which both are.
    assert relevance_rank(tied, three).item() == pytest.approx(2 / 3)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_rank_without_ties_is_the_share_of_the_topk(seed):
    heat, mask = pictures(seed)
    for h, m, found in zip(heat, mask, relevance_rank(heat, mask)):
        hottest = h.flatten().topk(int(m.sum())).indices
        assert found.item() == pytest.approx(m.flatten()[hottest].float().mean().item())


@given(seed=st.integers(0, 10**6), scale=st.sampled_from([0.25, 8.0, 1024.0]))
@settings(max_examples=25)
@pytest.mark.parametrize("metric", ON_MASK)
def test_scale_and_order_of_pictures_do_not_matter(metric, seed, scale):
    heat, mask = pictures(seed)
    torch.testing.assert_close(metric(heat * scale, mask), metric(heat, mask))
    torch.testing.assert_close(metric(heat.flip(0), mask.flip(0)), metric(heat, mask).flip(0))


def test_noise_scores_the_share_of_the_mask():
    """The expectation of all three for noise, within five standard errors of the mean of 4,000 pictures."""
    n = 4000
    heat = metrics.random(nn.Identity(), torch.arange(n)[:, None, None, None].expand(n, 3, 12, 12).float(), seed=3).abs()[:, 0]
    mask = torch.zeros(n, 12, 12, dtype=torch.bool)
    mask[:, 3:8, 2:9] = True
    for metric in ON_MASK:
        values = metric(heat, mask).double()
        assert abs(values.mean().item() - 35 / 144) < 5 * values.std().item() / n**0.5


@pytest.mark.parametrize("metric", ON_MASK)
@pytest.mark.parametrize("heat, mask, message", [
    (torch.ones(2, 4, 4), torch.ones(2, 4, 5, dtype=torch.bool), r"\(2, 4, 4\) and \(2, 4, 5\)"),
    (torch.ones(4, 4), torch.ones(4, 4, dtype=torch.bool), r"heat \(N, H, W\)"),
    (torch.ones(1, 4, 4), torch.ones(1, 4, 4), "mask > 0.5 makes one"),
    (torch.ones(2, 4, 4), torch.arange(2)[:, None, None].expand(2, 4, 4) > 0, "a mask is empty"),
    (torch.full((1, 4, 4), float("nan")), torch.ones(1, 4, 4, dtype=torch.bool), "finite"),
    (torch.full((1, 4, 4), -1.0), torch.ones(1, 4, 4, dtype=torch.bool), "not negative"),
])
def test_what_is_no_heat_or_no_mask_is_refused(metric, heat, mask, message):
    with pytest.raises(ValueError, match=message):
        metric(heat, mask)


# Against the parts


class Toy(nn.Module):
    """Class 0 sums the left half with weight 2, class 1 the right half; a ReLU, batch norm and dropout on the way."""

    def __init__(self):
        super().__init__()
        self.relu, self.norm, self.drop = nn.ReLU(), nn.BatchNorm2d(1), nn.Dropout(0.5)

    def forward(self, x):
        left, right = self.drop(self.norm(self.relu(x))).sum(dim=(1, 2)).split(x.shape[3] // 2, dim=1)
        return torch.stack([2 * left.sum(dim=1), right.sum(dim=1)], dim=1)


def without(x, *columns):
    removed = torch.stack([x] * len(columns), dim=1)
    for part, column in enumerate(columns):
        removed[:, part, :, :, column] = 0
    return removed


def test_a_part_that_the_model_does_not_use_has_no_effect():
    model = Toy().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)) + 0.1
    with torch.no_grad():
        effects = part_effects(model, x, without(x, 0, 3), torch.tensor([0, 1, 0]))
    scale = (1 + model.norm.eps) ** -0.5
    columns = x.sum(dim=(1, 2)) * scale
    expected = torch.stack([torch.tensor([2 * columns[0, 0], 0]), torch.tensor([0, columns[1, 3]]),
                            torch.tensor([2 * columns[2, 0], 0])])
    torch.testing.assert_close(effects, expected)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    torch.testing.assert_close(part_effects(model, x, without(x, 0, 3), 0)[1], 2 * columns[1, 0] * torch.tensor([1., 0]))


@pytest.mark.parametrize("shape", [(3, 1, 4, 4), (3, 2, 1, 4, 5), (2, 2, 1, 4, 4), (3, 0, 1, 4, 4)])
def test_pictures_without_parts_have_to_fit(shape):
    with pytest.raises(ValueError, match=r"\(N, parts, C, H, W\), for x \(3, 1, 4, 4\)"):
        part_effects(Toy().eval(), torch.ones(3, 1, 4, 4), torch.ones(shape), 0)


def test_what_a_part_was_given():
    attribution = torch.tensor([[[[1.0, -2.0], [3.0, 4.0]], [[10.0, 0.0], [0.0, 0.0]]]])
    parts = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.5, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]])
    assert part_relevance(attribution, parts).tolist() == [[9.0, 1.5, 0.0]]


def test_a_coarse_map_is_enlarged():
    coarse = torch.tensor([[[[1.0, 0.0], [0.0, -1.0]]]])
    masks = torch.zeros(1, 2, 8, 8)
    masks[0, 0, :4, :4] = masks[0, 1, 4:, 4:] = 1
    first, second = part_relevance(coarse, masks)[0].tolist()
    enlarged = nn.functional.interpolate(coarse, size=(8, 8), mode="bilinear")
    assert first == pytest.approx(enlarged[0, 0, :4, :4].sum().item())
    assert first == pytest.approx(-second)


@given(seed=st.integers(0, 10**6), levels=st.sampled_from([3, 1000]))
@settings(max_examples=25)
def test_correlation_is_scipys_spearman(seed, levels):
    draw = np.random.default_rng(seed)
    a, b = draw.integers(0, levels, (2, 5, 7)).astype(float)
    a[:, :2], b[:, :2] = [0, 1], [1, 0]  # no row is constant
    expected = [stats.spearmanr(first, second).statistic for first, second in zip(a, b)]
    found = effect_correlation(torch.from_numpy(a), torch.from_numpy(b))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)


def test_correlation_of_order_alone():
    effects = torch.tensor([[0.1, 2.0, 0.5]])
    assert effect_correlation(effects.exp(), effects).item() == pytest.approx(1)
    assert effect_correlation(-effects, effects).item() == pytest.approx(-1)
    assert effect_correlation(torch.ones(1, 3), effects).item() == 0


@pytest.mark.parametrize("given_, effects, message", [
    (torch.ones(2, 3), torch.rand(2, 4), r"\(2, 3\) and \(2, 4\)"),
    (torch.rand(2, 1), torch.rand(2, 1), "at least 2 parts"),
    (torch.full((1, 3), float("nan")), torch.arange(3.0)[None], "NaN"),
    (torch.arange(3.0)[None], torch.tensor([[0.0, 1.0, float("inf")]]), "infinite"),
    (torch.arange(3.0)[None], torch.ones(1, 3), "the same effect"),
])
def test_tables_without_an_order_are_refused(given_, effects, message):
    with pytest.raises(ValueError, match=message):
        effect_correlation(given_, effects)


def test_masks_have_to_fit_the_attribution():
    with pytest.raises(ValueError, match=r"\(1, 3, 4, 4\) and \(2, 5, 4, 4\)"):
        part_relevance(torch.ones(1, 3, 4, 4), torch.ones(2, 5, 4, 4))


# Intervals


def test_bootstrap_has_the_textbook_width():
    """For many values the interval of the mean is ± 1.96 standard errors; 1000 resamples place its ends to some 10 %."""
    values = torch.from_numpy(np.random.default_rng(0).normal(3, 2, 900))
    mean, low, high = metrics.bootstrap(values)
    assert mean == pytest.approx(values.mean().item())
    error = values.std(correction=0).item() / 30
    assert (high - mean) / error == pytest.approx(1.96, rel=0.15)
    assert (mean - low) / error == pytest.approx(1.96, rel=0.15)
    assert metrics.bootstrap(values) == (mean, low, high)
    assert metrics.bootstrap(pointing_game(*pictures(0))).value in (0, 0.25, 0.5, 0.75, 1)


@pytest.mark.parametrize("values", [torch.ones(1), torch.ones(3, 2), torch.tensor([1.0, float("nan")])])
def test_bootstrap_needs_finite_values_of_several_scenes(values):
    with pytest.raises(ValueError, match="one finite value for each of at least 2 scenes"):
        metrics.bootstrap(values)


# Baselines


@pytest.mark.parametrize("name", metrics.BASELINES)
def test_baselines_are_methods_that_do_not_look_at_the_model(name):
    x = torch.rand(2, 3, 8, 10, generator=torch.Generator().manual_seed(1))
    baseline, kept = metrics.BASELINES[name], x.clone()
    state = torch.get_rng_state()
    found = baseline(None, x, 0)
    assert found.shape == (2, 1, 8, 10) and found.isfinite().all() and found.dtype == x.dtype
    assert torch.allclose(found, baseline(None, x)) and torch.equal(x, kept)
    assert torch.allclose(found[1:], baseline(None, x[1:]))  # a picture's map does not depend on its batch
    assert torch.equal(state, torch.get_rng_state())


def test_random_is_standard_normal_and_differs_between_pictures_and_seeds():
    x = torch.arange(2.0)[:, None, None, None].expand(2, 3, 100, 100)
    noise = metrics.random(None, x)
    assert abs(noise.mean().item()) < 5 / 141 and noise.std().item() == pytest.approx(1, abs=5 / 200)
    assert not torch.equal(noise[0], noise[1])
    assert not torch.equal(noise, metrics.random(None, x, seed=1))


def test_centre_is_a_gaussian():
    blob = metrics.centre(None, torch.zeros(1, 3, 101, 101))[0, 0]
    assert blob[50, 50] == 1 and blob.max() == 1
    torch.testing.assert_close(blob[50, 75], torch.tensor(0.5).neg().exp())  # one deviation away
    assert torch.allclose(blob, blob.T) and torch.allclose(blob, blob.flip(0))


def test_sobel_finds_the_edge_of_a_ramp_and_nothing_where_all_is_even():
    x = torch.zeros(2, 3, 8, 8)
    x[0, :, :, 4:] = 1
    found = metrics.sobel(None, x)
    assert found[0, 0, :, 3:5].eq(4).all() and found[0, 0, :, :3].eq(0).all() and found[0, 0, :, 5:].eq(0).all()
    assert found[1].eq(0).all()
    torch.testing.assert_close(metrics.sobel(None, x.mT), found.mT)
