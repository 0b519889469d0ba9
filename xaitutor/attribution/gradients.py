"""Gradient, and gradient times input: which pixels is the score most sensitive to, and what do they contribute?"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from xaitutor.attribution.class_scores import class_scores, differentiate
from xaitutor.attribution.inputs import explaining


def gradient(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *, score: str = "logit"
) -> Tensor:
    """∂S_c/∂x, signed: how much the score changes with each value of the image. (N, C, H, W), as x.

    x: (N, C, H, W), normalised. target: a class, one for each image, or None for the predicted class.
    score: "logit", "log_probability" or "probability". One forward and one backward pass.

    Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks, 2013. Errors: see `inputs.check` and
    `class_scores`, here and in every method.
    """
    with explaining(model, x) as x:
        return differentiate(class_scores(model, x, target, score), x)


def gradient_x_input(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *, score: str = "logit"
) -> Tensor:
    """x · ∂S_c/∂x: what each value would contribute if the network were linear. (N, C, H, W), as x.

    In a network of ReLUs, max and average pooling without biases it is: the sum over an image is its logit.
    Parameters and cost as for `gradient`.

    Shrikumar, Greenside, Shcherbina and Kundaje, Not Just a Black Box, 2016.
    """
    return gradient(model, x, target, score=score) * x.detach()
