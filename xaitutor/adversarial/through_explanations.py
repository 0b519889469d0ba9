"""Differentiate an explanation itself: how does the heatmap change with the picture?

A method is a gradient of the network, and forgets on purpose how it came about. Inside `keeping_track` it does not forget: `detach` detaches
nothing, and `torch.autograd.grad` keeps the graph of what it computes. So the course's own methods are attacked, and no copies of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

from xaitutor.networks.rules import backward_rules, each_call


@contextmanager
def keeping_track(smooth: float | None = None) -> Iterator[None]:
    """Inside the block the attributions of a picture that asks for gradients can be differentiated by it.

    smooth: β of softplus_β(x) = log(1 + exp(β x)) / β, which runs in place of each ReLU (Dombrowski et al. 2019: a ReLU's second derivative is 0 almost
    everywhere, so that the gradient of a heatmap vanishes or jumps); None leaves the ReLUs.
    """
    rules = {} if smooth is None else {"relu": lambda relu, x: F.softplus(x, beta=smooth)}
    with torch.enable_grad(), backward_rules(rules), each_call(_remember):
        yield


def _remember(function, args, kwargs):
    if function is torch.autograd.grad:
        kwargs["create_graph"] = True
    if function is Tensor.detach:
        return args[0].clone()  # and no alias: a ReLU in place may overwrite what is detached
    if function is torch._C._set_grad_enabled:  # by no_grad, of a method that asks for no gradient
        return None
    return function(*args, **kwargs)
