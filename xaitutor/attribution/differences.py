"""DeepLIFT and Deep SHAP: how each pixel's difference from a reference explains the difference of the scores.

Picture and reference run through the network as one batch. With Δ for the difference of the two, each function hands a *multiplier* back,
such that multiplier × Δ adds up to what arrived:

    linear                              its gradient
    ReLU, leaky ReLU, ReLU6: Rescale    Δy / Δz, and the gradient where Δz is nearly 0
                       RevealCancel     Δy⁺ / Δz⁺ for what raises z, Δy⁻ / Δz⁻ for what lowers it, with
                                        Δy⁺ = ½ [f(z₀ + Δz⁺) − f(z₀)] + ½ [f(z₀ + Δz⁺ + Δz⁻) − f(z₀ + Δz⁻)], and Δy⁻ its mirror image
    max pooling                         with m = max(y, y_ref): (m − y_ref) for the winner of the picture and (y − m) for that of the
                                        reference, both divided by Δx there

So Σ multiplier · Δx = S(x) − S(reference), and saturation costs nothing: where a gradient is 0, a difference is not.

Shrikumar, Greenside and Kundaje, Learning Important Features Through Propagating Activation Differences, ICML 2017;
Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xaitutor.attribution.class_scores import chosen_classes, decide, differentiate, of_classes
from xaitutor.attribution.copies import Copy, weighted_sum
from xaitutor.attribution.inputs import at_least_one, explaining
from xaitutor.attribution.paths import start_of
from xaitutor.attribution.propagation import Watch, extremes, over, scaled, watching
from xaitutor.networks.rules import with_backward

_NEARLY = 1e-6  # of the values themselves: a smaller difference is float32's rounding


def deeplift(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    reference: float | Tensor | Callable | None = None, rule: str = "rescale", on_unknown: str = "raise",
) -> Tensor:
    """(x − reference) times the multipliers; adds up to S_c(x) − S_c(reference). (N, C, H, W), as x.

    reference: as the `baseline` of `integrated_gradients`; None is 0, after normalising the data set's mean colour. The score is the logit.
    rule: "rescale", or "reveal_cancel", which sees what cancels before a ReLU: there positive and negative contributions of the
    convolution or matrix before it have multipliers of their own (where none is before it, as after a sum, it is Rescale).
    on_unknown: for a function that is neither linear nor has a rule (softmax, gates, attention, GELU, layer norm, …), "raise" ValueError,
    which names it and its layer, or take its "gradient"; then nothing need add up.

    Cost: one forward and one backward pass of twice as many pictures.
    """
    if rule not in ("rescale", "reveal_cancel"):
        raise ValueError(f"rule must be 'rescale' or 'reveal_cancel', not {rule!r}")
    with explaining(model, x) as x:
        x = x.detach()
        return _differences(model, x, start_of(x, reference), target, on_unknown, rule)


def deep_shap(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    references: Tensor | None = None, batch_size: int = 16, on_unknown: str = "raise", progress: bool = True,
) -> Tensor:
    """The mean of `deeplift` over several references; adds up to S_c(x) − mean S_c(reference). (N, C, H, W), as x.

    references: (M, C, H, W), pictures like those that x was drawn from, if the mean shall stand for what the network usually sees. None:
    three plain ones for each picture: the least value of each channel, 0 (after normalising the data set's mean colour), the largest.

    For a network that is a sum of functions of one input each these are the Shapley values exactly; else they are near them as far as
    it is nearly linear. batch_size: pairs of picture and reference in memory at a time. Cost: M times that of `deeplift`.
    """
    at_least_one(batch_size=batch_size)
    with explaining(model, x) as x:
        x = x.detach()
        start = _several(references, x)
        target = decide(model, x, target, batch_size)
        attribute = lambda pairs, index: _differences(model, pairs[:, 0], pairs[:, 1], target[index], on_unknown)  # noqa: E731
        return weighted_sum(attribute, _pairs(x, start), len(x), start[:, :, 0, 0, 0].numel(), batch_size, progress)


def _several(references, x: Tensor) -> Tensor:
    """(N, M, C, H, W): M references for each picture."""
    if references is None:
        least, most = extremes(x)
        return torch.stack([colour.expand_as(x) for colour in (least, torch.zeros_like(least), most)], dim=1)
    if not isinstance(references, Tensor) or references.ndim != 4 or references.shape[1:] != x.shape[1:] or not len(references):
        got = tuple(references.shape) if isinstance(references, Tensor) else type(references).__name__
        raise ValueError(f"references must be a tensor (M, C, H, W) of pictures of the size of x, {tuple(x.shape[1:])}, not {got}")
    return torch.cat([start_of(x[:1], one) for one in references]).expand(len(x), *references.shape)


def _pairs(x: Tensor, references: Tensor) -> Iterator[Copy]:
    for index, image in enumerate(x):
        for one in references[index]:
            yield Copy(index, 1 / len(references[index]), torch.stack([image, one]))


def _differences(model: nn.Module, x: Tensor, reference: Tensor, target, on_unknown: str, rule: str = "rescale") -> Tensor:
    both = torch.cat([x, reference]).requires_grad_()
    revealed = {name: lambda *args, **named: _revealed(watch, *args, **named) for name in _ELEMENTWISE}
    with watching(model, RULES | (revealed if rule == "reveal_cancel" else {}), on_unknown=on_unknown) as watch:
        outputs = watch.logits(both)
        classes = chosen_classes(outputs[: len(x)], target)
        multipliers = differentiate(of_classes(outputs, classes.repeat(2)), both)
    return (x - reference) * multipliers[: len(x)]


def _elementwise(function: Callable, z: Tensor, *options, **named) -> Tensor:
    """Δy / Δz for both halves; where Δz is nearly 0, the mean of the two gradients."""
    with torch.enable_grad():
        point = z.detach().requires_grad_()
        y = function(point, *options, **named)
        (slope,) = torch.autograd.grad(y.sum(), point)
    z = z if z.requires_grad else z.detach()
    (z_in, z_ref), (y_in, y_ref), slopes = point.detach().chunk(2), y.detach().chunk(2), slope.chunk(2)
    tiny = _NEARLY * (z_in.abs() + z_ref.abs())
    multiplier = over(y_in - y_ref, z_in - z_ref, tiny, (slopes[0] + slopes[1]) / 2)
    return scaled(y, multiplier.repeat(2, *[1] * (y.ndim - 1)), z)


def _revealed(watch: Watch, function: Callable, z: Tensor, *options, **named) -> Tensor:
    """Straight from the output of the function to the input of the linear step before it."""
    step = watch.step_of(z)
    if step is None:
        return _elementwise(function, z, *options, **named)
    f = lambda point: function(point, *options, **named)  # noqa: E731
    z_in, z_ref = z.detach().chunk(2)
    x_in, x_ref = step.x.detach().chunk(2)
    change, positive, negative = x_in - x_ref, step.weight.clamp(min=0), step.weight.clamp(max=0)
    up = step.apply(change.clamp(min=0), positive) + step.apply(change.clamp(max=0), negative)
    down = step.apply(change.clamp(min=0), negative) + step.apply(change.clamp(max=0), positive)
    gain = (f(z_ref + up) - f(z_ref) + f(z_ref + up + down) - f(z_ref + down)) / 2
    loss = (f(z_ref + down) - f(z_ref) + f(z_ref + up + down) - f(z_ref + up)) / 2
    for_up, for_down = over(gain, up, _NEARLY * z_ref.abs()), over(loss, down, _NEARLY * z_ref.abs())

    def backward(g):
        g = g[: len(z_in)]
        half = step._replace(x=x_in)
        rising = half.back(positive, g * for_up) + half.back(negative, g * for_down)
        falling = half.back(negative, g * for_up) + half.back(positive, g * for_down)
        given = torch.where(change > 0, rising, torch.where(change < 0, falling, (rising + falling) / 2))
        return given.repeat(2, *[1] * (given.ndim - 1))

    return with_backward(f(z.detach()), backward, step.x)


def _max_pool(function: Callable, x: Tensor, *options, **named) -> Tensor:
    values, places = F.max_pool2d_with_indices(x.detach(), *options, **named)
    (y, y_ref), (won, won_ref) = values.chunk(2), places.chunk(2)
    largest = torch.maximum(y, y_ref)
    gain, loss = (largest - y_ref).flatten(2), (y - largest).flatten(2)
    x_in, x_ref = x.detach().flatten(2).chunk(2)

    def backward(g):
        g = g[: len(gain)].flatten(2)
        given = torch.zeros_like(x_in)
        given.scatter_add_(2, won.flatten(2), gain * g)
        given.scatter_add_(2, won_ref.flatten(2), loss * g)
        return over(given, x_in - x_ref, 0.0).reshape(len(given), *x.shape[1:]).repeat(2, 1, 1, 1)

    return with_backward(values, backward, x)


_ELEMENTWISE = ("relu", "leaky_relu", "hardtanh", "relu6")
RULES = dict.fromkeys(_ELEMENTWISE, _elementwise) | {"max_pool2d": _max_pool}
