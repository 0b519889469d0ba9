"""The case: what is given to the questions, prepared once."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.attribution import METHODS, heatmap
from xaitutor.attribution.class_scores import chosen_classes, logits_of
from xaitutor.referees import pearson


class Case(NamedTuple):
    """A network in eval mode, `x` (N, C, H, W), the class to explain of each picture `target` (N,), the `logits` (N, K), and what else was given.

    method: called as (model, x, target), gives an attribution; `layer` is already in it. reduce: how that becomes heat. heat: (N, H, W) in [0, 1],
    or None where the method refused, and `refusal` says why. training: the names of the modules that were in training mode.
    """

    model: nn.Module
    x: Tensor
    target: Tensor | None
    logits: Tensor | None
    labels: Tensor | None
    preprocess: Callable | None
    method: Callable
    reduce: str | None
    layer: str | None
    training: tuple[str, ...]
    seed: int
    heat: Tensor | None = None
    attribution: Tensor | None = None
    refusal: str = ""

    @property
    def others(self) -> Tensor:
        """For each picture the strongest class that is not its target: (N,)."""
        return self.logits.scatter(1, self.target[:, None], -torch.inf).argmax(dim=1)


def prepare(model: nn.Module, x: Tensor, target, method: Callable, reduce: str | None, **given) -> Case:
    """Ask the network and the method once. What they raise is kept as `refusal`; without answers, `logits` and `target` are None."""
    case = Case(model, x, None, None, method=method, reduce=reduce, **given)
    try:
        with torch.no_grad():
            logits = quiet(logits_of, model, x).detach()
    except Exception as error:  # whatever a network may raise that was given other pictures than it takes
        return case._replace(refusal=first_line(error))
    case = case._replace(logits=logits, target=chosen_classes(logits, target).clone())
    try:
        attribution = quiet(method, model, x.clone(), case.target).detach()
        return case._replace(attribution=attribution, heat=shown(case, attribution))
    except Exception as error:  # likewise a method of one's own, or one that does not run on a network of this kind
        return case._replace(refusal=f"the method does not run here: {first_line(error)}")


def heat_of(case: Case, model: nn.Module | None = None, x: Tensor | None = None, target: Tensor | None = None, **options) -> Tensor:
    """The heat (N, H, W) that the case's method gives for another network, other pictures, another class, or with options of the method."""
    model, x, target = case.model if model is None else model, case.x if x is None else x, case.target if target is None else target
    return shown(case, quiet(case.method, model, x.clone(), target, **options).detach())


def shown(case: Case, attribution: Tensor) -> Tensor:
    """The attribution as heat; of a method of one's own the positive part of a map without colours, else the strongest colour."""
    reduce = case.reduce or ("positive" if attribution.ndim == 4 and attribution.shape[1] == 1 else "max_abs")
    return heatmap(attribution, reduce, size=tuple(case.x.shape[2:]))


def there(case: Case) -> Tensor:
    """The heat. Raises ValueError where the method gave none."""
    if case.heat is None:
        raise ValueError(case.refusal)
    return case.heat


def alike(first: Tensor, second: Tensor) -> float | None:
    """The mean of Pearson's correlation of two heats (N, H, W) over the pictures that have both; None where none has."""
    both = (first.flatten(1).amax(dim=1) > 0) & (second.flatten(1).amax(dim=1) > 0)
    return pearson(first[both], second[both]).mean().item() if both.any() else None


def chosen_method(method: str | Callable, layer: str | None) -> tuple[Callable, str | None]:
    """The function (model, x, target), with the layer in it, and its `reduce`. Raises ValueError for an unknown name, or one without layers."""
    if isinstance(method, str) and method not in METHODS:
        raise ValueError(f"there is no method {method!r}; there is {', '.join(METHODS)}, or a function (model, x, target) of your own")
    function, reduce = (METHODS[method].function, METHODS[method].reduce) if isinstance(method, str) else (method, None)
    if layer is None:
        return function, reduce
    if not takes(function, "layer"):
        raise ValueError(f"the method {method if isinstance(method, str) else function!r} has no layer to choose; leave layer out")
    return partial(function, layer=layer), reduce


def takes(function: Callable, name: str) -> bool:
    """Whether a function has a parameter of this name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # some that are written in C say nothing of their parameters
        return False


def as_labels(labels: Sequence[int] | Tensor | None, count: int) -> Tensor | None:
    """Labels as whole numbers (N,). Raises ValueError for others; that a class is there is a question of the audit."""
    if labels is None:
        return None
    labels = torch.as_tensor(labels)
    if labels.shape != (count,) or labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(f"labels must be one whole number for each of the {count} pictures, not {labels.dtype} of {tuple(labels.shape)}")
    return labels.long().cpu()


def quiet(function: Callable, *arguments, **options):
    """Call without warnings: what they warn of is a question of the audit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
