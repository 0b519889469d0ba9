"""Checks of notebook 15: relevance shared in one layer, a batch norm merged, αβ for inputs of both signs, and what adds up and is nonsense."""

from __future__ import annotations

import torch

from xaitutor.checks.answers import recognise, shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check


@check
def share(function) -> str:
    """Exercise 15.1: `function(a, W, b, R, epsilon)`: relevance (n,) of the inputs a (n,) of a layer W (m, n), b (m,), by LRP-ε."""
    draw = torch.Generator().manual_seed(20)
    a, W, R = torch.tensor([0.5, -1, 2, 1.5]), torch.randn(4, 4, generator=draw), torch.randn(4, generator=draw)
    W[3] = torch.tensor([2, 1, 0.5, 2])
    b = torch.tensor([0.3, -0.02, 1.5, 0]) - W @ a  # what z becomes; the last one exactly, in whatever order it is added up
    size, layer = 0.1, (W, b, R)
    for outputs in (3, 4):
        W, b, R = (part[:outputs] for part in layer)
        parts, z = W * a, W @ a + b
        answer = shaped(call(function, a.clone(), W.clone(), b.clone(), R.clone(), size), (4,), "one number for each input")
        sign = torch.where(z < 0, -1.0, 1.0)
        given = lambda total, parts=parts, R=R: (parts / total[:, None] * R[:, None]).sum(0)  # noqa: E731
        compare(answer, given(z + size * sign), {
            "ε carries the sign of z: where z is negative, subtract it": given(z + size),
            "the sign of 0 is +, and torch.sign(0) is 0: you divide by 0": given(z + size * z.sign()),
            "|z| loses the sign of z: a negative z stays negative": given(z.abs() + size),
            "ε leads away from 0, not towards it": given(z - size * sign),
            "where is ε? It keeps the division away from 0": given(z),
            "the bias is part of z": given(W @ a + size * torch.where(W @ a < 0, -1.0, 1.0)),
            "ε, not its square or its absolute share: z + ε · sign(z)": given(z + size * z),
            "that is what arrives at the inputs before it is multiplied with them: shares are of a · w": given(z + size * sign, W),
            "share out R, not z: multiply each share by the relevance of its output": (parts / (z + size * sign)[:, None]).sum(0),
            "no absolute values: a part may speak against": given(z + size * sign, parts.abs()),
            "the parts of one output are divided by the z of that output; yours by the sum over the outputs":
                (parts / (parts.sum(0) + size) * R[:, None]).sum(0),
        })
    return "each output's relevance, in proportion to what made it; the bias and ε keep theirs"


@check
def merge(function) -> str:
    """Exercise 15.2: `function(weight, bias, mean, var, gamma, beta, eps)`: convolution and batch norm as one layer, (weight, bias)."""
    draw = torch.Generator().manual_seed(21)
    weight, bias, mean, beta, gamma = (torch.randn(size, generator=draw) for size in ((3, 2, 2, 2), (3,), (3,), (3,), (3,)))
    var, eps = torch.tensor([0.2, 1.7, 3.0]), 0.1
    answer = call(function, *(t.clone() for t in (weight, bias, mean, var, gamma, beta)), eps)
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Wrong(f"expected two tensors, the new weights and the new bias, not {type(answer).__name__}")
    found = shaped(answer[0], (3, 2, 2, 2), "new weights, one for each old one"), shaped(answer[1], (3,), "one bias for each channel")
    scale = gamma / (var + eps).sqrt()

    def together(scale, shift):
        return torch.cat([(weight * scale[:, None, None, None]).flatten(), shift])

    recognise(torch.cat([found[0].flatten(), found[1]]), {
        "divide by the root of the variance, not by the variance": together(gamma / (var + eps), (bias - mean) * gamma / (var + eps) + beta),
        "eps stands under the root, beside the variance": (lambda s: together(s, (bias - mean) * s + beta))(gamma / (var.sqrt() + eps)),
        "where is eps? It stands under the root": (lambda s: together(s, (bias - mean) * s + beta))(gamma / var.sqrt()),
        "where is γ? It scales what was normalised": (lambda s: together(s, (bias - mean) * s + beta))((var + eps).rsqrt()),
        "the convolution's bias is normalised, too: (bias − mean) · scale + β": together(scale, bias - mean * scale + beta),
        "the convolution's own bias is lost": together(scale, beta - mean * scale),
        "the mean is subtracted before anything is scaled": together(scale, bias * scale + beta),
        "β comes last, and is not scaled": together(scale, (bias - mean + beta) * scale),
        "β is missing": together(scale, (bias - mean) * scale),
        "the bias is right; the weights have to be scaled, channel by channel": together(torch.ones(3), (bias - mean) * scale + beta),
        "the weights are right; the bias stays not what it was": together(scale, bias),
    })
    for what, mine, right in (("weights", found[0], weight * scale[:, None, None, None]), ("bias", found[1], (bias - mean) * scale + beta)):
        try:
            compare(mine, right)
        except Wrong as wrong:
            raise Wrong(f"the {what}: {wrong}") from None
    return "one linear layer where there were two"


