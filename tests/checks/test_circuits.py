"""checks.circuits: one line for each answer, and another one for each mistake; and the truth behind them."""

import pytest
import torch
from torch.nn import functional as F

import xaitutor
from xaitutor import layers, menagerie, units
from xaitutor.checks import circuits


def maps(a, w):
    return F.conv2d(a, w[:, None], padding=1, groups=len(w))


def mean(a, unit):
    return a[:, unit].mean((1, 2))[:, None]


ANSWERS = {
    "strengths": [
        ("✓ each input for itself", lambda a, w: maps(a, w).mean((0, 2, 3))),
        ("✗ take the mean over places", lambda a, w: maps(a, w).sum((2, 3)).mean(0)),
        ("✗ average over the pictures", lambda a, w: maps(a, w).sum((0, 2, 3))),
        ("✗ at the border the window reaches outside", lambda a, w: F.conv2d(a, w[:, None], groups=4).mean((0, 2, 3))),
        ("✗ the weights alone", lambda a, w: w.sum((1, 2))),
        ("✗ the mean of the input times", lambda a, w: a.mean((0, 2, 3)) * w.sum((1, 2))),
        ("✗ no absolute values", lambda a, w: maps(a, w).abs().mean((0, 2, 3))),
        ("✗ networks do not flip", lambda a, w: maps(a, w.flip(1, 2)).mean((0, 2, 3))),
        ("✗ no ReLU here", lambda a, w: maps(a, w).relu().mean((0, 2, 3))),
        ("✗ the answer has the shape (2, 4)", lambda a, w: maps(a, w).mean((2, 3))),
        ("✗ you get 0.000, 0.000, 0.000", lambda a, w: torch.zeros(4)),
    ],
    "changes": [
        ("✓ minus the weight", lambda a, w, unit: -mean(a, unit) * w[:, unit]),
        ("✗ the sign is turned round", lambda a, w, unit: mean(a, unit) * w[:, unit]),
        ("✗ global average pooling takes the mean", lambda a, w, unit: -8 * mean(a, unit) * w[:, unit]),
        ("✗ that is the score that is left", lambda a, w, unit: a.mean((2, 3)) @ w.T - mean(a, unit) * w[:, unit]),
        ("✗ the weight alone", lambda a, w, unit: -w[:, unit].expand(3, 4)),
        ("✗ the pictures differ", lambda a, w, unit: (-mean(a, unit) * w[:, unit]).mean(0).expand(3, 4)),
        ("✗ that is the largest place", lambda a, w, unit: -a[:, unit].amax((1, 2))[:, None] * w[:, unit]),
        ("✗ the answer has the shape (3,)", lambda a, w, unit: mean(a, unit)[:, 0]),
        ("✗ you get 0.000", lambda a, w, unit: torch.zeros(3, 4)),
    ],
    "victim": [
        ("✓ it likes zebras", "giraffe"),
        ("✗ zebras are what it likes", "zebra"),
        ("✗ not the lion", "lion"),
        ("✗ there is no class 'unicorn'", "unicorn"),
        ("✗ there is no answer yet", None),
    ],
}


@pytest.mark.parametrize("check, line, answer", [(check, *case) for check, cases in ANSWERS.items() for case in cases])
def test_line(check, line, answer, capsys):
    assert getattr(circuits, check)(answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


@pytest.fixture(scope="module")
def pictures():
    """The network, 240 pictures, their labels, and the names of these."""
    model, preprocess, categories = xaitutor.load_model("menagerie_resnet18")
    data = menagerie.Dataset(240, "test", seed=1)
    x = preprocess(torch.stack([data[i][0] for i in range(240)]))
    return model, x, torch.tensor([data.label(i) for i in range(240)]), categories


def test_who_misses_unit_0_is_true(pictures):
    model, x, labels, categories = pictures
    losses = units.class_losses(model, "layer4", 0, x, labels)
    assert categories[min(losses, key=lambda k: losses[k].change)] == circuits.VICTIM


def telling(each, who):
    by_picture = each.mean((2, 3))
    return by_picture[who].mean(0) - by_picture[~who].mean(0)


def place_sums(each, who):
    return telling(each, who) * each[0, 0].numel()


def ratio(each, who):
    return each.mean((2, 3))[who].mean(0) / each.mean((2, 3))[~who].mean(0)


def absolute(each, who):
    return telling(each.mean((2, 3), keepdim=True).abs(), who)


def sums(each, who):
    return each.mean((2, 3))[who].sum(0) - each.mean((2, 3))[~who].sum(0)


@pytest.mark.parametrize("line, function, against", [
    ("✓ its patches were the ends of sofas", telling, 45),
    ("✗ that is the strength", lambda each, who: each.mean((0, 2, 3)), 45),
    ("✗ the sign is turned round", lambda each, who: telling(each, ~who), 45),
    ("✗ the mean over places, not the sum", place_sums, 45),
    ("✗ a difference, not a ratio", ratio, 45),
    ("✗ no absolute values", absolute, 45),
    ("✗ each group by its own size", lambda each, who: sums(each, who) / len(who), 45),
    ("✗ the sum over pictures favours", sums, 45),
    ("✗ that is what these pictures get", lambda each, who: each.mean((2, 3))[who].mean(0), 45),
    ("✗ subtract what the *others* get", lambda each, who: each.mean((2, 3))[who].mean(0) - each.mean((0, 2, 3)), 45),
    ("✗ you get 0.000", lambda each, who: torch.zeros(4), 45),
    ("✗ the answer has the shape (2, 4)", lambda each, who: each.mean((2, 3))[who], 45),
    ("✗ it holds sofas back less", telling, 53),
    ("✗ it gives nearly the same to both", telling, 30),
    ("✗ it gives more to sofas", telling, 57),
    ("✗ 7 is not one of our eight inputs: 57, 39", telling, 7),
    ("✗ there is no answer yet", telling, None),
])
def test_telling(line, function, against, capsys):
    assert circuits.telling(function, against) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


def test_the_circuit_and_who_works_against_it_are_true(pictures):
    model, x, labels, categories = pictures
    x, sofa = x[:120], labels[:120] == categories.index("sofa")
    with torch.no_grad(), layers.record(model, ["layer3", "layer4.0.bn1"]) as seen:
        model(x)
    bn = model.layer4[0].bn1
    w = model.layer4[0].conv1.weight[69] * bn.weight[69] / (bn.running_var[69] + bn.eps).sqrt()
    each = maps(seen["layer3"], w)
    order = each.mean((0, 2, 3)).argsort().tolist()
    assert {*order[:4], *order[-4:]} == set(circuits.CIRCUIT)
    given = telling(each, sofa)
    assert min(circuits.CIRCUIT, key=lambda j: given[j]) == circuits.AGAINST and given[circuits.AGAINST] < 0
