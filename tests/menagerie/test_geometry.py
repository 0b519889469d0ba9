"""geometry: curves go where they should, limbs are round, and several at once are what each is alone."""

import numpy as np
import pytest

from xaitutor.menagerie.geometry import blob, limb, limbs, spline, turn

# All is computed in double precision with a few dozen roundings, on numbers around 1.
TOLERANCE = dict(rtol=0, atol=1e-12)


def test_a_spline_goes_through_its_points_and_is_straight_where_they_are():
    values = np.random.default_rng(0).random((6, 3))
    assert spline(values).shape == (26, 3)
    np.testing.assert_allclose(spline(values)[::5], values, **TOLERANCE)
    np.testing.assert_allclose(spline([[0, 1], [1, 3], [2, 5]]), np.column_stack([np.arange(11) / 5, 1 + np.arange(11) * 0.4]), **TOLERANCE)


def test_limbs_at_once_are_what_each_is_alone():
    draw = np.random.default_rng(1)
    points, above, below = draw.random((4, 3, 2)), [0.2, 0.1, 0.1, 0.05], [0.1, 0.1, 0.2, 0.1]
    for together, path in zip(limbs(points, above, below), points.swapaxes(0, 1), strict=True):
        alone = limb(path, above, below)
        np.testing.assert_allclose(together.outline(), alone.outline(), **TOLERANCE)
        assert together.length == pytest.approx(alone.length)


def test_a_straight_limb_is_a_bar_with_round_ends():
    bar = limb([[0, 0], [2, 0]], [0.5, 0.5])
    outline = bar.outline()
    x, y = outline.T
    beyond = np.maximum(np.maximum(x - 2, -x), 0)
    np.testing.assert_allclose(np.hypot(beyond, y), 0.5, **TOLERANCE)
    assert x.min() == pytest.approx(-0.5) and x.max() == pytest.approx(2.5)
    assert bar.length == pytest.approx(3)
    assert (y[: len(y) // 2] <= 1e-12).all(), "v = 1 is above: y grows downwards"


def test_skin_coordinates():
    bar = limb([[0, 0], [2, 0]], [0.5, 0.5], [0.25, 0.25])
    # The length of 2.75 begins 0.375 left of 0: the mean of both radii.
    np.testing.assert_allclose(bar.at(np.array([0, 0.5, 0.5, 0.5]), np.array([0, 0, 1, -1])), [[-0.375, 0], [1, 0], [1, -0.5], [1, 0.25]], **TOLERANCE)
    np.testing.assert_allclose(bar.at(np.full((2, 3), 0.5), np.zeros((2, 3))), np.broadcast_to([1.0, 0], (2, 3, 2)), **TOLERANCE)


def test_a_blob_and_a_turn():
    x, y = (blob([1, 2], 0.3, 0.2, 8) - [1, 2]).T
    np.testing.assert_allclose((x / 0.3) ** 2 + (y / 0.2) ** 2, 1, **TOLERANCE)
    np.testing.assert_allclose(turn([[1, 0], [0, -1]], 90), [[0, -1], [-1, 0]], **TOLERANCE)
