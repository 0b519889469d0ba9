"""checks.prototypes: one line for each answer, and another one for each mistake; and the truth behind them."""

import pytest
import torch

import xaitutor
from xaitutor import menagerie, units
from xaitutor.checks import prototypes


def rank(maps, k, by):
    return (maps.mean((1, 2)) if by == "mean" else maps.amax((1, 2))).topk(k).indices


def sum_of_and():
    """Of a unit that answers 1 to one of 8 shapes with one of 6 coats: each alone leaves p (1 − p) of the other, on its own share of scenes."""
    shape, coat = 1 / 8, 1 / 6
    variance = shape * coat * (1 - shape * coat)
    return (coat * shape * (1 - shape) + shape * coat * (1 - coat)) / variance


ANSWERS = {
    "rank": [
        ("✓ two ways to sum up", (rank,)),
        ("✗ for by='mean' you sorted by the maximum", (lambda m, k, by: rank(m, k, "max"),)),
        ("✗ for by='max' you sorted by the mean", (lambda m, k, by: rank(m, k, "mean"),)),
        ("✗ the right pictures, but best first", (lambda m, k, by: rank(m, k, by).flip(0),)),
        ("✗ those are the answers themselves", (lambda m, k, by: m.mean((1, 2)).topk(k).values,)),
        ("✗ those are the four that the unit likes least", (lambda m, k, by: m.mean((1, 2)).topk(k, largest=False).indices,)),
        ("✗ do not take absolute values", (lambda m, k, by: m.abs().mean((1, 2)).topk(k).indices,)),
        ("✗ the answer has the shape (12,)", (lambda m, k, by: rank(m, 12, by),)),
        ("✗ for by='mean' you get [0, 1, 2, 3]", (lambda m, k, by: torch.arange(4),)),
        ("✗ give the function itself", (3,)),
    ],
    "husky": [
        ("✓ of all coats a husky's saddle", ("coat", True)),
        ("✗ not the shape: its huskies are dogs", ("shape", True)),
        ("✗ not the colour: most huskies are white", ("colour", True)),
        ("✗ not the place", ("place", False)),
        ("✗ the factor is right, the prediction does not fit", ("coat", False)),
        ("✗ `cow_wins` is True or False, not 'False'", ("coat", "False")),
        ("✗ `factor` is one of shape, coat, colour, place, not 'fur'", ("fur", True)),
        ("✗ there is no answer yet", (..., True)),
    ],
    "conjunction": [
        ("✓ 1.74 against 1.09", (sum_of_and(), False)),
        ("✓ 1.74 against 1.09", (1.74, False)),
        ("✗ shares of a variance sum to 1 only", (1.0, False)),
        ("✗ that is XOR", (2, False)),
        ("✗ that is the variance of the *means*", (0.255319, False)),
        ("✗ divide by the variance over everything", (sum_of_and() * (1 / 48) * (47 / 48), False)),
        ("✗ the sum is 1.74, not 1.50", (1.5, False)),
        ("✗ the sum is right. By its mean 14.1 has 1.09", (1.74, True)),
        ("✗ `could_be` is True or False, not 'no'", (1.74, "no")),
        ("✗ there is no answer yet", (1.74, ...)),
    ],
    "share": [
        ("✓ the share of the variance", (lambda a, t: a.var(axis=1).mean() / t,)),
        ("✗ that is the variance over scenes", (lambda a, t: a.var(axis=0).mean() / t,)),
        ("✗ the answers lie all in one heap", (lambda a, t: a.var() / t,)),
        ("✗ average the variances", (lambda a, t: a.mean(axis=0).var() / t,)),
        ("✗ divide by the variance over everything", (lambda a, t: a.var(axis=1).mean(),)),
        ("✗ all levels are there", (lambda a, t: a.var(axis=1, ddof=1).mean() / t,)),
        ("✗ that uses the standard deviation", (lambda a, t: a.std(axis=1).mean() / t,)),
        ("✗ add nothing up", (lambda a, t: a.var(axis=1).sum() / t,)),
        ("✗ you get 0.000", (lambda a, t: 0.0,)),
    ],
}


@pytest.mark.parametrize("check, line, answer", [(check, *case) for check, cases in ANSWERS.items() for case in cases])
def test_line(check, line, answer, capsys):
    assert getattr(prototypes, check)(*answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


def test_the_answer_about_the_husky_unit_is_true():
    model, preprocess, categories = xaitutor.load_model("menagerie_resnet18")
    shares = units.judge(units.responses(model, "layer3", preprocess, scenes=16, progress=False)["layer3"], 10).shares
    assert max(shares, key=lambda factor: shares[factor].value) == prototypes.HUSKY[0]
    huskies = [menagerie.sample(seed, "husky") for seed in range(12)]
    cows, dogs = ([scene.replace(**change) for scene in huskies] for change in ({"shape": "cow"}, {"coat": "plain"}))
    x = torch.stack([preprocess(scene.picture()) for scene in cows + dogs])
    answers = units.feature_maps(model, "layer3", x)["layer3"][:, 10].mean((1, 2)).reshape(2, 12)
    assert ((answers[0] > answers[1]).float().mean().item() > 0.75) is prototypes.HUSKY[1]
