"""checks.contributions: one line for each answer, and another one for each mistake; and the truth behind them."""

import pytest
import torch

import xaitutor
from xaitutor import attribution, menagerie
from xaitutor.checks import contributions


def gradient(model, x, score):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(score(model(x)), x)[0]


def of(target):
    return lambda logits: logits[:, target].sum()


def total(score):
    """Gradient × Input of some score of the logits, added up."""
    return lambda model, x, target: (gradient(model, x, lambda s: score(s, target).sum()) * x).sum((1, 2, 3))


def right(model, x, target):
    return attribution.gradient_x_input(model, x, target).sum((1, 2, 3))


def by_backward(model, x, target):
    x.requires_grad_()
    model(x)[:, target].sum().backward()
    return (x * x.grad).sum((1, 2, 3))


ANSWERS = {
    "by_hand": [
        ("✓ together 22", (14, 8)),
        ("✗ that is the gradient", (7, 2)),
        ("✗ the right numbers, swapped", (8, 14)),
        ("✗ you multiply each derivative with the other", (28, 4)),
        ("✗ multiply with the input, do not add", (9, 6)),
        ("✗ that gives half of xy to each", (10, 4)),
        ("✗ xy changes with x, too", (6, 8)),
        ("✗ y contributes, too", (14, 0)),
        ("✗ the 3x is missing", (8, 8)),
        ("✗ that is the value of f", 14),
        ("✗ give the two contributions", 22),
        ("✗ the number for x is right, the one for y is not 1", (14, 1)),
        ("✗ there is no answer yet", ...),
    ],
    "total": [
        ("✓ without biases", right),
        ("✓ without biases", total(lambda s, c: s[:, c])),
        ("✗ those are the logits", lambda model, x, c: model(x)[:, c]),
        ("✗ that is the sum of the gradient", lambda model, x, c: gradient(model, x, of(c)).sum((1, 2, 3))),
        ("✗ multiply first, place by place",
         lambda model, x, c: gradient(model, x, of(c)).sum((1, 2, 3)) * x.sum((1, 2, 3))),
        ("✗ no absolute values", lambda model, x, c: (gradient(model, x, of(c)) * x).abs().sum((1, 2, 3))),
        ("✗ the gradient keeps its sign", lambda model, x, c: (gradient(model, x, of(c)).abs() * x).sum((1, 2, 3))),
        ("✗ the sum over the picture, not the mean\n", lambda *given: right(*given) / 192),
        ("✗ the sum over the picture, not the mean over its places", lambda *given: right(*given) / 64),
        ("✗ differentiate the sum over the pictures",
         lambda model, x, c: (gradient(model, x, lambda s: s[:, c].mean()) * x).sum((1, 2, 3))),
        ("✗ all pictures in one sum", lambda *given: right(*given).sum().expand(4)),
        ("✗ the answer has the shape (), expected (4,)", lambda *given: right(*given).sum()),
        ("✗ the answer has the shape (4, 3, 8, 8)", attribution.gradient_x_input),
        ("✗ the gradient of the class `target` alone", total(lambda s, c: s)),
        ("✗ the gradient of the class `target`, not of the predicted", total(lambda s, c: s.amax(1))),
        ("✗ the gradient of the logit, not of the probability", total(lambda s, c: s.softmax(1)[:, c])),
        ("✗ the gradient of the logit, not of the log-probability", total(lambda s, c: s.log_softmax(1)[:, c])),
        ("✗ the numbers are right, but backward()", by_backward),
        ("✗ at [", lambda model, x, c: torch.zeros(4)),
    ],
    "blind": [
        ("✓ what has exactly", lambda x: (x == 0).all(1)),
        ("✓ what has exactly", lambda x: x.abs().sum(1) == 0),
        ("✗ one channel at zero is not enough", lambda x: (x == 0).any(1)),
        ("✗ one channel at zero is not enough", lambda x: x.prod(1) == 0),
        ("✗ channels that cancel", lambda x: x.sum(1) == 0),
        ("✗ black is not zero", lambda x: (x == x.amin((0, 2, 3), keepdim=True)).all(1)),
        ("✗ black is not zero", lambda x: x.sum(1) == x.sum(1).min()),
        ("✗ negative values are multiplied", lambda x: (x < 0).all(1)),
        ("✗ a negative channel is multiplied", lambda x: (x < 0).any(1)),
        ("✗ only zero is lost; you also take", lambda x: (x <= 0).all(1)),
        ("✗ not only the largest channel", lambda x: x.amax(1) == 0),
        ("✗ exactly zero", lambda x: torch.isclose(x, torch.zeros(()), atol=0.002).all(1)),
        ("✗ turned round", lambda x: (x != 0).any(1)),
        ("✗ the answer has the shape (2, 3, 2, 3), expected (2, 2, 3)", lambda x: x == 0),
        ("✗ the answer has the shape (2, 1, 2, 3)", lambda x: (x == 0).all(1, keepdim=True)),
        ("✗ the answer holds torch.float32", lambda x: (x == 0).all(1).float()),
        ("✗ you say False for the pixel [0.0, 0.0, 0.0], expected True", lambda x: torch.zeros(2, 2, 3) > 0),
    ],
}


@pytest.mark.parametrize("check, line, answer", [(check, *case) for check, cases in ANSWERS.items() for case in cases])
def test_line(check, line, answer, capsys):
    assert getattr(contributions, check)(answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


def test_the_contributions_on_paper_are_true(capsys):
    point = torch.tensor([2.0, 4.0], requires_grad=True)
    x, y = point
    (3 * x + x * y).backward()
    contributions.by_hand(point.grad * point)
    assert capsys.readouterr().out.startswith("✓")


@pytest.mark.parametrize("bias", [False, True])
def test_they_add_up_to_the_logit_without_biases_only(bias):
    model, x = contributions.network(bias), torch.randn(5, 3, 8, 8)
    assert torch.allclose(right(model, x, 3), model(x)[:, 3], atol=1e-5) is not bias


def test_the_networks_are_always_the_same_and_leave_the_random_numbers_alone():
    before = torch.random.get_rng_state()
    first, second = (contributions.network(True).state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("line, answer", [
    ("✓ it adds up now, and says the opposite", (1.0, 12)),
    ("✗ the factor is 5.08 / −1.45", (0, 12)),
    ("✗ one factor for the whole map", (0.5, 12)),
    ("✗ a share lies between 0 and 1", (100, 12)),
    ("✗ only where the sum is negative", (1, 24)),
    ("✗ our zebra's sum is negative", (1, 0)),
    ("✗ that is where the pixels hold *more*", (1, 1)),
    ("✗ asked is where the sum is negative", (1, 23)),
    ("✗ explain each picture for its own class", (1, 11)),
    ("✗ not 7", (1, 7)),
    ("✗ there is no answer yet", (1, None)),
])
def test_repair(line, answer, capsys):
    assert contributions.repair(*answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


def test_how_many_maps_the_repair_turns_is_true():
    model, preprocess, _ = xaitutor.load_model("menagerie_resnet18")
    data = menagerie.Dataset(24, "test")
    x = preprocess(torch.stack([data[i][0] for i in range(24)]))
    sums = attribution.gradient_x_input(model, x, [data.label(i) for i in range(24)]).sum((1, 2, 3))
    assert (sums < 0).sum() == contributions.TURNED
