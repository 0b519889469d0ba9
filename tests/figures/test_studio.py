"""The studio's figure: the picture, the map laid over it, and a bar for each answer."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from xaitutor.figures import plots, studio


def test_picture_map_and_bars():
    picture = torch.rand(1, 3, 8, 8)
    figure = studio.scene_map_and_answers(picture, torch.ones(1, 1, 2, 2), [0.1, 0.7, 0.2], ["a", "b", "c"], "why b?")
    left, middle, right = figure.axes
    plt.close(figure)
    assert [axis.get_title() for axis in (left, middle)] == ["the picture", "why b?"]
    np.testing.assert_allclose(left.images[0].get_array(), picture[0].permute(1, 2, 0))
    laid = np.asarray(middle.images[0].get_array())
    red = np.array(plt.get_cmap(plots.SIGNED)(1.0)[:3])
    np.testing.assert_allclose(laid, 0.7 * red + 0.3 * picture[0].permute(1, 2, 0).numpy(), atol=1e-6)
    assert [bar.get_width() for bar in right.patches] == pytest.approx([0.1, 0.7, 0.2])
    assert [to_hex(bar.get_facecolor()).upper() for bar in right.patches] == [plots.BLUE, plots.ORANGE, plots.BLUE]
    assert [label.get_text() for label in right.get_yticklabels()] == ["a", "b", "c"]
