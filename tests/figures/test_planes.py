"""planes: the ground tells the answer, the line is where the sum is zero, and nothing breaks where there is no line."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from xaitutor.figures import planes

CORNERS, AND = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 0, 0, 1])


@pytest.fixture
def axis():
    figure, axis = plt.subplots(figsize=(3, 3))
    yield axis
    plt.close(figure)


def test_points_of_the_two_classes(axis):
    planes.points(axis, CORNERS, AND)
    circles, squares = axis.lines
    assert circles.get_marker() == "o" and np.array_equal(circles.get_xydata(), CORNERS[:3])
    assert squares.get_marker() == "s" and np.array_equal(squares.get_xydata(), CORNERS[3:])
    assert axis.get_xlim() == (-0.5, 1.5)


def test_points_of_one_class_only(axis):
    planes.points(axis, CORNERS, np.ones(4))
    assert len(axis.lines) == 1
    axis.figure.canvas.draw()


def test_ground_has_the_answer_at_its_place(axis):
    axis.set(xlim=(0, 2), ylim=(0, 1))
    planes.ground(axis, lambda x: (x[:, 0] > 1) * 1)
    values = axis.images[0].get_array()
    assert (values[:, :200] == 0).all() and (values[:, 201:] == 1).all()


@pytest.mark.parametrize("weights, bias", [([2, 1], -1.5), ([2, -1], 0.3), ([-0.5, 3], 1)])
def test_line_lies_where_the_sum_is_zero(axis, weights, bias):
    planes.points(axis, CORNERS, AND)
    planes.line(axis, weights, bias)
    first, second = np.array(axis.lines[-1].get_xy1()), np.array(axis.lines[-1].get_xy2())
    assert np.isclose(first @ weights + bias, 0) and np.isclose(second @ weights + bias, 0)


def test_no_line_without_weights(axis):
    planes.line(axis, [0, 0], 1)
    assert not axis.lines and not axis.texts


def test_one_neuron_says_in_words_what_it_shows():
    figure, alt = planes.one_neuron(CORNERS, AND, (1, -1), -0.5)
    assert "step(1.0 x₁ − 1.0 x₂ − 0.5)" in alt and "right for 2 of 4 points" in alt
    assert "2 of 4 right" in figure.axes[0].get_title()
    plt.close(figure)


def test_descent_draws_the_path(axis):
    path = np.array([[2.0, 1.0], [1.0, 0.5], [0.5, 0.25]])
    planes.descent(axis, lambda x, y: x**2 + y**2, path, (-3, 3, -2, 2))
    assert np.array_equal(axis.lines[0].get_xydata(), path)
    assert axis.get_xlim() == (-3, 3) and axis.get_ylim() == (-2, 2)
