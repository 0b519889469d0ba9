"""grids: numbers, windows and boxes are drawn where they belong."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from xaitutor.figures import grids
from xaitutor.foundations.receptive_field import LayerField, of_layers


@pytest.fixture
def axis():
    figure, axis = plt.subplots()
    yield axis
    plt.close(figure)


def test_numbers_are_written_in_their_cells(axis):
    grids.numbers(axis, [[1, -2.5], [np.nan, 0]], title="four")
    assert [(t.get_text(), t.get_position()) for t in axis.texts] == [
        ("1", (0.5, 0.5)), ("−2.5", (1.5, 0.5)), ("0", (1.5, 1.5)),
    ]  # fmt: skip
    assert axis.get_title() == "four" and axis.yaxis_inverted()


@pytest.mark.parametrize("array", [[3, 1, 2], np.zeros((2, 2)), [[np.nan]]])
def test_rows_zeros_and_empty_cells_can_be_drawn(axis, array):
    grids.numbers(axis, array)
    assert len(axis.texts) == np.isfinite(array).sum()


def test_outside_the_box_the_image_is_pale_and_padding_is_light_grey(axis):
    """0.6 + 0.4 of its own brightness outside, its own inside; padding lighter than a quarter of the way to white."""
    grids.seen(axis, np.zeros((4, 4)), (-1, -1, 2, 2))
    shown = axis.images[0].get_array()
    assert shown[0, 0] == 0 and shown[3, 3] == pytest.approx(0.6)
    hatched = axis.patches[0].get_facecolor()
    assert hatched[0] == hatched[1] == hatched[2] and 0.9 < hatched[0] < 0.96


def test_a_row_of_arrays_has_cells_of_one_size():
    figure, (left, right) = grids.row([np.ones((3, 4)), [1, 2]], ["a", "b"])
    assert (
        [axis.get_title() for axis in (left, right)] == ["a", "b"] and len(left.texts) == 12 and len(right.texts) == 2
    )
    figure.draw_without_rendering()
    cells = [axis.get_window_extent().width / np.diff(axis.get_xlim())[0] for axis in (left, right)]
    assert cells[0] == pytest.approx(cells[1], rel=0.1) and figure.get_figwidth() <= 7.2
    plt.close(figure)


def test_a_window_frames_its_cells(axis):
    grids.window(axis, 1, 2, 3, 4)
    assert axis.patches[0].get_bbox().bounds == (2, 1, 4, 3)


@pytest.mark.parametrize("image", [np.full((8, 10), 100, np.uint8), np.full((8, 10, 3), 0.25)])
def test_only_the_box_keeps_its_colours(axis, image):
    grids.seen(axis, image, (-2, 3, 4, 6))
    drawn, plain = axis.images[0].get_array(), image / 255 if image.max() > 1 else image
    np.testing.assert_allclose(drawn[:4, 3:6], plain[:4, 3:6])
    assert (drawn[4:] > plain[4:]).all() and (drawn[:, :3] > plain[:, :3]).all()
    assert axis.patches[0].get_zorder() < axis.images[0].get_zorder(), "the hatching of the padding lies behind the picture"
    assert axis.get_ylim() == (8, -2) and axis.get_xlim() == (0, 10)


def test_a_neuron_beside_what_it_sees():
    field = LayerField(*[of_layers([(3, 2, 1), (3, 1, 1)])[-1]] * 2, (8, 8), (16, 16))
    figure, alt = grids.neuron_and_field(np.zeros((16, 16, 3)), "conv2", field, 0, 4)
    left, right = figure.axes
    assert left.get_title() == "conv2: 8 × 8 neurons\nrow 0, column 4"
    assert right.get_title() == "sees 7 × 7 pixels\n4 × 7 of them in the picture"
    assert "rows 0 to 3 and columns 5 to 11" in alt
    plt.close(figure)
