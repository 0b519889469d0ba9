"""checks.paths: one line for each answer, and another one for each mistake; and the truth behind them."""

import numpy as np
import pytest
import torch
from torch import nn

from xaitutor import attribution, truth
from xaitutor.checks import paths


def integrate(gradient, x, b, steps):
    alpha = ((torch.arange(steps) + 0.5) / steps).reshape(-1, 1, 1, 1)
    return (x - b) * gradient(b + alpha * (x - b)).mean(0, keepdim=True)


def by_loop(gradient, x, b, steps):
    total = torch.zeros_like(x)
    for k in range(steps):
        total += gradient(b + (k + 0.5) / steps * (x - b)) / steps
    return total * (x - b)


def at(positions):
    """The same with other positions on the path."""
    def sampled(gradient, x, b, steps):
        alpha = positions(steps).reshape(-1, 1, 1, 1)
        return (x - b) * gradient(b + alpha * (x - b)).mean(0, keepdim=True)
    return sampled


def mean(gradient, x, b, steps):
    return integrate(gradient, x, b, steps) / (x - b)


def alpha_x(gradient, x, b, steps):
    return (x - b) * mean(gradient, x, 0 * b, steps)


def gap(ig, x, b):
    return (ig.sum() - (x - b)).abs() / abs(x - b)


def two_players(neither, first, second, both):
    return (first - neither + both - second) / 2, (second - neither + both - first) / 2


ANSWERS = {
    "integrate": [
        ("✓ the mean gradient on the way", integrate),
        ("✓ the mean gradient on the way", by_loop),
        ("✗ that is the right rule", at(lambda n: (torch.arange(n) + 1) / n)),
        ("✗ that is the left rule", at(lambda n: torch.arange(n) / n)),
        ("✗ divide by `steps`", at(lambda n: torch.arange(n) + 0.5)),
        ("✗ that is the trapezoid rule", lambda g, x, b, n: (at(lambda n: torch.arange(n) / n)(g, x, b, n)
                                                             + at(lambda n: (torch.arange(n) + 1) / n)(g, x, b, n)) / 2),
        ("✗ average over the points only", lambda g, x, b, n: (x - b) * g(b + ((torch.arange(n) + 0.5) / n).view(-1, 1, 1, 1) * (x - b)).mean()),
        ("✗ your points run from 0 to 1", at(lambda n: torch.linspace(0, 1, n))),
        ("✗ multiply the mean gradient with the way", mean),
        ("✗ multiply with the way from the baseline", lambda g, x, b, n: x * mean(g, x, b, n)),
        ("✗ your baseline is 0", lambda g, x, b, n: integrate(g, x, 0 * b, n)),
        ("✗ the points lie between", alpha_x),
        ("✗ the points are baseline + α (x − baseline); yours", lambda g, x, b, n: (x - b) * mean(g, x + b, b, n)),
        ("✗ the mean of the gradients, not their sum", lambda g, x, b, n: n * integrate(g, x, b, n)),
        ("✗ the sign", lambda g, x, b, n: integrate(g, b, x, n)),
        ("✗ that is the gradient at x alone", lambda g, x, b, n: (x - b) * g(x)),
        ("✗ that is one step", lambda g, x, b, n: integrate(g, x, b, 1)),
        ("✗ that is Gradient × Input", lambda g, x, b, n: x * g(x)),
        ("✗ no absolute values", lambda *given: integrate(*given).abs()),
        ("✗ the answer has the shape (2, 3, 4), expected (1, 2, 3, 4)", lambda *given: integrate(*given)[0]),
        ("✗ the answer has the shape (4, 2, 3, 4)", lambda g, x, b, n: integrate(g, x, b, n).expand(4, 2, 3, 4)),
        ("✗ your function stops with ValueError: gradient takes", lambda g, x, b, n: g(x[0])),
        ("✗ at [", lambda g, x, b, n: torch.zeros_like(x)),
    ],
    "gap": [
        ("✓ small where the steps", gap),
        ("✓ small where the steps", lambda ig, x, b: float(abs((x - b - ig.sum()) / (x - b)))),
        ("✗ how far off", lambda ig, x, b: (ig.sum() - (x - b)) / abs(x - b)),
        ("✗ how far off", lambda ig, x, b: (ig.sum() - (x - b)).abs() / (x - b)),
        ("✗ divide by the difference of the scores, not by S(x)", lambda ig, x, b: abs(ig.sum() - (x - b)) / abs(x)),
        ("✗ divide by |S(x) − S(b)|", lambda ig, x, b: abs(ig.sum() - (x - b))),
        ("✗ divide by the difference of the scores, not by the sum",
         lambda ig, x, b: abs((ig.sum() - (x - b)) / ig.sum())),
        ("✗ S(b) is missing", lambda ig, x, b: gap(ig, x, 0)),
        ("✗ above, S(b) is missing", lambda ig, x, b: abs(ig.sum() - x) / abs(x - b)),
        ("✗ the sign", lambda ig, x, b: abs(ig.sum() + (x - b)) / abs(x - b)),
        ("✗ the sign", lambda ig, x, b: gap(ig, b, x)),
        ("✗ no absolute values of the single", lambda ig, x, b: gap(ig.abs(), x, b)),
        ("✗ the contributions' sum, not their mean", lambda ig, x, b: gap(ig.mean(), x, b)),
        ("✗ that is percent", lambda ig, x, b: 100 * gap(ig, x, b)),
        ("✗ that is the share that is explained", lambda ig, x, b: ig.sum() / (x - b)),
        ("✗ for Σ ig = 2.2, S(x) = 4.0, S(b) = 1.5 you get 9.000", lambda ig, x, b: 9),
        ("✗ one number is wanted", lambda ig, x, b: abs(ig - (x - b)) / abs(x - b)),
        ("✗ for Σ ig = 3.1,", lambda ig, x, b: max(0, ((x - b) - ig.sum()) / (x - b))),
        ("✗ the sign", lambda ig, x, b: abs(abs(ig.sum()) - abs(x - b)) / abs(x - b)),
    ],
    "two_players": [
        ("✓ the mean over both orders", two_players),
        ("✓ the mean over both orders", lambda *v: truth.shapley_values(np.array(v))),
        ("✗ that is the other player's", lambda *v: two_players(*v)[::-1]),
        ("✗ that is what each adds to an empty place", lambda n, a, b, both: (a - n, b - n)),
        ("✗ that is what is lost", lambda n, a, b, both: (both - b, both - a)),
        ("✗ the mean of the two, not their sum", lambda *v: [2 * one for one in two_players(*v)]),
        ("✗ what was there without anybody", lambda n, a, b, both: ((a + both - b) / 2, (b + both - a) / 2)),
        ("✗ that is the value with each alone", lambda n, a, b, both: (a, b)),
        ("✗ for v = 0.5, 4.0, 2.0, 10.0 you get [1.0, 2.0], expected [5.75, 3.75]; they add up to 9.5", lambda *v: (1, 2)),
        ("✗ the answer has the shape (3,), expected (2,)", lambda *v: (1, 2, 3)),
        ("✗ there is no answer yet", None),
    ],
}


