"""A soft tree's picture: lines from each node to its two children, the picture's way in orange, its turns in numbers and in words."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import same_color

from xaitutor.figures import plots, trees
from xaitutor.surrogates.soft_trees import SoftTree


@pytest.fixture
def tree():
    """It sends any picture right, then left, for sure: to leaf 2, which says b."""
    tree = SoftTree(2, (3, 4, 4), 2).requires_grad_(False)
    tree.weight.zero_()
    tree.bias.copy_(torch.tensor([2.0, 0.0, -2.0]))
    tree.phi.copy_(torch.tensor([[9.0, 0], [9, 0], [0, 9], [9, 0]]))
    return tree


def ends(line):
    return [tuple(np.round(point, 6)) for point in line.get_xydata()]


def test_each_node_has_its_two_children(tree):
    figure, alt = trees.soft_tree(tree, ["a", "b"])
    lines = [ends(line) for line in figure.artists]
    level, below = round(trees.TOP - trees.STEP * 2, 6), round(trees.TOP - trees.STEP * 4 + 0.06, 6)
    assert lines == [[(0.5, trees.TOP), (x, level)] for x in (0.25, 0.75)] + [
        [(start, level), (x, below)] for start, x in ((0.25, 0.125), (0.25, 0.375), (0.75, 0.625), (0.75, 0.875))]
    assert not any(same_color(line.get_color(), plots.ORANGE) for line in figure.artists)
    assert len(figure.axes) == 3 and [text.get_text() for text in figure.texts] == ["a 100%", "a 100%", "b 100%", "a 100%"]
    assert alt == "A soft tree of depth 2: the filters of its 3 nodes are blurred spots of colour."
    plt.close(figure)


def test_the_way_of_a_picture_is_orange(tree):
    figure, alt = trees.soft_tree(tree, ["a", "b"], torch.zeros(3, 4, 4))
    orange = [ends(line)[1][0] for line in figure.artists if same_color(line.get_color(), plots.ORANGE)]
    assert orange == [0.75, 0.625]  # right, then left
    assert [text.get_text() for text in figure.texts if "right" in text.get_text()] == ["right 88%", "right 12%"]
    assert alt.endswith("this picture goes right, left, to a leaf that says b 100%.")
    plt.close(figure)
