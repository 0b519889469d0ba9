"""Widgets: a picture that answers to sliders, and a still one where sliders cannot run.

A widget computes nothing and draws nothing of its own: it calls a function that draws.
"""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
from matplotlib.figure import Figure

from xaitutor import planes, plots


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


def perceptron_line(x, y, weights=(1.0, 1.0), bias: float = -0.5) -> None:
    """Move the two weights and the bias of one neuron, and see its line and how many samples it gets right.

    `x` (N, 2) and `y` (N,) of 0 and 1 are the samples; the sliders start at `weights` and `bias`, each in [−3, 3].
    Raises ValueError for more or fewer than two weights, or where a slider cannot start there.
    """
    if len(weights) != 2:
        raise ValueError(f"the plane has two inputs, so give two weights, not {len(weights)}")
    if max(abs(weights[0]), abs(weights[1]), abs(bias)) > 3:
        raise ValueError(f"the sliders go from -3 to 3; weights {tuple(weights)} and bias {bias} start outside")

    def slider(name: str, value: float) -> ipywidgets.Widget:
        return ipywidgets.FloatSlider(value, min=-3, max=3, step=0.1, description=name, readout_format=".1f")

    def draw(w1: float, w2: float, b: float) -> tuple[Figure, str]:
        return planes.one_neuron(x, y, (w1, w2), b)

    explore(draw, w1=slider("w₁", weights[0]), w2=slider("w₂", weights[1]), b=slider("bias b", bias))


def _display(box: ipywidgets.Widget, still: dict[str, str]) -> None:
    from IPython.display import display

    live = box._repr_mimebundle_()
    view = "application/vnd.jupyter.widget-view+json"
    display({view: live[view], **still}, raw=True, metadata={"image/png": {"alt": still["text/plain"]}})
