"""A scene, the map of its explanation, and the twelve answers side by side: what the studio shows, drawn fast enough for a slider."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from xaitutor.attribution.heatmaps import overlay, signed_heatmap
from xaitutor.figures import plots

# Left, bottom, width and height of each part: places that are known need not be computed, which would take twice as long.
_PICTURE, _MAP, _BARS = (0.0, 0.0, 0.36, 0.9), (0.375, 0.0, 0.36, 0.9), (0.86, 0.02, 0.13, 0.88)


def scene_map_and_answers(picture: Tensor, attribution: Tensor, shares: Sequence[float], categories: Sequence[str], title: str) -> Figure:
    """The picture (1, 3, H, W) in [0, 1], what speaks for (red) and against (blue) laid over it, and a bar for each class's share.

    attribution: (1, C, h, w), signed. shares: (classes,), which add up to 1; the bar of the largest is orange.
    """
    laid = overlay(picture, (signed_heatmap(attribution, size=picture.shape[2:]) + 1) / 2, 0.7, plots.SIGNED)
    figure = plt.figure(figsize=(7.2, 2.88), layout="none")
    for place, image, text in ((_PICTURE, picture, "the picture"), (_MAP, laid, title)):
        axis = figure.add_axes(place)
        axis.imshow(plots.to_array(image), interpolation="bilinear")
        axis.set_title(text)
        axis.axis("off")
    best = max(range(len(shares)), key=lambda i: shares[i])
    axis = figure.add_axes(_BARS)
    axis.barh(range(len(shares)), shares, color=[plots.ORANGE if i == best else plots.BLUE for i in range(len(shares))])
    axis.set_yticks(range(len(shares)), categories, fontsize=9)
    axis.set(xlim=(0, 1), xticks=[], ylim=(len(shares) - 0.4, -0.6))
    axis.tick_params(length=0)
    return figure
