"""Relevance propagation: the score is handed back, layer by layer, until it lies on the pixels.

With R = a · g, relevance is activation times "gradient", and every rule is a rule for g at the linear steps (a batch norm is merged
with the convolution before it). With z = Σ a w + b, and R the relevance of z:

    LRP-0     g stays: R · a w / z
    LRP-ε     R · a w / (z + ε sign z): what is weak is absorbed
    LRP-γ     with w + γ w⁺ in place of w (for outputs below 0 with w + γ w⁻, and the mirror image for inputs below 0)
    LRP-αβ    α R · (a w)⁺ / Σ (a w)⁺ − β R · (a w)⁻ / Σ (a w)⁻,  α − β = 1; a positive bias counts in the first sum, a negative in the second
    z⁺        α = 1, β = 0
    zᴮ        for pixels between l and h: R · (a w − l w⁺ − h w⁻) / Σ (…)

ReLU, sums, averages and reshaping keep their gradient, max pooling gives all to the winner, ReLU6 gives to z what it got.

Bach et al., On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance Propagation, PLoS ONE 2015; Montavon et
al., Explaining NonLinear Classification Decisions with Deep Taylor Decomposition, Pattern Recognition 2017, and Layer-Wise Relevance
Propagation: An Overview, 2019; Andéol et al., Learning Domain Invariant Representations by Joint Wasserstein Distance Minimization, 2021 (γ for
both signs).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.attribution.class_scores import differentiate, of_classes
from xaitutor.attribution.inputs import explaining
from xaitutor.attribution.propagation import STEPS, Step, extremes, over, scaled, watching


class Back(NamedTuple):
    """What a rule makes of g: another g that goes back through the step's own weights (`to_z`), what arrives at its input (`to_x`), or
    at the pixels, which may be 0 and have relevance all the same, `relevance` itself."""

    to_z: Tensor | None = None
    to_x: Tensor | None = None
    relevance: Tensor | None = None


Rule = Callable[[Step, Tensor, Tensor], Back]
"""rule(step, z, g), where the step has put out z, computed from its x, and g = R / z has come back."""


def zero() -> Rule:
    """LRP-0: the gradient."""
    return lambda step, z, g: Back(to_z=g)


def epsilon(size: float = 1e-6) -> Rule:
    """LRP-ε; ε carries the sign of z."""
    return lambda step, z, g: Back(to_z=g * z / (z + size * _sign(z)))


def gamma(strength: float = 0.25) -> Rule:
    """LRP-γ for inputs and outputs of both signs."""
    def rule(step: Step, z: Tensor, g: Tensor):
        given, relevance = torch.zeros_like(step.x), g * z
        for sign in (1, -1):  # outputs above 0, then below
            mine = torch.where(z * sign > 0, relevance, 0.0)
            if mine.any():
                same, other = (w + strength * w.clamp(**limit) for w, limit in ((step.weight, _only(sign)), (step.weight, _only(-sign))))
                bias = None if step.bias is None else step.bias + strength * step.bias.clamp(**_only(sign))
                given = given + _shared(step, same, other, bias, mine)
        return Back(to_x=given)
    return rule


def alpha_beta(alpha: float = 2, beta: float = 1) -> Rule:
    """LRP-αβ: what speaks for the output and what speaks against it are shared separately. α − β = 1."""
    if abs(alpha - beta - 1) > 1e-9:
        raise ValueError(f"alpha − beta must be 1, for relevance to be kept; got {alpha} − {beta}")

    def rule(step: Step, z: Tensor, g: Tensor):
        positive, negative = step.weight.clamp(min=0), step.weight.clamp(max=0)
        given = torch.zeros_like(step.x)
        for share, first, second, limit in ((alpha, positive, negative, _only(1)), (-beta, negative, positive, _only(-1))):
            if share:
                bias = None if step.bias is None else step.bias.clamp(**limit)
                given = given + _shared(step, first, second, bias, share * g * z)
        return Back(to_x=given)
    return rule


def _shared(step: Step, above: Tensor, below: Tensor, bias: Tensor | None, relevance: Tensor) -> Tensor:
    """g at the input, for relevance shared in proportion to x⁺ · above + x⁻ · below; what the bias adds to their sum is its own."""
    x = step.x.detach()
    signed = bool(x.min() < 0)  # behind a ReLU half of the work is none
    total = step.apply(x.clamp(min=0), above)
    total = total + step.apply(x.clamp(max=0), below) if signed else total
    part = over(relevance, total if bias is None else total + bias, 0.0)
    given = step.back(above, part)
    return torch.where(x > 0, given, step.back(below, part)) if signed else given


def z_box(low: float | Tensor | None = None, high: float | Tensor | None = None) -> Rule:
    """zᴮ, for pixels that lie between `low` and `high`, as `lrp` takes them."""
    def rule(step: Step, z: Tensor, g: Tensor):
        x, positive, negative = step.x.detach(), step.weight.clamp(min=0), step.weight.clamp(max=0)
        least, most = (_bound(own if limit is None else limit, x) for limit, own in zip((low, high), extremes(x)))
        if ((x < least - 1e-4) | (x > most + 1e-4)).any():
            raise ValueError(f"x has pixels outside of [low, high]: from {x.min():.3g} to {x.max():.3g}; low and high are what black and white "
                             "become, (0 − mean) / std and (1 − mean) / std")
        total = step.apply(x, step.weight) - step.apply(least, positive) - step.apply(most, negative)
        part = over(g * z, total, 0.0)
        return Back(relevance=x * step.back(step.weight, part) - least * step.back(positive, part) - most * step.back(negative, part))
    return rule


RULES = {"zero": zero(), "epsilon": epsilon(), "gamma": gamma(), "alpha2_beta1": alpha_beta(2, 1), "z_plus": alpha_beta(1, 0)}

# Which steps have which rule: the first that fits counts. "pixels" are the steps that get the picture itself, "conv", "linear" and the
# like those kinds, a pair a share of the depth, "all" the rest. "box" is zᴮ with the `low` and `high` that `lrp` is given.
_KINDS = ("pixels", "conv", *STEPS, "all")
_RESHAPED = ("CloneBackward0", "ViewBackward0", "UnsafeViewBackward0", "ReshapeAliasBackward0")  # the same numbers in another form
COMPOSITES = {
    "epsilon_plus": (("linear", "epsilon"), ("all", "z_plus")),
    "epsilon_alpha2_beta1": (("linear", "epsilon"), ("all", "alpha2_beta1")),
    "epsilon_gamma_box": (("pixels", "box"), ("linear", "epsilon"), ("all", "gamma")),
    "overview": (("pixels", "box"), ((0, 0.5), "gamma"), ((0.5, 0.9), epsilon(0.25)), ("all", "zero")),
    "deep_taylor": (("pixels", "box"), ("all", "z_plus")),
}


def lrp(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    rule: str | Rule | Sequence = "epsilon_gamma_box", low: float | Tensor | None = None, high: float | Tensor | None = None,
    on_unknown: str = "raise",
) -> Tensor:
    """The relevance of each pixel for the logit of the class. (N, C, H, W), as x.

    rule: a name of `RULES` or `COMPOSITES`, a rule (`gamma(0.1)`), or a list of (which steps, rule) as in `COMPOSITES`.
    low, high: what black and white are in the model's own units, (0 − mean) / std and (1 − mean) / std, numbers or (C, 1, 1); only for zᴮ
    at the pixels. None: the least and the largest value of each channel in each picture.
    on_unknown: for a function without a rule (softmax, gates, attention, GELU, layer norm, …), "raise" ValueError, which names it and its
    layer, or take its "gradient"; then relevance is not kept.

    Cost: one forward and one backward pass, and for γ, αβ and zᴮ up to four more convolutions a layer.
    """
    return _propagated(model, x, target, _plan(rule, low, high), on_unknown, lambda *_: None)


def deep_taylor(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    low: float | Tensor | None = None, high: float | Tensor | None = None, on_unknown: str = "raise",
) -> Tensor:
    """Deep Taylor decomposition: z⁺ in the layers, zᴮ at the pixels. (N, C, H, W), as x, and nowhere negative where the logit is positive.

    Each rule is the linear term of a Taylor expansion of the relevance R(a) = Σ max(0, a w + b) of a neuron around a root ã, where it is 0.
    z⁺: ã lies on the way from a to (a_i · 1[w_i < 0]), which is a root as soon as b ≤ 0; a_i − ã_i ∝ a_i · 1[w_i > 0], so that R_i ∝ a_i w_i⁺.
    zᴮ: on the way to (l where w > 0, h where w < 0), the corner of the box with the least output; R_i ∝ a_i w_i − l w_i⁺ − h w_i⁻.

    low, high and on_unknown as for `lrp`. Cost: one forward and one backward pass, and up to four more convolutions a layer.

    Montavon, Lapuschkin, Binder, Samek and Müller 2017.
    """
    return lrp(model, x, target, rule="deep_taylor", low=low, high=high, on_unknown=on_unknown)


class Passed(NamedTuple):
    """At one linear step, for each of N pictures: how much relevance `arrived` at its output, and how much of it it `passed` on."""

    layer: str
    arrived: Tensor
    passed: Tensor


def conservation(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    rule: str | Rule | Sequence = "epsilon_gamma_box", low: float | Tensor | None = None, high: float | Tensor | None = None,
    on_unknown: str = "raise",
) -> list[Passed]:
    """What each linear step did with the relevance, from the logit down to the pixels. Parameters as for `lrp`.

    arrived − passed is what its bias, ε or the rule's own sums took. Nothing else takes any, so that the logit, less all of these, is
    the sum of `lrp`.
    """
    found: list[Passed] = []

    def note(step: Step, z: Tensor, g: Tensor, back: Back) -> None:
        given = step.x.detach() * back.to_x if back.relevance is None else back.relevance
        found.append(Passed(step.layer, (z * g).flatten(1).sum(1), given.flatten(1).sum(1)))

    _propagated(model, x, target, _plan(rule, low, high), on_unknown, note)
    return found


def _propagated(model: nn.Module, x: Tensor, target, plan: list[tuple], on_unknown: str, note: Callable) -> Tensor:
    """The relevance of the pixels; `note` is told of each step on the way."""
    with explaining(model, x) as x:
        pixels = []

        def through(step: Step, number: int, g: Tensor) -> Tensor:
            rule = _chosen(plan, step, number, len(watch.steps), x)
            alone, z = step.again()
            back = rule(alone, z, g)
            if back.to_z is not None:
                back = Back(to_x=torch.autograd.grad(z, alone.x, back.to_z)[0])
            note(alone, z, g, back)
            if back.relevance is None:
                return back.to_x
            if not _is_picture(step.x, x):
                raise ValueError(f"the rule of the layer {step.layer} gives relevance to pixels, but this layer gets something else; "
                                 "zᴮ is for the steps called \"pixels\"")
            pixels.append(back.relevance.reshape(x.shape))
            return torch.zeros_like(step.x)

        with watching(model, _OTHERS, through, on_unknown) as watch:
            g = differentiate(of_classes(watch.logits(x), target), x)
            if any(which == "pixels" for which, _ in plan) and not any(_is_picture(step.x, x) for step in watch.steps):
                raise ValueError("no layer gets the pixels of x themselves, as the rule for \"pixels\" needs them: the model changes x first; "
                                 "let it get normalised pictures, or take a rule without \"pixels\", such as epsilon_plus")
        return x.detach() * g + sum(pixels)


def _plan(rule, low, high) -> list[tuple]:
    """Pairs of which steps and their rule, all names looked up."""
    if isinstance(rule, str) and rule not in RULES and rule not in COMPOSITES:
        raise ValueError(f"rule must be one of {', '.join((*RULES, *COMPOSITES))}, a rule, or a list of (which steps, rule), not {rule!r}")
    plan = COMPOSITES.get(rule, rule) if isinstance(rule, str) else rule
    plan = (("all", plan),) if isinstance(plan, str) or callable(plan) else plan
    box = z_box(low, high)
    return [(_which(which), box if chosen == "box" else _looked_up(chosen)) for which, chosen in plan]


def _which(which):
    if which in _KINDS or isinstance(which, tuple) and len(which) == 2:
        return which
    raise ValueError(f"which steps must be one of {', '.join(_KINDS)}, or a share of the depth such as (0, 0.5), not {which!r}")


def _looked_up(rule) -> Rule:
    if callable(rule):
        return rule
    if rule not in RULES:
        raise ValueError(f"a step's rule must be one of {', '.join((*RULES, 'box'))}, or a function, not {rule!r}")
    return RULES[rule]


def _chosen(plan, step: Step, number: int, total: int, x: Tensor) -> Rule:
    for which, rule in plan:
        share = isinstance(which, tuple) and which[0] <= number / total < which[1]
        if share or which in ("all", step.kind) or which == "conv" and step.kind in ("conv1d", "conv2d") or which == "pixels" and _is_picture(step.x, x):
            return rule
    return RULES["zero"]


def _is_picture(tensor: Tensor, x: Tensor) -> bool:
    """Whether it is the copy of x that the model was given, perhaps flattened."""
    made = tensor.grad_fn
    while made is not None and made.name() in _RESHAPED:
        made = made.next_functions[0][0]
        if getattr(made, "variable", None) is x:
            return True
    return False


def _bound(limit, x: Tensor) -> Tensor:
    limit = torch.as_tensor(limit).to(x)
    try:
        return limit.expand_as(x)
    except RuntimeError as error:
        raise ValueError(f"low and high of the shape {tuple(limit.shape)} do not fit x {tuple(x.shape)}; give numbers, or one for each "
                         "channel, (C, 1, 1)") from error


def _sign(z: Tensor) -> Tensor:
    """1 or −1; of 0 it is 1."""
    return torch.where(z < 0, -1.0, 1.0).to(z)


def _only(sign: int) -> dict[str, float]:
    return {"min": 0} if sign > 0 else {"max": 0}


def _keeping(function: Callable, z: Tensor, *options, **named) -> Tensor:
    """g · y / z, so that R = y · g at the output is R at the input."""
    y = function(z.detach(), *options, **named)
    return scaled(y, over(y, z.detach(), 0.0), z)


def _native(function: Callable, x: Tensor, *options, **named) -> Tensor:
    return function(x, *options, **named)


_OTHERS = {"relu": _native, "leaky_relu": _native, "max_pool2d": _native, "hardtanh": _keeping, "relu6": _keeping}