@pytest.mark.parametrize("check, line, answer", [(check, *case) for check, cases in ANSWERS.items() for case in cases])
def test_line(check, line, answer, capsys):
    assert getattr(paths, check)(answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


@pytest.mark.parametrize("line, answer", [
    ("✓ exact as long as the slope", ((20, 16, 48, 0), {"line", "square"})),
    ("✓ exact as long as the slope", (torch.tensor([20.0, 16, 48, 0]), ["square", "line"])),
    ("✗ that is the slope at the end", ((20, 32, 192, 0), {"line"})),
    ("✗ that is what should come out", ((20, 16, 64, 1), set(paths.NAMES))),
    ("✗ that is the slope at the start", ((20, 0, 0, 4), {"line"})),
    ("✗ that is the slope half-way; multiply", ((5, 4, 12, 0), {"line"})),
    ("✗ the slope half-way, yes", ((10, 8, 24, 0), {"line"})),
    ("✗ for the last: at t = 2", ((20, 16, 48, 1), {"line"})),
    ("✗ that is f at t = 2", ((10, 4, 8, 1), {"line"})),
    ("✗ for the cube not 7", ((20, 16, 7, 0), {"line"})),
    ("✗ expected four numbers", (20, {"line"})),
    ("✗ there is no 'parabola'; there is line", ((20, 16, 48, 0), {"parabola"})),
    ("✗ a line has the same slope", ((20, 16, 48, 0), set())),
    ("✗ the slope of t² is a straight line", ((20, 16, 48, 0), "line")),
    ("✗ the slope of t³", ((20, 16, 48, 0), {"line", "square", "cube"})),
    ("✗ 1 should come out", ((20, 16, 48, 0), {"line", "square", "saturated"})),
    ("✗ there is no answer yet", (None, {"line"})),
])
def test_one_step(line, answer, capsys):
    assert paths.one_step(*answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


class Four(nn.Module):
    def forward(self, x):
        t = x.flatten(1)
        return torch.cat([5 * t, t**2, t**3, 1 - (1 - t).relu()], 1)


def test_the_contributions_on_paper_are_true():
    there = torch.full((1, 1, 1, 1), 4.0)
    options = dict(steps=1, rule="midpoint")
    given = [attribution.integrated_gradients(Four().eval(), there, k, **options).item() for k in range(4)]
    assert tuple(given) == paths.ONE_STEP
    right = (Four()(there) - Four()(0 * there))[0].tolist()
    assert {name for name, a, b in zip(paths.NAMES, paths.ONE_STEP, right) if a == b} == {"line", "square"}


def test_the_formula_is_that_of_the_method_and_its_gap_closes():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(18, 4)).double().eval()
    x, b = torch.randn(2, 1, 2, 4, 5, dtype=torch.float64).mul(2)

    def gradient(pictures):
        pictures = pictures.clone().requires_grad_()
        return torch.autograd.grad(model(pictures)[:, 3].sum(), pictures)[0]

    scores = (model(x)[0, 3].item(), model(b)[0, 3].item())
    coarse, fine = (integrate(gradient, x, b, steps) for steps in (5, 80))
    expected = attribution.integrated_gradients(model, x, 3, baseline=b, steps=5, rule="midpoint")
    assert torch.allclose(coarse, expected)
    assert gap(fine, *scores) < gap(coarse, *scores) / 50  # the midpoint rule: a 256th, once the steps are fine
