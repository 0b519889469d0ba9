"""checks.stand_ins: one line for each answer, and another one for each mistake."""

import itertools
from math import comb

import numpy as np
import pytest
import torch

from xaitutor.checks import stand_ins


def coalition(x, behind, labels, there):
    return torch.where(there.bool()[labels], x, behind)


def in_place(x, behind, labels, there):
    hidden = ~there.bool()[labels]
    x[:, hidden] = behind[:, hidden]
    return x


def shapley(value, count=3):
    phi = torch.zeros(count)
    for order in itertools.permutations(range(count)):
        for place, player in enumerate(order):
            phi[player] += value({*order[:place + 1]}) - value({*order[:place]})
    return phi / 6


def by_place(value):
    orders = list(itertools.permutations(range(3)))
    return torch.tensor([sum(value(order[:k + 1]) - value(order[:k]) for order in orders) / 6 for k in range(3)])


def alone(value):
    return torch.tensor([float(value({p}) - value(set())) for p in range(3)])


def last(value):
    return torch.tensor([float(value({0, 1, 2}) - value({0, 1, 2} - {p})) for p in range(3)])


def equally(value):
    phi = torch.zeros(3)
    for p in range(3):
        others = [q for q in range(3) if q != p]
        for subset in ((), others[:1], others[1:], others):
            phi[p] += (value({*subset, p}) - value({*subset})) / 4
    return phi


def lime_fit(there, values, kernel):
    root = np.sqrt(kernel)
    return np.linalg.lstsq(np.c_[np.ones(len(there)), there] * root[:, None], values * root, rcond=None)[0]


def without_constant(there, values, kernel):
    root = np.sqrt(kernel)
    return np.r_[0, np.linalg.lstsq(there * root[:, None], values * root, rcond=None)[0]]


ANSWERS = {
    "coalition": [
        ("✓ each region comes from one of two", coalition),
        ("✗ you write into x itself", in_place),
        ("✗ the other way round", lambda x, behind, labels, there: coalition(behind, x, labels, there)),
        ("✗ hidden places are not 0", lambda x, behind, labels, there: coalition(x, 0 * behind, labels, there)),
        ("✗ that hides pixels by their label", lambda x, behind, labels, there: torch.where(labels == 1, x, behind)),
        ("✗ that is the picture itself", lambda x, *rest: x.clone()),
    ],
    "weight": [
        ("✓ nearly nobody", lambda r, s: (r - 1) / (comb(r, s) * s * (r - s))),
        ("✗ that is all coalitions", lambda r, s: (r - 1) / (s * (r - s))),
        ("✗ without the R − 1", lambda r, s: 1 / (comb(r, s) * s * (r - s))),
        ("✗ below stands s", lambda r, s: (r - 1) / comb(r, s)),
        ("✗ below stands R − s", lambda r, s: (r - 1) / (comb(r, s) * s * r)),
        ("✗ upside down", lambda r, s: comb(r, s) * s * (r - s) / (r - 1)),
    ],
    "shapley": [
        ("✓ the mean over six orders", shapley),
        ("✗ that is what each does alone", alone),
        ("✗ that is what each does when it comes last", last),
        ("✗ alone and last are two", lambda value: (alone(value) + last(value)) / 2),
        ("✗ the four coalitions do not count the same", equally),
        ("✗ the sum over the orders", lambda value: 6 * shapley(value)),
        ("✗ nobody at all may win", lambda value: shapley(lambda players: value(players) if players else 0)),
        ("✗ what a player adds belongs to the player", by_place),
        ("✗ the answer has the shape", lambda value: shapley(value)[:2]),
    ],
    "lime_fit": [
        ("✓ a plane through the answers", lime_fit),
        ("✗ every coalition counts the same", lambda t, v, k: lime_fit(t, v, np.ones(len(v)))),
        ("✗ the kernel is in there twice", lambda t, v, k: lime_fit(t, v, k**2)),
        ("✗ w₀ comes first", lambda t, v, k: np.roll(lime_fit(t, v, k), -1)),
        ("✗ there is no w₀", without_constant),
        ("✓ a plane through the answers", lambda *given: tuple(lime_fit(*given))),
        ("✗ you return 2 things", lambda t, v, k: (lime_fit(t, v, k)[0], lime_fit(t, v, k)[1:])),
        ("✗ you return 4 things", lambda t, v, k: np.linalg.lstsq(np.c_[np.ones(len(t)), t], v, rcond=None)),
        ("✗ the answer has the shape", lambda t, v, k: lime_fit(t, v, k)[1:]),
    ],
}


@pytest.mark.parametrize("exercise, verdict, answer", [
    (exercise, verdict, answer) for exercise, answers in ANSWERS.items() for verdict, answer in answers
], ids=[f"{exercise} {i}" for exercise, answers in ANSWERS.items() for i in range(len(answers))])
def test_what_is_said(exercise, verdict, answer, capsys):
    assert getattr(stand_ins, exercise)(answer) is None
    assert capsys.readouterr().out.startswith(verdict)
