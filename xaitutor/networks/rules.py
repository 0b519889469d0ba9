"""Swap the backward rule of functions: one idea behind gradient, DeconvNet, guided backpropagation, and relevance.

All these are one computation, a gradient, through a network in which a few functions have another backward rule.
A rule replaces a function while the block runs. It gets the function and its inputs, and returns the same values with
another backward:

    def guided(relu, x):
        y = relu(x.detach())
        return with_backward(y, lambda g: g.clamp(min=0) * (y > 0), x)

    with backward_rules({"relu": guided}):
        torch.autograd.grad(model(x)[0, target], x)

Functions are swapped, not modules: it does not matter whether a network calls a module, a function, a tensor's method
or an in-place form, or one module twice; and nothing is registered on the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


@contextmanager
def backward_rules(rules: Mapping[str, Callable], in_place: bool = False) -> Iterator[Counter]:
    """Inside the block, `rules[name](function, *inputs, **options)` runs instead of each torch function of that name.

    rules: by the functions' names in torch: "relu", "conv2d", "linear", "batch_norm", "max_pool2d", "add", …
    "relu" stands for F.relu, torch.relu, Tensor.relu, nn.ReLU and their in-place forms: the rule gets a copy of what
    is to be overwritten and need not care. A function of another name is another function: relu6 is not relu.
    in_place: spare the copies. A rule then gets an in-place form as it is, which overwrites the first input, and must
    not need that input afterwards.
    Inside a rule no rule of this block holds: it calls `function` itself, or any other.

    Gives a counter of how often each rule was used: what never ran under its name (inside a torch.jit module, for
    example) was not swapped. What torch.utils.checkpoint runs again on the way back is out of reach too: torch raises
    CheckpointError there.
    """
    swap = _Swap(rules, in_place)
    with each_call(swap):
        yield swap.used


def with_backward(values: Tensor, backward: Callable, *inputs: Tensor) -> Tensor:
    """The same `values`, whose gradient g becomes `backward(g)` for the inputs (a tuple for several).

    Nothing is copied: what `backward` needs of the values and the inputs, compute in the forward pass, since a later layer may
    overwrite them. Where `values` have been written over the first input, that input is the result.
    """
    return _WithBackward.apply((values.detach(), backward), *inputs)


class _WithBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rule, x, *others):
        values, ctx.backward_rule = rule  # hidden from autograd, which wants what is overwritten to come first
        if values.data_ptr() != x.data_ptr():
            return values
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, gradient):
        gradients = ctx.backward_rule(gradient)
        return None, *(gradients if isinstance(gradients, tuple) else (gradients,))


class each_call(TorchFunctionMode):
    """Inside the block `handle(function, args, kwargs)` runs instead of each torch function, and gives its result.

    torch hands every call to this mode, whether a network calls a module, a function or a tensor's method; the mode is
    off while it handles one, so that `handle` may call the function itself.
    """

    def __init__(self, handle: Callable):
        super().__init__()
        self.handle = handle

    def __torch_function__(self, function, types, args=(), kwargs=None):
        return self.handle(function, args, dict(kwargs or {}))


def require_watchable(model: nn.Module) -> None:
    """Raise ValueError for a network with a scripted or traced part: torch shows no function that runs inside it, so that none can be swapped."""
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise ValueError(f"{f'layer {name!r}' if name else 'the model'} is a torch.jit module, inside which no function can be watched or have "
                             "another backward rule; take the network that it was made of")


class _Swap:
    """What `backward_rules` does with a call, and how often it did."""

    def __init__(self, rules, in_place):
        self.rules, self.in_place, self.used = rules, in_place, Counter()

    def __call__(self, function, args, kwargs):
        written = getattr(function, "__name__", "")
        name = written.removesuffix("_")
        if name not in self.rules:
            return function(*args, **kwargs)
        self.used[name] += 1
        x, *others = args if args else (kwargs.pop("input"),)
        asked = kwargs.pop("inplace", False)
        if name == written and not asked:
            return self.rules[name](function, x, *others, **kwargs)
        if self.in_place:
            function = partial(function, inplace=True) if asked else function
            return self.rules[name](function, x, *others, **kwargs)
        function = function if name == written else getattr(torch, name)  # the form that overwrites nothing
        return x.copy_(self.rules[name](function, x.clone(), *others, **kwargs))
