"""Circuits: which units of the layer before excite or inhibit this one, and where in its window?

A convolution adds up one contribution for each of its inputs, so that its weights can be read, once we know what feeds
it and what batch norm makes of its output (Olah and others, Zoom In: An Introduction to Circuits, Distill 2020).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xaitutor.networks.layers import hooks, named, require_eval, require_images, run
from xaitutor.units.maps import check_unit


class Input(NamedTuple):
    """One input of a unit: `unit` of the source layer, the `weights` (kh, kw) it is read with, and its `strength`."""

    unit: int
    weights: Tensor
    strength: float


class Circuit(NamedTuple):
    """The strongest inputs of one unit, the strongest first.

    `source`: the layer whose units they are. `norm`: the batch norm that reads the convolution and is folded into the
    weights, or None. `bias`: what is added to all inputs. `strengths` (channels of the source): of all inputs; with the
    bias they add up to `mean`, the unit's mean pre-activation (before the nonlinearity, after batch norm).
    """

    source: str
    norm: str | None
    excitatory: tuple[Input, ...]
    inhibitory: tuple[Input, ...]
    strengths: Tensor
    bias: float
    mean: float


def circuit(model: nn.Module, layer: str, unit: int, x: Tensor, k: int = 3) -> Circuit:
    """The `k` inputs that excite a unit of a convolution most, and the `k` that inhibit it most, on x (N, C, H, W).

    The weights w have the batch norm after the convolution in them, if there is one: w · γ / √(v + ε), and the bias is
    β + (b − μ) · γ / √(v + ε). The strength of input j is the mean, over pictures and places, of its contribution w_j ★
    a_j to the unit's pre-activation:

        Σ_j strength_j + bias = mean pre-activation

    Which layer feeds the convolution is found by what the network does in one pass on x. Its name is one with which
    `layers.record` gives these channels. Where that would be a module that runs again later (the ReLU of a ResNet's
    block, between its two convolutions) it is the layer before that module: `layer3.1.bn1`, whose channels are the
    same, before the ReLU.

    Of grouped convolutions, a unit has the inputs of its own group only. There may be fewer than k inputs of a sign.

    Raises ValueError for a layer that is no Conv2d, that runs more than once or not at all, that reads the picture
    itself, or what no module outputs (a function of several layers, such as an average pooling or a sum, lies
    between); IndexError for a unit that it does not have.
    """
    require_eval(model)
    require_images(x)
    x = x.clone()  # which the first layer may overwrite
    convolution = _convolution(model, layer)
    check_unit(unit, convolution.out_channels, layer)
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    calls, read = _run(model, convolution, layer, x)
    place = next(i for i, call in enumerate(calls) if call.name == layer)
    source = _source(calls, place, x)
    norm, scale, bias = _folded(model, convolution, calls, place, unit)
    weights = convolution.weight.detach()[unit] * scale
    first = unit // (convolution.out_channels // convolution.groups) * len(weights)
    strengths = torch.zeros(convolution.in_channels, dtype=torch.float64)
    group = slice(first, first + len(weights))
    strengths[group] = _contributions(convolution, weights, read[:, group])

    def strongest(sign):
        ranked = (sign * strengths).argsort(descending=True, stable=True)[:k].tolist()
        return tuple(Input(j, weights[j - first], strengths[j].item()) for j in ranked if sign * strengths[j] > 0)

    return Circuit(source, norm, strongest(1), strongest(-1), strengths, bias, strengths.sum().item() + bias)


class _Call(NamedTuple):
    """One use of a module. The tensors themselves are kept, so that they can be told by identity."""

    name: str
    module: nn.Module
    input: Tensor | None
    output: Tensor


def _convolution(model: nn.Module, layer: str) -> nn.Conv2d:
    convolution = named(model, layer)[layer]
    if not isinstance(convolution, nn.Conv2d):
        modules = dict(model.named_modules(remove_duplicate=False))
        near = [name for name, module in modules.items() if isinstance(module, nn.Conv2d) and name.startswith(layer)]
        near = near or [name for name, module in modules.items() if isinstance(module, nn.Conv2d)]
        raise ValueError(f"a circuit is read from the weights of a convolution; layer {layer!r} is a "
                         f"{type(convolution).__name__}. Take a Conv2d: {', '.join(near[:5])}")
    return convolution


def _run(model: nn.Module, convolution: nn.Conv2d, layer: str, x: Tensor) -> tuple[list[_Call], Tensor]:
    """Every use of a module in one pass, in order of completion, and what the convolution read."""
    modules = {name: module for name, module in model.named_modules() if name} | {layer: convolution}
    calls, read = [], []

    def note(name, output, inputs):
        if isinstance(output, Tensor):
            calls.append(_Call(name, modules[name], next((i for i in inputs if isinstance(i, Tensor)), None), output))
            if modules[name] is convolution:
                read.append(inputs[0].detach().clone())  # now: a layer that works in place may overwrite it

    with hooks(modules, note, inputs=True), torch.no_grad():
        run(model, x)
    if len(read) != 1:
        raise ValueError(f"layer {layer!r} runs {len(read)} times in one pass; "
                         "a circuit is that of a layer that runs once")
    return calls, read[0]


def _source(calls: list[_Call], place: int, x: Tensor) -> str:
    """The name with which `layers.record` gives the channels that the call at `place` reads."""
    wanted = calls[place].input
    last = {call.name: i for i, call in enumerate(calls)}
    for i, call in reversed(list(enumerate(calls[:place]))):
        if call.output is wanted:
            if last[call.name] == i:
                return call.name
            if not list(call.module.parameters()) and call.input is not None and call.input.shape == call.output.shape:
                wanted = call.input  # an activation that runs again: its channels are those of what it reads
    what = "what no module outputs: several layers, or a function between them"
    if wanted is x:
        what = "the picture itself; look at its filters"
    raise ValueError(f"layer {calls[place].name!r} reads {what}. Take a convolution whose input is one layer's output")


def _folded(model, convolution, calls, place, unit) -> tuple[str | None, float, float]:
    """The batch norm that reads the convolution, the factor it has for this unit, and the bias of both."""
    bias = 0.0 if convolution.bias is None else convolution.bias[unit].item()
    norms = [call for call in calls[place + 1 :]
             if isinstance(call.module, nn.BatchNorm2d) and call.input is calls[place].output]
    if not norms:
        return None, 1.0, bias
    name, norm = norms[0].name, norms[0].module
    if norm.running_var is None:
        raise ValueError(f"batch norm {name!r} keeps no running statistics: it has no fixed weights to fold")
    scale = (norm.running_var[unit].double() + norm.eps).rsqrt().item()
    scale *= 1.0 if norm.weight is None else norm.weight[unit].item()
    shift = 0.0 if norm.bias is None else norm.bias[unit].item()
    return name, scale, shift + (bias - norm.running_mean[unit].item()) * scale


def _contributions(convolution: nn.Conv2d, weights: Tensor, read: Tensor) -> Tensor:
    """Mean over pictures and places of what each input (N, inputs, H, W) adds with its weights (inputs, kh, kw)."""
    padding = convolution.padding
    if convolution.padding_mode != "zeros":
        read, padding = F.pad(read, convolution._reversed_padding_repeated_twice, mode=convolution.padding_mode), 0
    kernel = weights[:, None].double()
    added = F.conv2d(read.double(), kernel, None, convolution.stride, padding, convolution.dilation, len(weights))
    return added.mean((0, 2, 3))
