"""FGSM: one step of all pixels at once, each by the same size, in the direction that raises the loss."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from xaitutor.adversarial.pixels import attacking, check_size
from xaitutor.attribution.class_scores import class_scores, differentiate


def fgsm(
    model: nn.Module, images: Tensor, labels: int | Sequence[int] | Tensor | None = None, *, size: float,
    target: int | Sequence[int] | Tensor | None = None,
) -> Tensor:
    """x' = x + ε · sign ∂L/∂x, cut to [0, 1], with L = −log p_label: no pixel moves by more than ε = `size`. (N, C, H, W), as images.

    model: takes pixels (see `of_pixels`). images: (N, C, H, W) in [0, 1]. size: in (0, 1], shares of white; 8/255 is usual.
    labels: the class to get away from, one for all or one for each; None: the class that the model says.
    target: the class to get to, instead: x' = x − ε · sign ∂L/∂x with L = −log p_target.

    On a linear score wᵀx it changes exactly ε‖w‖₁, and no other change of this size does more. Cost: one forward and one backward pass.

    Goodfellow, Shlens and Szegedy, Explaining and Harnessing Adversarial Examples, ICLR 2015. Raises TypeError and ValueError as
    `check_pixels`, and ValueError for another size, or labels and a target.
    """
    check_size(size)
    if labels is not None and target is not None:
        raise ValueError("give labels, to get away from them, or a target, to get there, not both")
    with attacking(model, images) as x:
        score = class_scores(model, x, labels if target is None else target, "log_probability")
        direction = differentiate(score, x).sign()
        return (x.detach() + (size if target is not None else -size) * direction).clamp(0, 1)
