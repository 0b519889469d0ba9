"""checks.circuits: one line for each answer, and another one for each mistake; and the truth behind them."""

import pytest
import torch
from torch.nn import functional as F

import xaitutor
from xaitutor import menagerie, units
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


def test_who_misses_unit_0_is_true():
    model, preprocess, categories = xaitutor.load_model("menagerie_resnet18")
    data = menagerie.Dataset(240, "test", seed=1)
    x = preprocess(torch.stack([data[i][0] for i in range(240)]))
    losses = units.class_losses(model, "layer4", 0, x, torch.tensor([data.label(i) for i in range(240)]))
    assert categories[min(losses, key=lambda k: losses[k].change)] == circuits.VICTIM
