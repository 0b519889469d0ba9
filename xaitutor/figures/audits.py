"""An audit on one page: the pictures with the map laid over, and each question with its verdict."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from xaitutor.attribution.heatmaps import overlay
from xaitutor.audit.findings import ALARM, DOUBT, FINE, Finding, worst
from xaitutor.figures import plots

_COLOURS = {ALARM: plots.ORANGE, DOUBT: plots.BLUE, FINE: plots.GREEN}  # the others grey
_SHOWN, _LINE, _SIDE, _WIDTH = 6, 0.21, 1.2, 7.2  # pictures at most; inches


def page(findings: Sequence[Finding], pictures: Tensor, heat: Tensor | None = None, titles: Sequence[str] = ()) -> tuple[Figure, str]:
    """The first six pictures (N, 3, H, W) in [0, 1], below them with their heat (N, H, W), where there is any, and the findings: figure and alternative text."""
    shown = [pictures[:_SHOWN]] + ([] if heat is None else [overlay(pictures[:_SHOWN], heat[:_SHOWN])])
    height = _SIDE * len(shown) + 0.45 + _LINE * len(findings)
    figure = plt.figure(figsize=(_WIDTH, height), layout="none")
    top = 1 - 0.25 / height
    for row, images in enumerate(shown):
        for column, image in enumerate(images):
            bottom = top - _SIDE * (row + 1) / height
            axis = figure.add_axes((column / _SHOWN, bottom, 0.97 / _SHOWN, 0.96 * _SIDE / height))
            axis.imshow(plots.to_array(image))
            axis.axis("off")
            if row == 0 and column < len(titles):
                axis.set_title(titles[column])
    _table(figure, findings, (top * height - _SIDE * len(shown) - 0.1) / height, height)
    counted = ", ".join(f"{sum(one.verdict == verdict for one in findings)} {verdict}" for verdict in (ALARM, DOUBT, FINE))
    return figure, f"An audit of {len(pictures)} pictures; the worst verdict is “{worst(findings)}”: {counted}."


def _table(figure: Figure, findings: Sequence[Finding], top: float, height: float) -> None:
    """One line a question: its verdict in colour, the question, the numbers."""
    for number, finding in enumerate(findings):
        y = top - (number + 0.5) * _LINE / height
        measured = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in list(finding.numbers.items())[:2])
        figure.text(0.005, y, finding.verdict, color=_COLOURS.get(finding.verdict, "0.5"), fontsize=8.5, fontweight="bold", va="center")
        figure.text(0.165, y, finding.question, fontsize=8.5, va="center")
        figure.text(0.6, y, measured, fontsize=8.5, va="center", color="0.35")
