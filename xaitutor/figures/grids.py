"""Grids: small arrays with their numbers written in, windows laid on them, and what a neuron sees of a picture.

Like `plots`, this room computes nothing itself.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xaitutor.figures import plots
from xaitutor.foundations.receptive_field import LayerField

# Pale enough for black numbers: blue is negative, white is nothing, orange is positive.
PALE = LinearSegmentedColormap.from_list("pale", ["#8FC1E3", "#FFFFFF", "#F6B48F"])


def numbers(axis: Axes, array, title: str = "", digits: int = 2, size: float = 12) -> None:
    """Draw a small array (H, W), or (W,) as one row, with its values, and colours for their signs; NaN stays empty."""
    array = np.atleast_2d(np.asarray(array, dtype=float))
    largest = np.nanmax(np.abs(array)) if np.isfinite(array).any() else 1
    axis.pcolormesh(array, cmap=PALE, vmin=-(largest or 1), vmax=largest or 1, edgecolors="0.6", linewidth=0.8)
    for (row, column), value in np.ndenumerate(array):
        if np.isfinite(value):
            text = f"{value:.{digits}g}".replace("-", "−")
            axis.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size)
    axis.set(xlim=(-0.06, array.shape[1] + 0.06), ylim=(array.shape[0] + 0.06, -0.06), aspect="equal", title=title)
    axis.axis("off")


def row(arrays, titles, cell: float = 0.5, digits: int = 2) -> tuple[Figure, np.ndarray]:
    """Small arrays side by side, each cell `cell` inches wide, with a title over each: the figure and its axes."""
    arrays = [np.atleast_2d(array) for array in arrays]
    widths, height = [array.shape[1] for array in arrays], max(array.shape[0] for array in arrays)
    size = min(cell * (sum(widths) + len(widths) - 1), 7.2), cell * height + 0.35
    figure, axes = plt.subplots(1, len(arrays), figsize=size, width_ratios=widths, squeeze=False)
    for axis, array, title in zip(axes[0], arrays, titles):
        numbers(axis, array, title, digits)
    return figure, axes[0]


def window(
    axis: Axes, top: float, left: float, height: float, width: float, colour: str = plots.BLACK, **style
) -> None:
    """A frame around rows top … top + height and columns left … left + width of an array that `numbers` drew."""
    axis.add_patch(
        Rectangle(
            (left, top), width, height, **{"fill": False, "edgecolor": colour, "linewidth": 2.5, "zorder": 5, **style}
        )
    )


def seen(axis: Axes, image, box, colour: str = plots.ORANGE, title: str = "") -> None:
    """`image` in its colours inside `box` (top, left, bottom, right), pale outside, with a frame around the box.

    Where the box leaves the image, the padding that it covers is drawn hatched.
    """
    array = plots.to_array(image).astype(float)
    array = array / 255 if array.max() > 1 else array
    height, width = array.shape[:2]
    top, left, bottom, right = box
    pale = 0.6 + 0.4 * array
    inside = slice(max(top, 0), bottom), slice(max(left, 0), right)
    pale[inside] = array[inside]
    axis.imshow(pale, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0), zorder=1)
    frame = {"edgecolor": colour, "linewidth": 2.5, "clip_on": False}
    hatched = {"facecolor": "0.93", "hatch": "////", "edgecolor": "0.75", "linewidth": 0}
    axis.add_patch(Rectangle((left, top), right - left, bottom - top, zorder=0, **hatched))
    axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, **frame))
    axis.set(xlim=(min(left, 0), max(right, width)), ylim=(max(bottom, height), min(top, 0)), title=title)
    axis.axis("off")


def neuron_and_field(image, layer: str, field: LayerField, row: int, column: int) -> tuple[Figure, str]:
    """Left the neurons of `layer` with the one at (`row`, `column`) marked, right the pixels of `image` that it sees."""
    height, width = field.grid
    box = field.box(row, column)
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.8))
    left.imshow(np.ones(field.grid), cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
    step = 1 if max(height, width) <= 32 else 4
    left.set_xticks(np.arange(0, width + 1, step), labels=[])
    left.set_yticks(np.arange(0, height + 1, step), labels=[])
    left.grid(color="0.8", linewidth=0.8)
    left.tick_params(length=0)
    grown = max(height, width) / 60  # a neuron of a fine grid would be too small to be seen
    left.add_patch(Rectangle((column - grown / 2, row - grown / 2), 1 + grown, 1 + grown, color=plots.ORANGE))
    left.spines[:].set_visible(True)
    left.set_title(f"{layer}: {height} × {width} neurons\nrow {row}, column {column}")
    seen(right, image, box)
    size = "everything" if field.size[0] == np.inf else f"{field.size[0]} × {field.size[1]} pixels"
    right.set_title(f"sees {size}" + _cut(field, box))
    return figure, (
        f"Left the {height} × {width} neurons of {layer}, the one in row {row} and column {column} marked; right the picture, "
        f"clear in rows {box.top} to {box.bottom - 1} and columns {box.left} to {box.right - 1}, which is what this neuron can see."
    )


def _cut(field: LayerField, box) -> str:
    height, width = box.bottom - box.top, box.right - box.left
    return (
        ""
        if (height, width) == field.size or field.size[0] == np.inf
        else f"\n{height} × {width} of them in the picture"
    )
