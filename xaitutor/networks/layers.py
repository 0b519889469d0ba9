"""Look inside a pass: record the outputs of named layers, and leave no trace in the model.

Hooks are on the model only while the `with` block runs. What is recorded is a copy, so that an in-place
ReLU after the layer cannot alter it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedTensorMixin


class _Recorded(dict):
    """A dict that says why a layer is missing."""

    def __missing__(self, name):
        raise KeyError(f"nothing was recorded for {name!r}: run the model (and, for gradients, .backward()) inside the "
                       f"with block, and ask for this layer in record(…); recorded so far: {list(self)}")


@contextmanager
def record(model: nn.Module, names: str | Iterable[str], gradients: bool = False) -> Iterator[dict[str, Tensor]]:
    """Record the outputs of the layers `names` while the model runs inside the block.

        with record(model, ["layer1", "layer4.1.conv2"]) as activations:
            model(x)
        activations["layer4.1.conv2"]   # (N, C, H, W)

    names: dotted names from `model.named_modules()`, or one of them. If a layer runs more than once, its last
    output counts; if it is a tuple (attention's is), the first tensor of it.

    With `gradients=True` it gives two tables: the activations, now part of the graph, so that
    `torch.autograd.grad(score, activations[name])` works, and the gradients, filled by any backward pass:

        with record(model, "layer4", gradients=True) as (activations, gradients):
            model(x)[0, target].backward()

    After the block, also after an exception in it, the model is bit for bit what it was. Raises ValueError for
    a name that the model does not have, and for `gradients=True` under `torch.no_grad()`.
    """
    names = [names] if isinstance(names, (str, nn.Module)) else list(names)
    modules = named(model, *names)
    activations, derivatives, latest = _Recorded(), _Recorded(), {}

    def copy(name, output):
        activations[name] = output.detach().clone()

    def copy_in_graph(name, output):
        if not torch.is_grad_enabled():
            raise ValueError("gradients were asked for, but the model runs under torch.no_grad(); leave that out")
        if not output.is_floating_point():
            raise ValueError(f"layer {name!r} puts out {output.dtype}, and whole numbers have no gradient; take a layer before it")
        kept = output.clone()  # a copy of our own in the graph, and another one for the model to go on with:
        kept = kept if kept.requires_grad else kept.requires_grad_()
        latest[name] = use = object()
        kept.register_hook(lambda gradient: keep(name, use, gradient))
        activations[name] = kept
        return kept.clone()  # … which an in-place layer may overwrite

    def keep(name, use, gradient):
        if latest[name] is use:  # a layer's earlier use comes later in the backward pass
            derivatives[name] = gradient.detach().clone()

    with hooks(modules, _on_tensor(copy_in_graph if gradients else copy)):
        yield (activations, derivatives) if gradients else activations


@contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """The model in eval mode inside the block, and after it, whatever happened, each module in the mode it was in."""
    training = [module for module in model.modules() if module.training]
    try:
        for module in training:
            module.training = False
        yield model
    finally:
        for module in training:
            module.training = True


def original(model: nn.Module) -> nn.Module:
    """The module that `torch.compile` was given, or the model itself: compiled code can be neither watched nor changed, and answers the same."""
    return getattr(model, "_orig_mod", model)


def require_gradients(model: nn.Module) -> None:
    """Raise ValueError for a model that was made under `torch.inference_mode()`, through which torch lets no gradient pass, and for a lazy one."""
    if any(isinstance(value, UninitializedTensorMixin) for value in (*model.parameters(), *model.buffers())):
        raise ValueError("the model has a lazy layer (LazyLinear, …), which has no weights before its first pass; call model(x) once")
    if any(value.is_inference() for value in (*model.parameters(), *model.buffers())):
        raise ValueError("the model was made under torch.inference_mode(), and so has no gradients; load it outside of that block, or take "
                         "copy.deepcopy(model), made outside of it")


def run(model: nn.Module, x: Tensor):
    """`model(x)`. Where torch, or the model, cannot do it, ValueError says what the model was given, what kind its parameters are, and torch's first line.

    A model that ends in `x.view(len(x), -1)` can only take numbers that lie in memory in the usual order, and gets them so.
    """
    try:
        with _uncompiled(model):
            return model(x)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, IndexError, ValueError, AssertionError) as error:
        if "view size is not compatible" in str(error) and not x.is_contiguous():
            return run(model, x.contiguous())
        if isinstance(error, (IndexError, ValueError)) and _is_ours(error):
            raise
        if "nference tensors" in str(error):
            require_gradients(model)
        for weight in model.parameters():
            if weight.is_floating_point() and (weight.dtype, weight.device) != (x.dtype, x.device):
                raise ValueError(f"x is {x.dtype} on {x.device}, the model's parameters are {weight.dtype} on {weight.device}; x.to(device, dtype) "
                                 "brings them together") from error
        raise ValueError(f"the model cannot take x, {x.dtype} of the shape {tuple(x.shape)}: {_first_line(error)}") from error


def derivative(score: Tensor, x: Tensor, **options) -> Tensor | None:
    """∂ Σ score / ∂ x, as `torch.autograd.grad` has it. Raises ValueError for a network that writes over what the way back needs."""
    try:
        return torch.autograd.grad(score.sum(), x, **options)[0]
    except RuntimeError as error:
        if "inplace operation" in str(error):
            raise ValueError("the network cannot be differentiated: it writes over what the way back needs (a function that ends in _, or inplace=True)") from error
        raise


def _uncompiled(model: nn.Module) -> AbstractContextManager:
    """Compiled parts, at the top or inside, run as they were written: inside of them nothing could be watched or changed."""
    compiled = any(hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None for module in model.modules())
    return torch.compiler.set_stance("force_eager") if compiled else nullcontext()


def _is_ours(error: Exception) -> bool:
    """Whether this package raised it, in a hook or a rule."""
    last = error.__traceback__
    while last.tb_next:
        last = last.tb_next
    return last.tb_frame.f_globals.get("__name__", "").startswith("xaitutor.")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def require_images(x: Tensor) -> None:
    """Raise TypeError or ValueError unless x is a batch of finite images (N, C, H, W), floating point."""
    if isinstance(x, (list, tuple)):
        sizes = sorted({tuple(getattr(image, "shape", ())) for image in x})
        hint = "torch.stack(x) makes one" if len(sizes) == 1 else f"bring the images to one size first, not {sizes}"
        raise TypeError(f"x must be one tensor (N, C, H, W), not a {type(x).__name__} of {len(x)}; {hint}")
    if not isinstance(x, Tensor):
        raise TypeError(f"x must be a tensor (N, C, H, W), not {type(x).__name__}; x = preprocess(image)[None] is one")
    if x.ndim != 4 or not x.numel():
        hint = {3: "one image becomes a batch of one by x[None]", 5: "volumes and videos are not supported, their slices are"}.get(
            x.ndim, "preprocess(image)[None] is such a batch")
        raise ValueError(f"x must have the shape (N, C, H, W), not {tuple(x.shape)}; {hint}")
    if not x.is_floating_point():
        raise TypeError(f"x must be floating point and normalised, not {x.dtype}; x = preprocess(image)[None] is")
    if not x.isfinite().all():
        raise ValueError("x has values that are nan or infinite; look where they come from")


def require_eval(model: nn.Module) -> None:
    """Raises TypeError for what is no module, ValueError for one of which any part is in training mode.

    There a pass changes the model, and dropout and batch norm answer otherwise each time: whatever asks for the
    values of a pass refuses. (What only asks how far a neuron sees, `receptive_field`, needs no values, and no mode.)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"the model must be a torch.nn.Module, not {type(model).__name__}")
    if any(module.training for module in model.modules()):
        raise ValueError("the model is in training mode, where a pass changes it; call model.eval() first")


