"""attributions: each gives a figure and a text that is true of it."""

import matplotlib.pyplot as plt
import pytest
import torch

from xaitutor.figures import attributions, plots

PICTURE = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def shown(figure):
    """What `imshow` got, in the order of the axes."""
    return [torch.as_tensor(axis.images[0].get_array()) for axis in figure.axes if axis.images]


def test_the_recipe_shows_picture_heatmap_and_both():
    attribution = torch.zeros(1, 3, 8, 8)
    attribution[0, 1, 2:4, 2:4] = -3
    figure, alt = attributions.recipe(PICTURE, attribution, "max_abs", clip=1, sigma=0, alpha=0.25)
    picture, heat, laid = shown(figure)
    assert torch.equal(heat, (attribution[0, 1] != 0).float()) and "6% of the heatmap is brighter than half" in alt
    assert "laid over it at 25%" in alt, "each control changes the text"
    assert torch.allclose(picture, PICTURE[0].permute(1, 2, 0)) and not torch.allclose(laid, picture)


def test_for_and_against_keeps_the_sign_and_counts_what_is_against():
    attribution = torch.tensor([[3.0, 0.0], [0.0, -1.0]])[None, None]
    figure, alt = attributions.for_and_against(PICTURE, attribution, "zebra")
    _, signed, _ = shown(figure)
    assert signed[0, 0] == 1 and signed[-1, -1] == pytest.approx(-1 / 3) and "25% speaks against" in alt
    assert figure.axes[1].images[0].get_cmap().name == plots.SIGNED


def test_nothing_at_all_speaks_neither_for_nor_against():
    _, alt = attributions.for_and_against(PICTURE, torch.zeros(1, 1, 2, 2), "zebra")
    assert "0% speaks against" in alt


def test_a_point_of_the_path_lies_on_the_curve():
    alphas, scores = [0.0, 0.5, 1.0], [-1.0, 2.0, 5.0]
    figure, alt = attributions.on_the_path(PICTURE, torch.ones(1, 3, 8, 8), alphas, scores, 0.5, "score")
    curve, point = figure.axes[2].lines
    assert list(curve.get_ydata()) == scores and list(point.get_xydata()[0]) == [0.5, 2.0]
    assert "at α = 0.50 the score is 2.00" in alt


def test_what_an_attack_changed_is_shown_eight_times_as_strong():
    other = PICTURE.clone()
    other[0, 0, 2, 3] += 0.05
    other[0, 1, 4, 4] -= 0.5  # more than can be shown
    figure, _ = attributions.attacked(PICTURE, other, "cat", "")
    difference = shown(figure)[2]
    assert figure.axes[2].get_title() == "difference × 8"
    assert difference[2, 3].tolist() == pytest.approx([0.5 + 8 * 0.05, 0.5, 0.5], abs=1e-5) and difference[4, 4, 1] == 0
