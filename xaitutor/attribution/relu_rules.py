"""DeconvNet and guided backpropagation: the gradient, with another rule for the way back through a ReLU.

With the gradient g that arrives at y = relu(x), what goes on to x is

    gradient                 g · 1[x > 0]
    DeconvNet                max(g, 0)
    guided backpropagation   max(g, 0) · 1[x > 0]

All else stays. The gradient of max pooling is DeconvNet's unpooling with switches, where windows do not overlap (else it adds, and
unpooling overwrites); that of a convolution is its filtering with the flipped kernel. ReLU6, GELU, SiLU and so on are
other functions and keep their gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from xaitutor.attribution.gradients import gradient
from xaitutor.attribution.inputs import warn
from xaitutor.networks.layers import require_eval
from xaitutor.networks.rules import backward_rules, require_watchable, with_backward


def deconvnet(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *, score: str = "logit"
) -> Tensor:
    """The gradient with max(g, 0) at each ReLU, whatever went through it forward. (N, C, H, W), as x.

    Parameters and cost as for `gradient`. Warns where the network ran no ReLU.

    Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2014.
    """
    return _gradient_with(_deconvnet, model, x, target, score)


def guided_backprop(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *, score: str = "logit"
) -> Tensor:
    """The gradient with max(g, 0) · 1[x > 0] at each ReLU: only positive gradients flow back, and only where the input was positive.
    (N, C, H, W), as x.

    Parameters and cost as for `gradient`. Warns where the network ran no ReLU.

    Springenberg, Dosovitskiy, Brox and Riedmiller, Striving for Simplicity: The All Convolutional Net, 2014.
    """
    return _gradient_with(_guided, model, x, target, score)


def _deconvnet(relu: Callable, x: Tensor) -> Tensor:
    return with_backward(relu(x.detach()), lambda g: g.clamp(min=0), x)


def _guided(relu: Callable, x: Tensor) -> Tensor:
    y = relu(x)  # whose own way back is g · 1[x > 0]
    if y.requires_grad:
        y.register_hook(lambda g: g.clamp(min=0))
    return y


def _gradient_with(rule: Callable, model, x, target, score) -> Tensor:
    require_eval(model)
    require_watchable(model)
    with backward_rules({"relu": rule}, in_place=True) as used:
        result = gradient(model, x, target, score=score)
    if not used:
        warn("no ReLU ran in this network, so that this is the plain gradient (only relu itself has the rule)")
    return result
