"""checks.gradients: one line for each answer, and another one for each mistake; and the truth behind them."""

import pytest
import torch

from xaitutor import attribution
from xaitutor.checks import gradients


def quantile(maps, q):
    return maps.flatten(1).quantile(q, 1)[:, None, None]


def scaled(maps, q):
    return (maps / quantile(maps, q)).clamp(0, 1)


def top(a):
    return a.abs().amax(1)


def stretched(maps, high):
    low = maps.amin((1, 2), keepdim=True)
    return ((maps - low) / (high - low)).clamp(0, 1)


def smooth(gradient, x, sigma, noise):
    return gradient(x + sigma * noise).mean(0, keepdim=True)


ANSWERS = {
    "by_hand": [
        ("✓ a little more of x", (-4, 7)),
        ("✓ a little more of x", torch.tensor([-4.0, 7.0])),
        ("✗ the right numbers, swapped", (7, -4)),
        ("✗ ∂f/∂x = 2xy", (4, 7)),
        ("✗ the derivative of x²", (-2, 7)),
        ("✗ 3y does not change with x", (-1, 7)),
        ("✗ 3y does not change with x", (-7, 7)),
        ("✗ ∂f/∂y = x² + 3 at x = 2", (-4, 4)),
        ("✗ the first term, x²y", (-4, 3)),
        ("✗ that is the gradient times", (-8, -7)),
        ("✗ all signs are turned round", (4, -7)),
        ("✗ that is the value of f", -7),
        ("✗ expected a pair", 3),
        ("✗ expected a pair", (1, 2, 3)),
        ("✗ the number for x is right, the one for y is not 9", (-4, 9)),
        ("✗ the number for y is right, the one for x is not 9", (9, 7)),
        ("✗ both numbers are wrong", (0, 0)),
        ("✗ your answer cannot be used", "uphill"),
        ("✗ there is no answer yet", None),
    ],
    "recipe": [
        ("✓ strong is bright", lambda a, q: scaled(top(a), q)),
        ("✓ strong is bright", lambda a, q: attribution.heatmap(a, clip=q)),
        ("✓ strong is bright", lambda a, q: scaled(top(a), q).double().numpy()),
        ("✗ each picture has its own quantile", lambda a, q: (top(a) / top(a).quantile(q)).clamp(0, 1)),
        ("✗ one quantile a picture, not one a row",
         lambda a, q: (top(a) / top(a).quantile(q, dim=2, keepdim=True)).clamp(0, 1)),
        ("✗ take the strongest channel", lambda a, q: scaled(a.abs().sum(1), q)),
        ("✗ take the strongest channel", lambda a, q: scaled(a.abs().mean(1), q)),
        ("✗ in your sum the channels cancel", lambda a, q: scaled(a.sum(1).abs(), q)),
        ("✗ absolute values first", lambda a, q: scaled(a.amax(1).abs(), q)),
        ("✗ negative values are strong, too", lambda a, q: scaled(a.amax(1), q)),
        ("✗ that is the quantile of all channels", lambda a, q: (top(a) / quantile(a.abs(), q)).clamp(0, 1)),
        ("✗ you cut at the quantile", lambda a, q: top(a).minimum(quantile(top(a), q))),
        ("✗ some values are above 1", lambda a, q: top(a) / quantile(top(a), q)),
        ("✗ a quantile, not the maximum", lambda a, q: top(a) / top(a).amax((1, 2), keepdim=True)),
        ("✗ nothing is subtracted", lambda a, q: stretched(top(a), top(a).amax((1, 2), keepdim=True))),
        ("✗ divide by the quantile, subtract nothing", lambda a, q: stretched(top(a), quantile(top(a), q))),
        ("✗ that is the quantile 1 − q", lambda a, q: scaled(top(a), 1 - q)),
        ("✗ what is above the quantile becomes 1",
         lambda a, q: torch.where(top(a) > quantile(top(a), q), 0, scaled(top(a), q))),
        ("✗ the answer has the shape (2, 1, 3, 7), expected (2, 3, 7)", lambda a, q: scaled(top(a), q)[:, None]),
        ("✗ the answer has the shape (2, 3, 3, 7)", lambda a, q: a.abs()),
        ("✗ at [", lambda a, q: torch.zeros(2, 3, 7)),
        ("✗ at [0, 0, 0] you get nan, expected 0.", lambda a, q: torch.full((2, 3, 7), torch.nan)),
        ("✗ give the function itself", 3),
    ],
    "smooth": [
        ("✓ what all noisy copies agree on", smooth),
        ("✓ what all noisy copies agree on", lambda g, x, s, noise: sum(g(x + s * e) for e in noise) / len(noise)),
        ("✗ divide by the number", lambda g, x, s, noise: g(x + s * noise).sum(0, keepdim=True)),
        ("✗ you average the noise", lambda g, x, s, noise: g(x + s * noise.mean(0))),
        ("✗ sigma is the standard deviation", lambda g, x, s, noise: smooth(g, x, s**2, noise)),
        ("✗ each noisy copy starts from x", lambda g, x, s, noise: smooth(g, x, s, noise.cumsum(0))),
        ("✗ multiply the noise by sigma", lambda g, x, s, noise: smooth(g, x, 1, noise)),
        ("✗ no absolute values: gradients that", lambda g, x, s, noise: g(x + s * noise).abs().mean(0, keepdim=True)),
        ("✗ no absolute values: the average", lambda *given: smooth(*given).abs()),
        ("✗ no squares", lambda g, x, s, noise: g(x + s * noise).square().mean(0, keepdim=True)),
        ("✗ that is the gradient of x alone", lambda g, x, s, noise: g(x)),
        ("✗ the noise goes into the picture", lambda g, x, s, noise: (g(x) + s * noise).mean(0, keepdim=True)),
        ("✗ that is the gradient of the noise alone", lambda g, x, s, noise: smooth(g, 0, s, noise)),
        ("✗ add the noise; do not multiply", lambda g, x, s, noise: smooth(g, x, s, x * noise)),
        ("✗ add the noise, x + sigma · e", lambda g, x, s, noise: smooth(g, x, -s, noise)),
        ("✗ that is one noisy picture", lambda g, x, s, noise: g(x + s * noise)[:1]),
        ("✗ the answer has the shape (2, 3, 4), expected (1, 2, 3, 4)", lambda *given: smooth(*given)[0]),
        ("✗ the answer has the shape (5, 2, 3, 4)", lambda g, x, s, noise: g(x + s * noise)),
        ("✗ your function stops with ValueError: gradient takes pictures", lambda g, x, s, noise: g(x[0])),
        ("✗ at [", lambda g, x, s, noise: torch.zeros_like(x)),
    ],
}


