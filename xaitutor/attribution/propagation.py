"""What relevance and differences from a reference have in common: a network as linear steps and a few other functions.

A *linear step* is a convolution, a matrix or a batch norm, a batch norm being merged with the convolution or matrix before it. On the way
back a rule decides what goes from its output to its input; everything else that is linear (sums, averages, reshaping) keeps its
gradient, named functions have a rule of their own, and whatever is left is refused by name: never silently the plain gradient.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.weak import WeakIdKeyDictionary

from xaitutor.attribution.class_scores import logits_of
from xaitutor.networks.layers import original, require_gradients
from xaitutor.networks.rules import each_call, require_watchable, with_backward

# Linear or affine in the one input that depends on the picture, so that the gradient is right whatever is propagated.
LINEAR = frozenset("""
    add sub neg cat stack flatten unflatten view view_as reshape permute transpose movedim contiguous clone squeeze unsqueeze expand
    expand_as chunk split unbind narrow select __getitem__ pad roll flip mean sum cumsum avg_pool1d avg_pool2d adaptive_avg_pool1d
    adaptive_avg_pool2d dropout dropout2d feature_dropout upsample interpolate pixel_shuffle pixel_unshuffle channel_shuffle to float double
    type_as rsub __rsub__ __radd__ __add__ __iadd__ __sub__ __isub__
    """.split())
# Linear if only one of the factors depends on the picture.
PRODUCTS = frozenset("mul div matmul bmm mm einsum __mul__ __rmul__ __truediv__ __imul__ __matmul__".split())
STEPS = ("conv1d", "conv2d", "linear", "batch_norm")
# Looking at a tensor's shape and kind takes nothing from it.
_PEEKS = frozenset("__get__ size dim ndimension numel stride element_size data_ptr get_device __len__ type isfinite".split())


class Step(NamedTuple):
    """A linear step z = apply(x, weight · scale) + bias in a `layer`: `x` as it came in, `bias` to be added to z and `scale` or None,
    `kind` one of `STEPS`.

    x is the tensor itself, in the graph: what a rule gives back for it goes on from there. (Nobody writes over it later: then
    no network could be trained.)
    """

    kind: str
    apply: Callable[[Tensor, Tensor], Tensor]
    x: Tensor
    weight: Tensor
    bias: Tensor | None
    layer: str = ""
    scale: Tensor | None = None

    def merged(self) -> Step:
        """With the scale of a batch norm inside the weight: a copy as large as the weight, so it is made when needed and not kept."""
        return self if self.scale is None else self._replace(weight=self.weight * self.scale, scale=None)

    def again(self) -> tuple[Step, Tensor]:
        """The same step by itself, whose x is a leaf, and z, computed from that rather than kept: a network has many."""
        step = self.merged()._replace(x=self.x.detach().requires_grad_())
        with torch.enable_grad():
            z = step.apply(step.x, step.weight)
            return step, z if step.bias is None else z + step.bias

    def back(self, weight: Tensor, gradient: Tensor) -> Tensor:
        """What arrives at x of a gradient at z, through this weight in place of the step's own."""
        with torch.enable_grad():
            x = self.x.detach().requires_grad_()
            (found,) = torch.autograd.grad(self.apply(x, weight), x, gradient)
        return found


class Watch:
    """Inside `with watching(model, …)`: what a call becomes, and the linear steps so far (`steps`)."""

    def __init__(self, model: nn.Module, rules: Mapping[str, Callable], through: Callable | None, refuse: bool):
        self.model, self.rules, self.through, self.refuse, self.steps = model, rules, through, refuse, []
        self._names = {id(module): name or "the model itself" for name, module in model.named_modules()}
        self._made = WeakIdKeyDictionary()  # what a step has put out, as long as anybody has it: the step's number, and the step

    def __call__(self, function, args, kwargs):
        name = getattr(function, "__name__", "")
        name = name if name.startswith("__") else name.removesuffix("_")
        args = args or (kwargs.pop("input"),) if "input" in kwargs else args
        if name in STEPS and _depends(args[0]) and not _of_the_batch(name, args, kwargs):
            return self._step(name, function, args, kwargs)
        if name in _PEEKS or name.startswith("is_"):
            return function(*args, **kwargs)
        if name in self.rules:
            return self._ruled(name, function, args, kwargs)
        result = function(*args, **kwargs)
        if isinstance(result, Tensor):
            self._made.pop(result, None)  # written over in place: no longer what the step has put out
        if self.refuse and _depends(result) and not _is_linear(name, args):
            raise ValueError(f"{name} in the layer {self._layer()} has no rule: it is neither linear nor one of "
                             f"{', '.join(self.rules)}; on_unknown=\"gradient\" takes its gradient instead, which breaks what the rules promise")
        return result

    def logits(self, x: Tensor) -> Tensor:
        """(N, K): one pass of the model, whose way back is by the rules."""
        with each_call(self):
            return logits_of(self.model, x)

    def forget(self) -> None:
        """Let go of what the pass has left: rules that know the later steps would keep all of it alive for ever."""
        self.steps.clear()

    def step_of(self, z: Tensor) -> Step | None:
        """The linear step that has just put out z."""
        return self._made[z][1].merged() if z in self._made else None

    def _step(self, kind, function, args, kwargs):
        """A batch norm takes the place of the step whose output it gets, and goes back to that one's input."""
        step, number = _STEPS[kind](*args, **kwargs)._replace(layer=self._layer()), len(self.steps)
        if kind == "batch_norm" and args[0] in self._made:
            number, before = self._made[args[0]]
            step = _merged(before, step)
        self.steps[number:number + 1] = [step]
        with torch.set_grad_enabled(self.through is None):  # a rule goes back through the step's weights, and needs no other graph
            z = function(*args, **kwargs)
        if self.through:
            z = with_backward(z, partial(self.through, step, number), step.x)
        self._made[z] = number, step
        return z

    def _layer(self) -> str:
        """The layer that is running: the innermost module of the model on the stack."""
        frame = sys._getframe()
        while frame:
            owner = frame.f_locals.get("self")
            if isinstance(owner, nn.Module) and id(owner) in self._names:
                return f"{self._names[id(owner)]} ({type(owner).__name__})"
            frame = frame.f_back
        return "the model"

    def _ruled(self, name, function, args, kwargs):
        x, *others = args
        if kwargs.pop("inplace", False) or function.__name__.endswith("_"):
            copy = x.clone()
            if x in self._made:
                self._made[copy] = self._made.pop(x)
            return x.copy_(self.rules[name](getattr(F, name), copy, *others, **kwargs))
        return self.rules[name](function, x, *others, **kwargs)