@check
def alpha_beta(function) -> str:
    """Exercise 15.3: `function(a, W, R, alpha, beta)`: relevance (n,) of inputs a (n,) of both signs, of a layer W (m, n) without bias."""
    draw = torch.Generator().manual_seed(32)
    a, W, R = (torch.randn(size, generator=draw) for size in ((8,), (3, 8), (3,)))
    alpha, beta = 2.0, 1.0
    answer = shaped(call(function, a.clone(), W.clone(), R.clone(), alpha, beta), (8,), "one number for each input")
    parts = W * a

    def given(above, below, alpha=alpha, beta=beta):
        shares = alpha * above / above.sum(1, keepdim=True) - beta * below / below.sum(1, keepdim=True)
        return (shares * R[:, None]).sum(0)

    above, below = parts.clamp(min=0), parts.clamp(max=0)
    compare(answer, given(above, below), {
        "split the products a · w, not the weights: an input below 0 turns them round": given(W.clamp(min=0) * a, W.clamp(max=0) * a),
        "split the products a · w, not the inputs": given(W * a.clamp(min=0), W * a.clamp(max=0)),
        "the negative share is subtracted: α … − β …": given(above, below, alpha, -beta),
        "α and β are exchanged": given(above, below, beta, alpha),
        "α belongs to the first, β to the second; yours has neither": given(above, below, 1, 1),
        "where is the negative part?": given(above, below, alpha, 0),
        "each part has a denominator of its own; yours is divided by z": ((alpha * above - beta * below) / parts.sum(1, keepdim=True) * R[:, None]).sum(0),
        "share out R: multiply by the relevance of each output":
            (alpha * above / above.sum(1, keepdim=True) - beta * below / below.sum(1, keepdim=True)).sum(0),
    })
    return "for and against apart; with α − β = 1 it adds up"


@check
def pretty(function) -> str:
    """Exercise 15.4: `function(picture, score)`: a map (H, W) for a picture (3, H, W), nowhere negative, that adds up to the score."""
    draw = torch.Generator().manual_seed(23)
    for size, score in (((3, 6, 8), 5.0), ((3, 9, 4), 0.25)):
        picture = torch.rand(size, generator=draw)
        answer = shaped(call(function, picture.clone(), score), size[1:], "one number for each place, the three colours are one")
        answer = answer.double()
        if not answer.isfinite().all():
            raise Wrong("the map has values that are not numbers: did you divide by 0?")
        if (answer < 0).any():
            raise Wrong(f"its smallest value is {answer.min():.3g}; nothing may speak against")
        if abs(answer.sum().item() - score) > 1e-3 * score:
            raise Wrong(f"for the score {score:g} it adds up to {answer.sum().item():.4g}: divide by the sum, and multiply by the score")
    return "it adds up, it is positive, and it has never seen the network"
