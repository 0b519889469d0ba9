"""Heatmaps keep to their formulas and their range; overlays blend; boxes frame what they should."""

import matplotlib
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import maximum_filter

from xaitutor.attribution import box, heatmap, iou, overlay, signed_heatmap
from xaitutor.figures import plots
from xaitutor.foundations.receptive_field import Box

REDUCTIONS = ["max_abs", "sum_abs", "abs_sum", "positive"]
ATTRIBUTIONS = arrays(np.float64, (2, 3, 5, 6), elements=st.floats(-10, 10)).map(torch.from_numpy)
HEATMAPS = arrays(np.float64, (5, 6), elements=st.floats(0, 1)).map(torch.from_numpy)
PIXELS = torch.tensor([[4.0, 2.0], [-3.0, -4.0], [0.0, 1.0]]).reshape(1, 3, 1, 2)  # two pixels of three colours


@pytest.mark.parametrize("reduce, expected", [
    ("max_abs", [4, 4]), ("sum_abs", [7, 7]), ("abs_sum", [1, 1]), ("positive", [1, 0]),
])
def test_reductions_by_hand(reduce, expected):
    assert heatmap(PIXELS, reduce, clip=1).flatten().tolist() == [v / max(expected) for v in expected]


def test_signed_by_hand():
    assert signed_heatmap(PIXELS, clip=1).flatten().tolist() == [1, -1]
    assert signed_heatmap(torch.tensor([[[[-1.0, 0, 2, 4]]]]), clip=1).flatten().tolist() == [-0.25, 0, 0.5, 1]


@given(ATTRIBUTIONS, st.sampled_from(REDUCTIONS), st.floats(0.5, 1), st.sampled_from([0, 1.5]))
def test_range_and_zero(attribution, reduce, clip, sigma):
    found = heatmap(attribution, reduce, clip, sigma, size=(7, 9))
    signed = signed_heatmap(attribution, clip, sigma)
    assert found.shape == (2, 7, 9) and found.min() >= 0 and found.max() <= 1
    assert signed.shape == (2, 5, 6) and signed.abs().max() <= 1
    assert ((signed == 0) | (signed.sign() == attribution.sum(1).sign())).all() or sigma > 0


@given(ATTRIBUTIONS, st.sampled_from(REDUCTIONS))
def test_the_largest_is_one(attribution, reduce):
    """… in each picture by itself, unless there is nothing."""
    for one, values in zip(heatmap(attribution, reduce, clip=1), attribution):
        assert one.max() in (0, 1)
        assert one.max() == 1 or values.abs().max() < 1e-300 or reduce in ("abs_sum", "positive")


@given(ATTRIBUTIONS, st.sampled_from(REDUCTIONS), st.integers(-20, 20))
def test_the_unit_does_not_matter(attribution, reduce, exponent):
    attribution = attribution.round(decimals=6)
    assert torch.allclose(heatmap(attribution * 2.0 ** exponent, reduce), heatmap(attribution, reduce), atol=1e-6)


@given(ATTRIBUTIONS, st.floats(0.5, 1))
def test_the_order_stays(attribution, clip):
    before, after = attribution.abs().amax(dim=1).flatten(1), heatmap(attribution, clip=clip).flatten(1)
    for one, other in zip(before, after):
        assert (other[one.argsort()].diff() >= 0).all()


@given(ATTRIBUTIONS, st.sampled_from(REDUCTIONS))
def test_signs_that_do_not_matter(attribution, reduce):
    if reduce != "positive":
        assert torch.allclose(heatmap(-attribution, reduce), heatmap(attribution, reduce), atol=1e-6)
    assert torch.allclose(signed_heatmap(-attribution), -signed_heatmap(attribution), atol=1e-6)


def test_a_picture_does_not_depend_on_the_others():
    attribution = torch.randn(3, 3, 8, 8) * torch.tensor([1, 100, 0.01])[:, None, None, None]
    alone = torch.cat([heatmap(one[None], sigma=1) for one in attribution])
    assert torch.allclose(heatmap(attribution, sigma=1), alone, atol=1e-6)


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_nothing_stays_nothing(reduce):
    assert not heatmap(torch.zeros(2, 3, 4, 4), reduce, sigma=1).any()
    assert not heatmap(-torch.ones(1, 1, 4, 4), "positive").any()
    assert not signed_heatmap(torch.zeros(1, 3, 4, 4)).any()


