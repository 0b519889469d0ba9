import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from xaitutor import metrics
from xaitutor.metrics import effect_correlation, part_effects, part_relevance
from xaitutor.truth import agreement, controls, localisation

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


# The rest


def test_what_the_room_of_the_truth_has_is_the_same_here():
    """Tested there: tests/truth/test_localisation.py, test_controls.py, test_agreement.py."""
    assert metrics.pointing_game is localisation.pointing_game and metrics.relevance_mass is localisation.relevance_mass
    assert metrics.relevance_rank is localisation.relevance_rank and metrics.bootstrap is agreement.bootstrap
    assert metrics.BASELINES is controls.CONTROLS
