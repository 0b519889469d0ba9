"""The outputs of layers, without running further than the last of them, and without leaving a trace."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.maximization.objectives import Objective, check
from xaitutor.networks import layers, layouts
from xaitutor.networks.neighbours import dependence, require_alone


class _Enough(Exception):  # it is no error; it ends a forward pass whose rest nobody needs
    pass


def activations(model: nn.Module, names: set[str], x: Tensor, uses: int) -> dict[str, Tensor]:
    """The outputs of the layers `names`, as part of the graph; of a layer that runs again, the last time.

    The pass stops once they have run `uses` times, all together.
    """
    found, runs = {}, 0
    size = tuple(x.shape[2:])

    def keep(name: str, output: Tensor) -> None:
        nonlocal runs
        runs += 1
        if runs == uses:
            found[name] = layouts.channels_first(output, model, name, size)
            raise _Enough
        found[name] = layouts.channels_first(output.clone(), model, name, size)  # for an in-place ReLU may come after it

    with layers.hooks(layers.named(model, *names), keep), suppress(_Enough):
        layers.run(model, x)
    return found


def find_layer(model: nn.Module, name: str) -> str:
    """The dotted name of a layer that is given so, "layer3.1.conv2", or as Lucent writes it, "layer3_1_conv2".

    Raises ValueError with the nearest names where there is none.
    """
    names = dict(model.named_modules(remove_duplicate=False))
    fitting = [known for known in names if known.replace(".", "_") == name]
    name = fitting[0] if name not in names and len(fitting) == 1 else name
    layers.named(model, name)  # says what is wrong with a name
    return name


class Ready(NamedTuple):
    """A checked objective: with dotted names, and `values(pictures)`, (N,) for pictures (N, C, H, W) in [0, 1]."""

    objective: Objective
    values: Callable[[Tensor], Tensor]
    shapes: dict[str, tuple[int, ...]]
    turned: set[str]  # the layers that output (N, h, w, C)


def prepare(model: nn.Module, objective: Objective, preprocess, example: Tensor, n: int = 1) -> Ready:
    """Check the objective against what the model outputs for `example` (1, C, H, W); raises what `maximize` names."""
    if not isinstance(objective, Objective):
        raise TypeError(f"expected an objective, such as channel('layer3', 7) or target(1), not {objective!r}")
    layers.require_eval(model)
    model = layers.original(model)
    normalise = normalisation(preprocess, example)
    objective = Objective(tuple(term._replace(layer=find_layer(model, term.layer)) for term in objective.terms))
    names = {term.layer for term in objective.terms}
    dependence(model, normalise(example))
    require_alone(model, n, "for one picture at a time, n=1")
    shapes, uses, turned = _try(model, names, normalise(example))
    for term in objective.terms:
        check(term, shapes[term.layer], n)
    return Ready(objective, lambda x: objective.values(activations(model, names, normalise(x), uses)), shapes, turned)


def channels_of(model: nn.Module, preprocess=None) -> int:
    """How many channels the network's pictures have: those of its first convolution, or 3 where it has none; `preprocess` knows, too."""
    if preprocess is not None and hasattr(preprocess, "mean"):
        return len(preprocess.mean)
    return next((module.in_channels for module in model.modules() if isinstance(module, nn.Conv2d)), 3)


def like(model: nn.Module) -> Tensor:
    """A number of the model's own type, on its own device."""
    tensors = [tensor for tensor in model.parameters() if tensor.is_floating_point()]
    return tensors[0].detach().flatten()[:1] if tensors else torch.zeros(1)


def normalisation(preprocess, alike: Tensor) -> Callable[[Tensor], Tensor]:
    """x → (x − mean) / std on the device of `alike`."""
    if preprocess is None:
        return lambda x: x
    if not (hasattr(preprocess, "mean") and hasattr(preprocess, "std")):
        raise TypeError("preprocess is what load_model gives second, with .mean and .std, or None for a model that "
                        f"takes [0, 1]; not {type(preprocess).__name__}")
    mean, std = (torch.tensor(list(values)).to(alike)[:, None, None] for values in (preprocess.mean, preprocess.std))
    return lambda x: (x - mean) / std


def _try(model: nn.Module, names: set[str], x: Tensor) -> tuple[dict[str, tuple[int, ...]], int, set[str]]:
    """One whole pass: the shape that each layer outputs, how often they run, all together, and which have their channels last."""
    runs, found, failure, turned = 0, {}, None, set()

    def note(name, output):
        nonlocal runs
        runs += 1
        found[name] = layouts.channels_first(output, model, name, tuple(x.shape[2:])) if isinstance(output, Tensor) else output
        if found[name] is not output:
            turned.add(name)

    layers.require_gradients(model)
    try:
        with layers.hooks(layers.named(model, *names), note), torch.no_grad():
            model(x)
    except (RuntimeError, IndexError, AssertionError) as error:
        failure = error
    for name in names:
        where = f"layer {name!r}" if name else "the network"
        if name not in found and failure:
            raise ValueError(f"the network cannot take a picture of {x.shape[2]} × {x.shape[3]} pixels and {x.shape[1]} channels as far as "
                             f"{where}; try another size ({failure})") from failure
        if name not in found:
            raise ValueError(f"{where} does not run when the model is used, so that nothing can be maximized there")
        if not isinstance(found[name], Tensor):
            raise ValueError(f"{where} outputs a {type(found[name]).__name__}, not a tensor; take a layer inside it")
    return {name: tuple(output.shape) for name, output in found.items()}, runs, turned