def test_an_outlier_is_clipped():
    values = torch.arange(1.0, 101).reshape(1, 1, 10, 10)
    values[0, 0, 9, 9] = 1e6
    assert heatmap(values, clip=1).median() < 1e-4
    assert torch.allclose(heatmap(values, clip=0.9)[0], (values[0, 0] / np.quantile(values.numpy(), 0.9)).clamp(max=1))


def test_clipping_never_darkens_all_of_a_sparse_map():
    values = torch.zeros(1, 1, 20, 20)
    values[0, 0, 3, 4:6] = torch.tensor([1.0, 2.0])
    assert heatmap(values, clip=0.99)[0, 3, 4:6].tolist() == [0.5, 1]


def test_sigma_is_a_standard_deviation():
    dot = torch.zeros(1, 1, 61, 61, dtype=torch.float64)
    dot[0, 0, 30, 30] = 1
    for sigma in (2, 4):
        blurred = heatmap(dot, clip=1, sigma=sigma)[0]
        weights = blurred.sum(dim=0) / blurred.sum()
        variance = (weights * (torch.arange(61) - 30) ** 2).sum()
        assert abs(variance.sqrt() - sigma) < 0.01 * sigma


def test_size_enlarges_before_all_else():
    small = torch.randn(1, 1, 4, 4)
    large = F.interpolate(small, (32, 48), mode="bilinear")
    positive = F.interpolate(small.clamp_min(0), (32, 48), mode="bilinear")
    assert torch.allclose(heatmap(small, "positive", size=(32, 48)), heatmap(positive, "positive"), atol=1e-6)
    assert torch.allclose(signed_heatmap(small, sigma=2, size=(32, 48)), signed_heatmap(large, sigma=2), atol=1e-6)


@pytest.mark.parametrize("arguments, message", [
    ({"attribution": torch.zeros(3, 4, 4)}, r"expected an attribution \(N, C, H, W\), got the shape \(3, 4, 4\)"),
    ({"attribution": torch.full((1, 1, 2, 2), float("nan"))}, "NaN or infinite"),
    ({"attribution": torch.full((1, 1, 2, 2), float("inf"))}, "NaN or infinite"),
    ({"reduce": "mean"}, "no reduce='mean'; there is 'max_abs', 'sum_abs', 'abs_sum', 'positive'"),
    ({"clip": 0}, r"clip in \(0, 1\]"), ({"clip": 99}, r"clip in \(0, 1\]"), ({"sigma": -1}, "sigma ≥ 0"),
])
def test_heatmap_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        heatmap(**{"attribution": torch.ones(1, 3, 4, 4), **arguments})


# overlay


@given(HEATMAPS, st.floats(0, 1))
def test_overlay_is_a_blend(heat, alpha):
    picture = torch.rand(3, 5, 6, dtype=torch.float64)
    found = overlay(picture, heat, alpha)
    colours = torch.from_numpy(matplotlib.colormaps[plots.SEQUENTIAL](heat.numpy())[..., :3]).permute(2, 0, 1)
    assert torch.allclose(found, (1 - alpha) * picture + alpha * colours, atol=1e-12)
    assert found.shape == picture.shape and found.min() >= 0 and found.max() <= 1
    assert torch.allclose(overlay(picture[None], heat[None], alpha)[0], found, atol=1e-12)
    assert torch.equal(overlay(picture, heat, 0), picture)


def test_overlay_enlarges_the_heatmap_and_takes_other_colours():
    picture, heat = torch.rand(2, 3, 16, 24), torch.rand(2, 4, 6)
    large = F.interpolate(heat[:, None], (16, 24), mode="bilinear")[:, 0]
    assert torch.allclose(overlay(picture, heat), overlay(picture, large), atol=1e-2)  # a neighbouring colour of 256
    assert not torch.allclose(overlay(picture, heat, colours=plots.SIGNED), overlay(picture, heat), atol=1e-2)


