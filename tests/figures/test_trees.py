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
    top, middle, low = (round(trees.WORDS + level, 6) for level in (2, 1, 0))
    above = 0.05  # so that a line ends short of the words
    assert lines == [[(3.6, top), (x, round(middle + above, 6))] for x in (1.8, 5.4)] + [
        [(start, middle), (x, round(low + above, 6))] for start, x in ((1.8, 0.9), (1.8, 2.7), (5.4, 4.5), (5.4, 6.3))]
    assert not any(same_color(line.get_color(), plots.ORANGE) for line in figure.artists)
    assert len(figure.axes) == 3 and [text.get_text() for text in figure.texts] == ["a 100%", "a 100%", "b 100%", "a 100%"]
    assert alt == "A soft tree of depth 2: the filters of its 3 nodes are blurred spots of colour."
    plt.close(figure)


def test_the_way_of_a_picture_is_orange(tree):
    figure, alt = trees.soft_tree(tree, ["a", "b"], torch.zeros(3, 4, 4))
    orange = [ends(line)[1][0] for line in figure.artists if same_color(line.get_color(), plots.ORANGE)]
    assert orange == [5.4, 4.5]  # right, then left
    assert [text.get_text() for text in figure.texts if same_color(text.get_color(), plots.ORANGE)] == ["b 100%"]
    assert len(figure.axes) == 3
    assert [text.get_text() for text in figure.texts if "right" in text.get_text()] == ["right 88%", "right 12%"]
    assert alt.endswith("this picture goes right, left, to a leaf that says b 100%.")
    plt.close(figure)


def test_the_words_tell_the_way_to_the_leaf_and_not_the_likelier_step(tree):
    """Right is the likelier step at the root, but halved there; left comes to leaf 1 as a whole."""
    tree.bias.copy_(torch.tensor([0.2, 20.0, 0.0]))
    figure, alt = trees.soft_tree(tree, ["a", "b"], torch.zeros(3, 4, 4))
    assert "goes left, right, to a leaf" in alt and figure.texts[0].get_text() == "right 55%"
    plt.close(figure)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_all_of_it_lies_within_the_figure(depth):
    tree = SoftTree(depth, (3, 4, 4), 2).requires_grad_(False)
    figure, _ = trees.soft_tree(tree, ["a dalmatian", "an elephant"], torch.zeros(3, 4, 4), torch.rand(3, 8, 8))
    width, height = figure.get_size_inches() * figure.dpi
    for part in (*figure.axes, *figure.texts):
        box = part.get_window_extent(figure.canvas.get_renderer())
        assert 0 <= box.x0 and box.x1 <= width and 0 <= box.y0 and box.y1 <= height, part
    plt.close(figure)


def test_a_picture_stands_beside_the_root_as_it_is(tree):
    picture = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    figure, _ = trees.soft_tree(tree, ["a", "b"], torch.zeros(3, 4, 4), picture)
    assert len(figure.axes) == 4
    beside, root = figure.axes[-1], figure.axes[0]
    assert np.array_equal(beside.images[0].get_array(), picture.permute(1, 2, 0))
    assert np.allclose(beside.get_position().intervaly, root.get_position().intervaly) and beside.get_position().x1 < root.get_position().x0
    plt.close(figure)
