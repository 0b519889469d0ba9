"""What every method begins with: check what it is given, and leave the model as it was.

    with explaining(model, x) as x:                # gradients on, x checked and a leaf of its own
        score = class_scores(model, x, target)     # (N,): one number an image, of the class to explain
        result = differentiate(score, x)           # (N, C, H, W)

Only the derivative by x is asked for: no weight's gradient is computed, no `.grad` is touched.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from xaitutor.networks.layers import original, require_eval, require_images
from xaitutor.networks.neighbours import dependence

_LARGEST = 20  # a picture normalised by the mean and deviation of its kind stays far below
_inside = ContextVar("inside", default=None)  # while a method runs: what it has warned of, itself or by another that it calls


@contextmanager
def explaining(model: nn.Module, x: Tensor) -> Iterator[Tensor]:
    """Gradients on, also under the caller's no_grad, and no autocast; gives a copy of x to differentiate by.

    x: (N, C, H, W), floating point, normalised. Warns where x looks like 0–255. Raises what `check` raises.
    """
    check(model, x)
    token = _inside.set(set()) if _inside.get() is None else None
    try:
        if token is not None:  # not of the noisy copies that a method makes itself
            _doubt(x)
        # In half precision a gradient is off by a quarter: a model runs in that of its own parameters.
        with torch.inference_mode(False), torch.enable_grad(), _no_autocast(x.device.type):
            x = x.as_subclass(Tensor).detach().clone()
            dependence(original(model), x)
            yield x.requires_grad_()
    finally:
        if token is not None:
            _inside.reset(token)


def check(model: nn.Module, x: Tensor) -> None:
    """Raise TypeError or ValueError unless `model` is a module in eval mode and x a batch of finite images (N, C, H, W)."""
    require_eval(model)
    require_images(x)


def warn(message: str) -> None:
    """Warn, and point at the line that called this package, however many of its functions lie between."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in ("xaitutor", "contextlib"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def warn_once(message: str) -> None:
    """The same, once for each call of a method, which may make many passes and call others."""
    told = _inside.get()
    if told is None or message not in told:
        warn(message)
    if told is not None:
        told.add(message)


def at_least_one(**counts: int) -> None:
    """Raise ValueError unless each of these named numbers is a whole number of at least 1."""
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, not {count!r}")


def require_tensors(**maps) -> None:
    """Raise TypeError unless each of these is a tensor of real numbers, or of True and False."""
    for name, values in maps.items():
        if not isinstance(values, Tensor) or values.is_complex():
            raise TypeError(f"{name} must be a tensor of real numbers, not {values.dtype if isinstance(values, Tensor) else type(values).__name__}")


def _doubt(x: Tensor) -> None:
    if min(x.shape[2:]) > 1 and x.abs().max() > _LARGEST:  # a toy's single numbers may be as large as they like
        warn_once(f"x has values beyond ±{_LARGEST}: it looks like a picture of 0–255 that was never normalised; "
                  "x = preprocess(image)[None] gives what the model takes")


def _no_autocast(device: str) -> AbstractContextManager:
    known = torch.amp.is_autocast_available(device)
    return torch.autocast(device, enabled=False) if known and torch.is_autocast_enabled(device) else nullcontext()
