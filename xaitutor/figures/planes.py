"""Planes: samples of two classes in the plane, what a network answers where, and the line that a neuron draws.

Class 0 is a blue circle, class 1 an orange square, and the ground has the colour of the answer: a point that differs
from its ground is a mistake. Like `plots`, this room computes nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from xaitutor.figures import plots
from xaitutor.foundations import neurons

GROUND = LinearSegmentedColormap.from_list("ground", ["#BBD9EC", "#F7F7F7", "#F8CFB4"])


def points(axis: Axes, x, y, view=(-0.5, 1.5), size: float = 12) -> None:
    """Draw samples x (N, 2) with labels y (N,) of 0 and 1, `size` points wide. `view` = (low, high) of both axes."""
    x, y = np.asarray(x, float), np.asarray(y)
    for label, marker, colour in ((0, "o", plots.BLUE), (1, "s", plots.ORANGE)):
        style = dict(color=colour, markeredgecolor="white", markersize=size, zorder=4, clip_on=False)
        if (y == label).any():  # the layout stumbles over a line without points
            axis.plot(*x[y == label].T, marker, **style)
    axis.set(xlim=view, ylim=view, aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    if set(np.unique(x)) <= {0, 1}:
        axis.set(xticks=(0, 1), yticks=(0, 1))


def ground(axis: Axes, answer: Callable[[np.ndarray], np.ndarray]) -> None:
    """Colour the plane by `answer`, which takes (N, 2) and returns (N,) in [0, 1]. Set the axes' limits first."""
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    across, up = np.meshgrid(np.linspace(left, right, 401), np.linspace(low, high, 401))
    values = np.reshape(answer(np.stack([across.ravel(), up.ravel()], axis=1)), across.shape)
    extent = (left, right, low, high)
    axis.imshow(values, extent=extent, origin="lower", cmap=GROUND, vmin=0, vmax=1, zorder=0, aspect="equal")


def line(axis: Axes, weights, bias: float, label: str = "", colour: str = plots.BLACK) -> None:
    """The line w·x + b = 0, and an arrow along w to the side where the neuron answers 1; nothing where w = 0."""
    w = np.asarray(weights, float)
    length = np.hypot(*w)
    if length == 0:
        return
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    middle, width = np.array([left + right, low + high]) / 2, right - left
    across, along = w / length, np.array([-w[1], w[0]]) / length
    foot = middle - (w @ middle + bias) / length * across  # the point of the line nearest to the middle
    axis.axline(foot, foot + along, color=colour, zorder=2).set_in_layout(False)
    arrow = dict(arrowstyle="-|>", color=colour, linewidth=2, shrinkA=0, shrinkB=0)
    note = axis.annotate("", foot + 0.13 * width * across, foot, arrowprops=arrow, zorder=3, annotation_clip=True)
    note.set_in_layout(False)
    if label:
        axis.text(*(foot + 0.3 * width * along + 0.07 * width * across), label, color=colour, ha="center", va="center")


def neuron(axis: Axes, x, y, weights, bias: float, size: float = 12) -> None:
    """The samples, the ground coloured by one neuron's answer, and its line: all three in one go."""
    points(axis, x, y, size=size)
    ground(axis, lambda places: neurons.perceptron(places, weights, bias))
    line(axis, weights, bias)


def one_neuron(x, y, weights, bias: float) -> tuple[Figure, str]:
    """One neuron, its line and how many samples it gets right: the figure and its alternative text."""
    right = int((neurons.perceptron(x, weights, bias) == np.asarray(y)).sum())
    formula = f"{weights[0]:.1f} x₁ {_signed(weights[1])} x₂ {_signed(bias)}"
    figure, axis = plt.subplots(figsize=(4.2, 4.2))
    neuron(axis, x, y, weights, bias)
    axis.set_title(f"step({formula}):  {right} of {len(x)} right")
    said = f"it is right for {right} of {len(x)} points"
    return figure, f"The plane of the two inputs, cut in two by the neuron step({formula}); {said}."


def _signed(number: float) -> str:
    return f"{'−' if number < 0 else '+'} {abs(number):.1f}"


def descent(axis: Axes, f: Callable[[np.ndarray, np.ndarray], np.ndarray], path, view: tuple) -> None:
    """Height lines of f(x, y), which takes arrays, and a `path` (steps, 2); `view` = (left, right, low, high)."""
    left, right, low, high = view
    across, up = np.meshgrid(np.linspace(left, right, 201), np.linspace(low, high, 201))
    heights = f(across, up)
    axis.contour(across, up, heights, np.linspace(0, 1, 9)[1:] ** 2 * heights.max(), colors="0.75", linewidths=1)
    axis.plot(*np.transpose(path), ".-", color=plots.BLUE, linewidth=1.3, markersize=6)
    axis.plot(*path[0], "o", color=plots.ORANGE)
    axis.plot(0, 0, "+", color=plots.BLACK, markersize=10)
    axis.set(xlim=(left, right), ylim=(low, high), xlabel="$x$", ylabel="$y$")
