"""xaitutor: look inside convolutional networks, explain what they decide, and doubt the explanation.

The names a notebook uses, and nothing else. Each is loaded when it is first used, so that
``import xaitutor`` takes milliseconds; torch comes with the first function that needs it.
"""

from importlib import import_module
from importlib.metadata import version

__version__ = version("xaitutor")

_HOME = {
    "load_model": "models",
    "load_image": "images",
}
_ROOMS = (
    "attribution", "checks", "convolution", "environment", "explanations", "grids", "homework", "images", "layers", "maximization", "menagerie",
    "metrics", "models", "neurons", "planes", "plots", "receptive_field", "scoreboard", "truth", "units", "versions", "widgets",
)

__all__ = [*_HOME, *_ROOMS]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(f"xaitutor.{_HOME[name]}"), name)
    if name in _ROOMS:
        return import_module(f"xaitutor.{name}")
    raise AttributeError(f"xaitutor has no '{name}'; it has {', '.join(__all__)}")


def __dir__():
    return sorted([*globals(), *__all__])