@pytest.mark.parametrize("check, line, answer", [(check, *case) for check, cases in ANSWERS.items() for case in cases])
def test_line(check, line, answer, capsys):
    assert getattr(gradients, check)(answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


def test_the_gradient_on_paper_is_true(capsys):
    point = torch.tensor([2.0, -1.0], requires_grad=True)
    x, y = point
    (x**2 * y + 3 * y).backward()
    gradients.by_hand(point.grad)
    assert capsys.readouterr().out.startswith("✓")


def test_the_gradient_that_is_smoothed_is_one():
    p = torch.randn(3, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    (p**4 / 4 - p * p.flip(3)).sum().backward()
    assert torch.allclose(p.grad, gradients.cubic(p.detach()))


@pytest.mark.parametrize("line, answer", [
    ("✓ with two classes a heatmap of the probability", (-1, 1)),
    ("✓ with two classes a heatmap of the probability", (torch.tensor(-0.99999), 1.0)),
    ("✗ p₂ = 1 − p₁", (1, 1)),
    ("✗ −1 with signs, yes", (-1, -1)),
    ("✗ swapped", (1, -1)),
    ("✗ the two are not independent", (0, 0)),
    ("✗ the two are not independent", (0, 1)),
    ("✗ these are the logits", (-0.34, 0.63)),
    ("✗ not -0.80 and 0.90", (-0.8, 0.9)),
    ("✗ a correlation lies between", (-2, 1)),
    ("✗ there is no answer yet", (-1, None)),
])
def test_two_classes(line, answer, capsys):
    assert gradients.two_classes(*answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


def test_two_probabilities_have_opposite_gradients(capsys):
    torch.manual_seed(0)
    model, x = torch.nn.Linear(6, 2), torch.randn(1, 6, requires_grad=True)
    p = model(x).softmax(1)[0]
    pair = torch.cat([torch.autograd.grad(one, x, retain_graph=True)[0] for one in p])
    gradients.two_classes(torch.corrcoef(pair)[0, 1], torch.corrcoef(pair.abs())[0, 1])
    assert capsys.readouterr().out.startswith("✓")
