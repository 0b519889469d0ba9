"""checks.relevance: one line for each answer, and another one for each mistake."""

import pytest
import torch

from xaitutor.checks import relevance


def share(a, W, b, R, epsilon, sign=lambda z: torch.where(z < 0, -1.0, 1.0), bias=1, parts=lambda a, W: W * a):
    z = W @ a + bias * b
    return (parts(a, W) / (z + epsilon * sign(z))[:, None] * R[:, None]).sum(0)


def by_loop(a, W, b, R, epsilon):
    given = torch.zeros(len(a))
    for j in range(len(R)):
        z = float(W[j] @ a + b[j])
        for i in range(len(a)):
            given[i] += a[i] * W[j, i] / (z + epsilon if z >= 0 else z - epsilon) * R[j]
    return given


def merge(weight, bias, mean, var, gamma, beta, eps):
    scale = gamma / torch.sqrt(var + eps)
    return weight * scale.reshape(-1, 1, 1, 1), (bias - mean) * scale + beta


def merged(scale=lambda gamma, var, eps: gamma / (var + eps).sqrt(), shift=lambda b, m, s, beta: (b - m) * s + beta, weights=True):
    def function(weight, bias, mean, var, gamma, beta, eps):
        s = scale(gamma, var, eps)
        return weight * s.reshape(-1, 1, 1, 1) if weights else weight, shift(bias, mean, s, beta)
    return function


def alpha_beta(a, W, R, alpha, beta, split=lambda a, W: ((W * a).clamp(min=0), (W * a).clamp(max=0))):
    above, below = split(a, W)
    return ((alpha * above / above.sum(1, keepdim=True) - beta * below / below.sum(1, keepdim=True)) * R[:, None]).sum(0)


def pretty(picture, score):
    bright = picture.sum(0)
    return bright / bright.sum() * score


ANSWERS = {
    "share": [
        ("✓ each output's relevance", share),
        ("✓ each output's relevance", by_loop),
        ("✗ ε carries the sign of z", lambda *given: share(*given, sign=torch.ones_like)),
        ("✗ the sign of 0 is +", lambda *given: share(*given, sign=torch.sign)),
        ("✗ |z| loses", lambda a, W, b, R, e: (W * a / ((W @ a + b).abs() + e)[:, None] * R[:, None]).sum(0)),
        ("✗ ε leads away", lambda a, W, b, R, epsilon: share(a, W, b, R, -epsilon)),
        ("✗ where is ε", lambda a, W, b, R, epsilon: share(a, W, b, R, 0.0)),
        ("✗ the bias is part of z", lambda *given: share(*given, bias=0)),
        ("✗ ε, not its square", lambda a, W, b, R, epsilon: share(a, W, b, R, epsilon, sign=lambda z: z)),
        ("✗ that is what arrives at the inputs", lambda *given: share(*given, parts=lambda a, W: W)),
        ("✗ share out R", lambda a, W, b, R, epsilon: share(a, W, b, torch.ones_like(R), epsilon)),
        ("✗ no absolute values", lambda *given: share(*given, parts=lambda a, W: (W * a).abs())),
        ("✗ the parts of one output", lambda a, W, b, R, e: (W * a / ((W * a).sum(0) + e) * R[:, None]).sum(0)),
        ("✗ the answer has the shape (3,)", lambda a, W, b, R, epsilon: R),
        ("✗ at [", lambda a, W, b, R, epsilon: a),
    ],
    "merge": [
        ("✓ one linear layer", merge),
        ("✗ divide by the root", merged(lambda gamma, var, eps: gamma / (var + eps))),
        ("✗ eps stands under the root", merged(lambda gamma, var, eps: gamma / (var.sqrt() + eps))),
        ("✗ where is eps", merged(lambda gamma, var, eps: gamma / var.sqrt())),
        ("✗ where is γ", merged(lambda gamma, var, eps: 1 / (var + eps).sqrt())),
        ("✗ the convolution's bias is normalised", merged(shift=lambda b, m, s, beta: b - m * s + beta)),
        ("✗ the convolution's own bias is lost", merged(shift=lambda b, m, s, beta: beta - m * s)),
        ("✗ the mean is subtracted before", merged(shift=lambda b, m, s, beta: b * s + beta)),
        ("✗ β comes last", merged(shift=lambda b, m, s, beta: (b - m + beta) * s)),
        ("✗ β is missing", merged(shift=lambda b, m, s, beta: (b - m) * s)),
        ("✗ the bias is right; the weights", merged(weights=False)),
        ("✗ the weights are right; the bias", merged(shift=lambda b, m, s, beta: b)),
        ("✗ the bias: at [", merged(shift=lambda b, m, s, beta: 2 * beta)),
        ("✗ the weights: at [", lambda weight, *rest: (2 * weight, merge(weight, *rest)[1])),
        ("✗ expected two tensors", lambda weight, *rest: weight),
        ("✗ the answer has the shape", lambda weight, bias, *rest: (weight, weight)),
    ],
    "alpha_beta": [
        ("✓ for and against apart", alpha_beta),
        ("✗ split the products a · w, not the weights", lambda *given: alpha_beta(*given, split=lambda a, W: (W.clamp(min=0) * a, W.clamp(max=0) * a))),
        ("✗ split the products a · w, not the inputs", lambda *given: alpha_beta(*given, split=lambda a, W: (W * a.clamp(min=0), W * a.clamp(max=0)))),
        ("✗ the negative share is subtracted", lambda a, W, R, alpha, beta: alpha_beta(a, W, R, alpha, -beta)),
        ("✗ α and β are exchanged", lambda a, W, R, alpha, beta: alpha_beta(a, W, R, beta, alpha)),
        ("✗ α belongs to the first", lambda a, W, R, alpha, beta: alpha_beta(a, W, R, 1, 1)),
        ("✗ where is the negative part", lambda a, W, R, alpha, beta: alpha_beta(a, W, R, alpha, 0)),
        ("✗ each part has a denominator", lambda a, W, R, alpha, beta: (
            (alpha * (W * a).clamp(min=0) - beta * (W * a).clamp(max=0)) / (W @ a)[:, None] * R[:, None]).sum(0)),
        ("✗ share out R", lambda a, W, R, alpha, beta: alpha_beta(a, W, torch.ones_like(R), alpha, beta)),
        ("✗ at [", lambda a, W, R, alpha, beta: a),
    ],
    "pretty": [
        ("✓ it adds up", pretty),
        ("✓ it adds up", lambda picture, score: torch.full(picture.shape[1:], score / picture[0].numel())),
        ("✗ for the score 5 it adds up to", lambda picture, score: picture.sum(0)),
        ("✗ its smallest value is", lambda picture, score: (lambda p: (p - p.mean()) + score / p.numel())(10 * picture.sum(0))),
        ("✗ the map has values that are not numbers", lambda picture, score: picture.sum(0) / 0),
        ("✗ the answer has the shape (3, 6, 8)", lambda picture, score: picture),
    ],
}


@pytest.mark.parametrize("check, expected, answer", [(name, *case) for name, cases in ANSWERS.items() for case in cases],
                         ids=[f"{name}-{number}" for name, cases in ANSWERS.items() for number in range(len(cases))])
def test_answers(check, expected, answer, capsys):
    getattr(relevance, check)(answer)
    assert capsys.readouterr().out.startswith(expected)
