"""A scene, the map of its explanation, and the twelve answers side by side: what the studio shows, drawn fast enough for a slider."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from xaitutor.attribution.heatmaps import overlay, signed_heatmap
from xaitutor.figures import plots

# In inches: the sides of both pictures, the room above them for titles, and where the second picture and the bars begin. All is drawn into one empty
# axis: the ticks and titles of three would take twice as long as the rest.
_WIDTH, _SIDE, _TOP, _MAP, _BARS = 7.2, 2.6, 0.28, 2.7, 6.2


def scene_map_and_answers(picture: Tensor, attribution: Tensor, shares: Sequence[float], categories: Sequence[str], title: str) -> Figure:
    """The picture (1, 3, H, W) in [0, 1], what speaks for (red) and against (blue) laid over it, and a bar for each class's share.

    attribution: (1, C, h, w), signed. shares: (classes,), which add up to 1; the bar of the largest is orange.
    """
    laid = overlay(picture, (signed_heatmap(attribution, size=picture.shape[2:]) + 1) / 2, 0.7, plots.SIGNED)
    figure = plt.figure(figsize=(_WIDTH, _TOP + _SIDE), layout="none")
    axis = figure.add_axes((0, 0, 1, 1))
    axis.axis("off")
    for left, image, text in ((0, picture, "the picture"), (_MAP, laid, title)):
        axis.imshow(plots.to_array(image), extent=(left, left + _SIDE, _TOP + _SIDE, _TOP), aspect="auto", interpolation="bilinear")
        axis.text(left + _SIDE / 2, _TOP / 2, text, fontsize=11, ha="center", va="center")
    best = max(range(len(shares)), key=lambda i: shares[i])
    height = (_SIDE - 0.05) / len(shares)
    rows = [_TOP + (i + 0.5) * height for i in range(len(shares))]
    colours = [plots.ORANGE if i == best else plots.BLUE for i in range(len(shares))]
    axis.barh(rows, [share * (_WIDTH - _BARS) for share in shares], 0.8 * height, left=_BARS, color=colours)
    axis.plot([_BARS, _BARS], [_TOP, _TOP + _SIDE - 0.05], color="black", linewidth=0.8)
    for row, name in zip(rows, categories):
        axis.text(_BARS - 0.05, row, name, fontsize=9, ha="right", va="center")
    axis.set(xlim=(0, _WIDTH), ylim=(_TOP + _SIDE, 0))
    return figure