@contextmanager
def watching(model: nn.Module, rules: Mapping[str, Callable], through: Callable | None = None,
             on_unknown: str = "raise") -> Iterator[Watch]:
    """Inside the block `watch.logits(x)` is a pass in which functions with a rule run by it (`rules[name](function, x, *others, **options)`),
    and a gradient g at the output of a linear step goes on as `through(step, number, g)` at its input; without `through`, as usual.

    on_unknown: "raise" ValueError for a function that is neither linear nor has a rule, naming it and its layer, or take its "gradient".
    """
    if on_unknown not in ("raise", "gradient"):
        raise ValueError(f"on_unknown must be 'raise' or 'gradient', not {on_unknown!r}")
    model = original(model)
    require_watchable(model)
    require_gradients(model)
    watch = Watch(model, rules, through, on_unknown == "raise")
    try:
        yield watch
    finally:
        watch.forget()


def extremes(x: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the largest value of each channel of each picture, (N, C, 1, 1), nearly black and nearly white in most photos; of each
    picture, (N, 1), where it has been flattened."""
    places = tuple(range(2, x.ndim)) or (1,)
    return x.amin(dim=places, keepdim=True), x.amax(dim=places, keepdim=True)


def over(numerator: Tensor, denominator: Tensor, tiny: Tensor | float, otherwise: Tensor | float = 0.0) -> Tensor:
    """numerator / denominator, and `otherwise` where the denominator is no larger than `tiny`."""
    small = denominator.abs() <= tiny
    return torch.where(small, otherwise, numerator / torch.where(small, 1.0, denominator))


def scaled(values: Tensor, factor: Tensor, *inputs: Tensor) -> Tensor:
    """The same values, whose gradient goes on multiplied by `factor`."""
    return with_backward(values, lambda g: g * factor, *inputs)


def _conv(apply: Callable, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Step:
    shape = (-1, *[1] * (weight.ndim - 2))
    return Step(apply.__name__, lambda x, w: apply(x, w, None, stride, padding, dilation, groups), x, weight.detach(),
                None if bias is None else bias.detach().reshape(shape))


def _linear(x, weight, bias=None) -> Step:
    return Step("linear", F.linear, x, weight.detach(), None if bias is None else bias.detach())


def _batch_norm(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5) -> Step:
    scale = (running_var + eps).rsqrt() * (1 if weight is None else weight.detach())
    shift = (0 if bias is None else bias.detach()) - running_mean * scale
    shape = (1, -1, *[1] * (x.ndim - 2))
    return Step("batch_norm", torch.mul, x, scale.reshape(shape), shift.reshape(shape[1:]))


_STEPS = {"conv1d": partial(_conv, F.conv1d), "conv2d": partial(_conv, F.conv2d), "linear": _linear, "batch_norm": _batch_norm}


def _of_the_batch(name: str, args, kwargs) -> bool:
    """Whether it is a batch norm that takes its statistics from the pictures at hand, and so is not linear."""
    return name == "batch_norm" and bool(args[5] if len(args) > 5 else kwargs.get("training"))


def _merged(first: Step, norm: Step) -> Step:
    """One step that does both: the weights are scaled channel by channel, and the bias with them."""
    scale = norm.weight.flatten()
    shift = norm.bias if first.kind != "linear" else norm.bias.flatten()
    bias = shift if first.bias is None else first.bias * scale.reshape(shift.shape) + shift
    return first.merged()._replace(scale=scale.reshape(-1, *[1] * (first.weight.ndim - 1)), bias=bias)


def _depends(result) -> bool:
    """Whether it is computed from the picture, or holds what is."""
    if isinstance(result, (tuple, list)):
        return any(map(_depends, result))
    return isinstance(result, Tensor) and result.grad_fn is not None


def _is_linear(name: str, args) -> bool:
    factors = sum(_depends(a) for a in args)
    return name in LINEAR or name in PRODUCTS and factors == 1 and not (name in ("div", "__truediv__") and _depends(args[1]))
