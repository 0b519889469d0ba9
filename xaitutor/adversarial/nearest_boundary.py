"""DeepFool: the shortest way over the nearest border between two answers, if the network were linear, again and again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xaitutor.adversarial.pixels import attacking
from xaitutor.attribution.class_scores import differentiate, logits_of
from xaitutor.attribution.inputs import at_least_one
from xaitutor.networks.layers import derivative

_LEAST = 1e-4  # in pixels: no step is shorter, or some would come nearer to a border for ever (the authors' code adds as much to each)


def deepfool(model: nn.Module, images: Tensor, *, steps: int = 50, candidates: int = 10, overshoot: float = 0.02) -> Tensor:
    """The picture just across the nearest border: x' = x + (1 + overshoot) · Σ r, cut to [0, 1]. (N, C, H, W), as images.

    With c the answer, f_k = z_k − z_c and w_k = ∂f_k/∂x, each step goes to the nearest of the linearised borders f_k = 0,

        r = |f_l| / ‖w_l‖² · w_l,    l = argmin_k |f_k| / ‖w_k‖,

    until the answer is another. For a linear network one step is the exact answer (for two classes r = −f w / ‖w‖²).

    model: takes pixels (see `of_pixels`). images: (N, C, H, W) in [0, 1]. steps: at most so many. candidates: how many classes are
    looked at, those with the highest logits at the start. overshoot: a little further than the border, 2 % in the paper.

    Where the answer has not changed after all steps, what comes back has the old answer. Cost: a step is one forward and `candidates` − 1
    backward passes.

    Moosavi-Dezfooli, Fawzi and Frossard, DeepFool: a simple and accurate method to fool deep neural networks, CVPR 2016. Raises
    TypeError and ValueError as `check_pixels`; ValueError for other numbers, or a network with one logit.
    """
    at_least_one(steps=steps, candidates=candidates)
    if candidates < 2:
        raise ValueError("candidates must be a whole number of at least 2, not 1: the answer, and another to go to")
    if not 0 <= overshoot < float("inf"):
        raise ValueError(f"overshoot is a share of the way, 0 or more, not {overshoot!r}; 0.02 is usual")
    with attacking(model, images) as x:
        start = x.detach()
        ranked = _ranked(model, start, candidates)
        moved, way, left = start.clone(), torch.zeros_like(start), torch.arange(len(start), device=x.device)
        for _ in range(steps):
            here = moved[left].requires_grad_()
            logits = logits_of(model, here)
            same = logits.argmax(dim=1) == ranked[left, 0]
            if not same.any():
                break
            step = _to_nearest(logits, here, ranked[left])
            left = left[same]
            way[left] += step[same]
            moved[left] = (start[left] + (1 + overshoot) * way[left]).clamp(0, 1)
        return moved


def _ranked(model: nn.Module, x: Tensor, candidates: int) -> Tensor:
    """The classes with the highest logits, (N, candidates or fewer), the answer first."""
    with torch.no_grad():
        logits = logits_of(model, x)
    if not logits.isfinite().all():
        raise ValueError("the model's logits are not finite: there is no border between them to go to")
    if logits.shape[1] < 2:
        raise ValueError("the model has one logit, and an answer needs at least two to choose from; "
                         "for a score f of two classes let it return (f, −f) / 2")
    return logits.argsort(dim=1, descending=True, stable=True)[:, :candidates]


def _to_nearest(logits: Tensor, x: Tensor, classes: Tensor) -> Tensor:
    """The step over the nearest linearised border of classes[:, 0], (N, C, H, W) as x."""
    gaps = logits.gather(1, classes[:, 1:]) - logits.gather(1, classes[:, :1])
    slopes = torch.stack([_slope(gap, x) for gap in gaps.unbind(dim=1)], dim=1)
    lengths = slopes.flatten(2).norm(dim=2).clamp_min(1e-12)  # a slope of 0 leads nowhere, at any distance
    distances = gaps.detach().abs() / lengths
    each, nearest = torch.arange(len(gaps), device=x.device), distances.argmin(dim=1)
    share = distances[each, nearest].clamp_min(_LEAST) / lengths[each, nearest]
    return share.view(-1, 1, 1, 1) * slopes[each, nearest]


def _slope(gap: Tensor, x: Tensor) -> Tensor:
    """∂ gap / ∂ x, and the graph stays for the next."""
    if not gap.requires_grad:
        return differentiate(gap, x)  # which says what is wrong
    return derivative(gap, x, retain_graph=True)
