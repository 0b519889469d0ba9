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
    [axis] = figure.axes
    plt.close(figure)
    left, middle = axis.images
    assert [text.get_text() for text in axis.texts] == ["the picture", "why b?", "a", "b", "c"]
    np.testing.assert_allclose(left.get_array(), picture[0].permute(1, 2, 0))
    red = np.array(plt.get_cmap(plots.SIGNED)(1.0)[:3])
    np.testing.assert_allclose(middle.get_array(), 0.7 * red + 0.3 * picture[0].permute(1, 2, 0).numpy(), atol=1e-6)
    widths = [bar.get_width() for bar in axis.patches]
    assert [width / sum(widths) for width in widths] == pytest.approx([0.1, 0.7, 0.2])
    assert [to_hex(bar.get_facecolor()).upper() for bar in axis.patches] == [plots.BLUE, plots.ORANGE, plots.BLUE]
    assert [text.get_position()[1] for text in axis.texts[2:]] == pytest.approx([bar.get_y() + bar.get_height() / 2 for bar in axis.patches])
