"""Methods that must agree on a network of this kind: where they do not, the network is not what the methods take it for.

Asked of at most three pictures; what must be equal to the last digit, in double precision, of a copy of the network.
"""

from __future__ import annotations

import copy

from torch import Tensor, nn

from xaitutor.attribution import cam, grad_cam, gradient_x_input, integrated_gradients, lrp
from xaitutor.audit.cases import Case, quiet
from xaitutor.audit.findings import ALARM, DOUBT, FINE, Finding, answer

_PICTURES = 3
_EQUAL = 1e-6  # of the largest value; in double precision a healthy network has 1e-12
_COMPLETE, _INCOMPLETE = 0.05, 0.25  # 50 steps leave about 1 % on networks of ReLUs


def cam_and_grad_cam(case: Case) -> Finding:
    """Where the head is one linear layer on the averages of the last map, CAM is Grad-CAM without its ReLU, times the number of places."""
    model, x, target = _double(case)
    theirs = quiet(cam, model, x, target)
    ours = quiet(grad_cam, model, x, target, relu=False) * theirs.shape[2:].numel()
    return _same("CAM and Grad-CAM", ours, theirs)


def relevance_and_gradient(case: Case) -> Finding:
    """In a network of ReLUs, LRP-0 is Gradient × Input. It shows that both see the same steps; a gradient that lies deceives both (`complete` tells)."""
    model, x, target = _double(case)
    return _same("LRP-0 and Gradient × Input", quiet(lrp, model, x, target, rule="zero"), quiet(gradient_x_input, model, x, target))


def complete(case: Case) -> Finding:
    """Integrated Gradients add up to S(x) − S(0): the error as a share of that difference, the worst of the pictures."""
    model, x, target = case.model, case.x[:_PICTURES], case.target[:_PICTURES]
    sums = quiet(integrated_gradients, model, x, target, steps=50).flatten(1).sum(dim=1)
    at = lambda z: model(z.clone()).gather(1, target[:, None])[:, 0].detach()  # noqa: E731
    difference = at(x) - at(0 * x)
    error = ((sums - difference).abs() / difference.abs().clamp_min(1e-12)).max().item()
    if error < _COMPLETE:
        return answer(FINE, "Integrated Gradients add up to the difference of the scores.", error=error)
    return answer(ALARM if error > _INCOMPLETE else DOUBT, "Integrated Gradients do not add up to the difference of the scores: the path was sampled too coarsely, "
                  "or the network has steps without a gradient.", "Take more steps; look whether the network rounds or detaches.", error=error)


def _same(what: str, ours: Tensor, theirs: Tensor) -> Finding:
    error = ((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-300)).item()
    if error < _EQUAL:
        return answer(FINE, f"{what} agree, as they must on this network.", error=error)
    return answer(ALARM, f"{what} must agree on this network, and do not.", "Look for functions that treat a gradient in a way of their own, or in-place changes.",
                  error=error)


def _double(case: Case) -> tuple[nn.Module, Tensor, Tensor]:
    return copy.deepcopy(case.model).double(), case.x[:_PICTURES].double(), case.target[:_PICTURES]
