"""Figures: one style, readable from the last row, each with a text for those who cannot see it.

Plots draw what other rooms computed; they compute nothing themselves.
"""

from __future__ import annotations

import base64
import html
import io
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

# A notebook says plots.BLUE.
from xaitutor.colours import BLACK, BLUE, GREEN, ORANGE, PINK, SEQUENTIAL, SIGNED, SKY, YELLOW  # noqa: F401

HEAT = {"cmap": SEQUENTIAL, "vmin": 0, "vmax": 1}  # how `image_grid` draws what `attribution.heatmap` gives
SIGNED_HEAT = {"cmap": SIGNED, "vmin": -1, "vmax": 1}  # … and what `attribution.signed_heatmap` gives
SAMPLE = 100_000  # pixels on which a palette is found: of all of them it would take seconds, and be no better


def use_style() -> None:
    """Switch matplotlib to the course's style and keep figures from appearing twice."""
    plt.style.use(str(files("xaitutor.figures") / "xaitutor.mplstyle"))


def show(figure: Figure, alt: str, colours: int | None = None) -> None:
    """Display `figure` as a picture with the alternative text `alt`, below it the same text to be unfolded, and close it.

    `alt` says in one or two sentences what a reader sees: screen readers speak it, and text-only
    front ends print it. (JupyterLab gives its pictures no alternative text, hence the line below.)
    `colours`: how many the picture keeps, up to 256, by default all; a sheet of many photos with 256 looks the same and takes a third of the space in the notebook.
    Raises ValueError where `alt` is empty.
    """
    from IPython.display import display

    display(bundle(figure, alt, colours), raw=True, metadata={"image/png": {"alt": alt}})
    words = f"<details><summary>In words</summary>{html.escape(alt)}</details>"
    display({"text/html": words, "text/plain": ""}, raw=True)


def bundle(figure: Figure, alt: str, colours: int | None = None) -> dict[str, str]:
    """The figure as a mime bundle, `image/png` in base64 and `text/plain`; closes the figure."""
    if not alt.strip():
        raise ValueError("the figure has no alternative text; say in a sentence what it shows: show(figure, alt='…')")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    png = buffer.getvalue() if colours is None else with_few_colours(buffer.getvalue(), colours)
    return {"image/png": base64.b64encode(png).decode("ascii"), "text/plain": alt}


def with_few_colours(png: bytes, colours: int) -> bytes:
    """The same PNG with a palette of its own, of up to 256 colours, found on every n-th pixel of every n-th row, some hundred thousand of them."""
    from PIL import Image

    buffer, image = io.BytesIO(), Image.open(io.BytesIO(png)).convert("RGB")
    n = max(1, round((image.width * image.height / SAMPLE) ** 0.5))
    sample = image.resize((image.width // n, image.height // n), Image.Resampling.NEAREST)
    palette = sample.quantize(colours, kmeans=3, dither=Image.Dither.NONE)  # without k-means green eyes become brown
    few = image.quantize(palette=palette, dither=Image.Dither.NONE) if n > 1 else palette
    few.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def to_array(image) -> np.ndarray:
    """A picture as matplotlib wants it: (H, W, 3) or (H, W).

    Takes a PIL image, an array (H, W[, 3]) or a tensor (C, H, W) or (1, C, H, W) with values in [0, 1].
    """
    if hasattr(image, "detach"):
        image = image.detach().cpu()
        image = image[0] if image.ndim == 4 and len(image) == 1 else image
        if image.ndim == 3:
            image = image.permute(1, 2, 0)
        image = image.numpy()
    array = np.asarray(image)
    return array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array


def image_grid(images, titles=None, columns: int = 5, size: float = 1.45, **imshow) -> Figure:
    """Pictures side by side, `columns` in a row, each `size` inches wide, with a title over each.

    `images` are whatever `to_array` takes; `imshow` goes to matplotlib (`cmap=…, vmin=…, vmax=…`).
    """
    arrays = [to_array(image) for image in images]
    if not arrays:
        raise ValueError("there is no picture to show: `images` is empty")
    titles = None if titles is None else list(titles)
    if titles is not None and len(titles) != len(arrays):
        raise ValueError(f"there are {len(arrays)} pictures and {len(titles)} titles: give each picture its title, or no titles")
    columns = min(columns, len(arrays))
    rows = -(-len(arrays) // columns)
    lines = max(str(title).count("\n") + 1 for title in titles) if titles is not None else 0
    height = size * max(a.shape[0] / a.shape[1] for a in arrays) + (0.14 + 0.18 * lines if lines else 0)
    figure, axes = plt.subplots(rows, columns, figsize=(size * columns, height * rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for index, (axis, array) in enumerate(zip(axes.flat, arrays)):
        axis.imshow(array, **imshow)
        if titles is not None:
            axis.set_title(str(titles[index]))
    return figure
