"""Widgets: a picture that answers to sliders, and a still one where sliders cannot run.

A widget computes nothing and draws nothing of its own: it calls a function that draws.
"""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
from matplotlib.figure import Figure

from xaitutor import plots


def explore(draw: Callable[..., tuple[Figure, str]], **controls: ipywidgets.Widget) -> None:
    """Show ``draw(**values)`` and draw it again whenever one of the `controls` is moved.

    `draw` returns a figure and its alternative text. Where no widget can run (a printed page, a viewer
    on the web, a projector's PDF) the picture of the controls' first values is shown instead: it is
    part of the same output.
    """
    image = ipywidgets.Image(format="png")
    caption = ipywidgets.HTML()

    def redraw(_=None) -> dict[str, str]:
        import base64

        still = plots.bundle(*draw(**{name: control.value for name, control in controls.items()}))
        image.value = base64.b64decode(still["image/png"])
        image.alt = caption.value = still["text/plain"]
        return still

    still = redraw()
    for control in controls.values():
        control.observe(redraw, names="value")
    box = ipywidgets.VBox([*controls.values(), image, caption])
    _display(box, still)


def _display(box: ipywidgets.Widget, still: dict[str, str]) -> None:
    from IPython.display import display

    live = box._repr_mimebundle_()
    view = "application/vnd.jupyter.widget-view+json"
    display({view: live[view], **still}, raw=True, metadata={"image/png": {"alt": still["text/plain"]}})