class Row(NamedTuple):
    """One layer's use: its name, its kind ("Conv2d"), the shape of its output, and its number of parameters."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def summary(model: nn.Module, x: Tensor) -> list[Row]:
    """What each layer makes of x (N, C, H, W), in the order of one pass: a `Row` each time a layer runs.

    A layer is a module without modules in it, or with parameters of its own. One that runs again counts its
    parameters once, so that the column's sum is a convolutional network's number of parameters. Raises
    ValueError for a model in training mode, which the pass would change.
    """
    require_eval(model)
    require_images(x)
    layers = {name: module for name, module in model.named_modules()
              if not list(module.children()) or list(module.parameters(recurse=False))}
    rows: list[Row] = []

    def note(name, output):
        seen = any(row.name == name for row in rows)
        count = 0 if seen else sum(p.numel() for p in layers[name].parameters(recurse=False))
        rows.append(Row(name, type(layers[name]).__name__, tuple(output.shape), count))

    with hooks(layers, _on_tensor(note)), torch.no_grad():
        run(model, x.clone())  # a copy, which the first layer may overwrite
    return rows


def named(model: nn.Module, *names: str) -> dict[str, nn.Module]:
    """The modules of these dotted names, by name. Raises ValueError for one that the model does not have, with the nearest, and TypeError
    for a module in place of its name."""
    modules = dict(original(model).named_modules(remove_duplicate=False))
    for name in names:
        if not isinstance(name, str):
            own = [repr(known) for known, module in modules.items() if module is name]
            raise TypeError(f"a layer is given by its name, not as a {type(name).__name__}: " + (
                f"say {own[0]}" if own else "take one of model.named_modules()"))
        if name not in modules:
            near = difflib.get_close_matches(str(name), modules, n=3, cutoff=0.4)
            top = [known for known in modules if known and "." not in known]
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"at the top there is {', '.join(top)}"
            raise ValueError(f"the model has no layer {name!r}; {hint} (all: model.named_modules())")
    return {name: modules[name] for name in names}


@contextmanager
def hooks(modules: dict[str, nn.Module], hook: Callable, inputs: bool = False) -> Iterator[None]:
    """Inside the block `hook(name, output)` runs after each of the modules; its answer, if any, replaces the output.

    With `inputs=True` it is `hook(name, output, inputs)`, with the tuple that the module was called with. This is the one way to
    watch modules; `rules.each_call` watches functions.
    """
    handles = []
    try:
        for name, module in modules.items():
            def watch(_, given, output, name=name):
                return hook(name, output, given) if inputs else hook(name, output)

            handles.append(module.register_forward_hook(watch))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _on_tensor(hook: Callable) -> Callable:
    """Let `hook` see the tensor in an output that is a tensor, or a tuple that begins with one."""

    def wrapped(name, output):
        if isinstance(output, Tensor):
            return hook(name, output)
        if type(output) is tuple and output and isinstance(output[0], Tensor):
            answer = hook(name, output[0])
            return None if answer is None else (answer, *output[1:])
        raise TypeError(f"layer {name!r} puts out a {type(output).__name__}, not a tensor; record a layer inside it")

    return wrapped