def test_overlay_of_a_grey_picture():
    picture, heat = torch.rand(2, 1, 16, 24), torch.rand(2, 4, 6)
    assert torch.equal(overlay(picture, heat), overlay(picture.expand(2, 3, 16, 24), heat))
    assert torch.equal(overlay(picture[0], heat[0]), overlay(picture[0].expand(3, 16, 24), heat[0]))


@pytest.mark.parametrize("picture, heat, options, message", [
    (torch.full((3, 4, 4), -2.0), torch.zeros(4, 4), {}, r"the picture in \[0, 1\], got -2 .* still normalised"),
    (torch.zeros(3, 4, 4), torch.full((4, 4), 3.0), {}, r"the heatmap in \[0, 1\], got 3"),
    (torch.zeros(3, 4, 4), torch.full((4, 4), float("nan")), {}, r"the heatmap in \[0, 1\], got nan"),
    (torch.zeros(2, 3, 4, 4), torch.zeros(3, 4, 4), {}, r"got \(2, 3, 4, 4\) and \(3, 4, 4\)"),
    (torch.zeros(5, 4, 4), torch.zeros(4, 4), {}, r"a picture of 5 channels cannot be shown; take three of them"),
    (torch.zeros(3, 4, 4), torch.zeros(4, 4), {"alpha": 2}, r"alpha in \[0, 1\], got 2"),
    (torch.zeros(3, 4, 4), torch.zeros(4, 4), {"colours": "magna"}, "no colour map 'magna'"),
])
def test_overlay_errors(picture, heat, options, message):
    with pytest.raises(ValueError, match=message):
        overlay(picture, heat, **options)


# box and iou


def test_box_by_hand():
    heat = torch.zeros(6, 8)
    heat[1:3, 2:5] = 0.5
    heat[5, 7] = 1  # the hottest, but not the largest part
    heat[3, 5] = 0.5  # touches the large one by a corner only
    heat[3, 2] = 0.2  # not above 20 % of the maximum
    assert box(heat) == Box(1, 2, 3, 5) and box(heat[None]) == box(heat)
    assert box(heat, 0.15) == Box(1, 2, 4, 5)
    assert box(heat, 0.6) == Box(5, 7, 6, 8)


@given(HEATMAPS.filter(lambda h: h.max() > 0), st.floats(0, 0.99))
def test_box_is_tight(heat, threshold):
    top, left, bottom, right = box(heat, threshold)
    hot = (heat > threshold * heat.max()).numpy()
    inside = hot[top:bottom, left:right]
    assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()
    part = np.zeros_like(hot)  # grow a seed within the box: some part reaches all four sides, and nothing outside
    sizes = []
    for seed in np.argwhere(inside):
        part[:] = False
        part[top + seed[0], left + seed[1]] = True
        for _ in range(part.size):
            part = maximum_filter(part, footprint=[[0, 1, 0], [1, 1, 1], [0, 1, 0]]) & hot
        rows, columns = np.nonzero(part)
        sizes.append((rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) == (top, left, bottom, right))
        if sizes[-1]:
            break
    assert any(sizes)


@pytest.mark.parametrize("heat, threshold, message", [
    (torch.zeros(4, 4), 0.2, "zero everywhere"), (torch.ones(2, 4, 4), 0.2, r"got the shape \(2, 4, 4\)"),
    (-torch.ones(4, 4), 0.2, "negative"), (torch.ones(4, 4), 1, r"threshold in \[0, 1\)"),
])
def test_box_errors(heat, threshold, message):
    with pytest.raises(ValueError, match=message):
        box(heat, threshold)


BOXES = st.builds(lambda top, left, height, width: Box(top, left, top + height, left + width),
                  st.integers(0, 6), st.integers(0, 6), st.integers(1, 5), st.integers(1, 5))


@given(BOXES, BOXES)
def test_iou_counts_pixels(first, second):
    masks = np.zeros((2, 12, 12), bool)
    for mask, (top, left, bottom, right) in zip(masks, (first, second)):
        mask[top:bottom, left:right] = True
    assert iou(first, second) == iou(second, first) == masks.all(axis=0).sum() / masks.any(axis=0).sum()
    assert iou(first, first) == 1


def test_iou_of_an_empty_box():
    with pytest.raises(ValueError, match="two boxes with pixels"):
        iou(Box(0, 0, 0, 3), Box(0, 0, 2, 2))
