"""Attribution: which parts of this picture made the network say what it says?

Every method is a function `method(model, x, target=None, *, …) -> Tensor`, signed, and nothing is drawn here.
"""

from importlib import import_module

_HOME = {
    "class_index": "inputs",
    "gradient": "gradients", "gradient_x_input": "gradients",
    "smoothgrad": "smoothing",
    "deconvnet": "relu_rules", "guided_backprop": "relu_rules",
    "integrated_gradients": "paths",
}

__all__ = [*_HOME]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(f"xaitutor.attribution.{_HOME[name]}"), name)
    raise AttributeError(f"xaitutor.attribution has no '{name}'; it has {', '.join(__all__)}")
