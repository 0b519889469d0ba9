"""checks.trees: one line for each answer, and another one for each mistake."""

import pytest
import torch

from xaitutor.checks import answers, trees


def paths(root, left, right):
    return torch.stack([(1 - root) * (1 - left), (1 - root) * left, root * (1 - right), root * right], dim=1)


def loss(reach, leaves, targets):
    return -(reach * (targets @ leaves.log().T)).sum(dim=1).mean()


def cost(alpha):
    return -0.5 * alpha.log() - 0.5 * (1 - alpha).log()


def share(right, arriving):
    return (right * arriving).sum() / arriving.sum()


def mean(a, b):
    return (a == b).float().mean()


ANSWERS = {
    "paths": [
        ("✓ each leaf has its way", paths),
        ("✗ the other way round", lambda p, a, b: paths(p, a, b).flip(1)),
        ("✗ in each node the first child", lambda p, a, b: paths(p, 1 - a, 1 - b)),
        ("✗ the left node is reached", lambda p, a, b: paths(1 - p, a, b)),
        ("✗ probabilities of steps", lambda p, a, b: torch.stack([2 - p - a, 1 - p + a, p + 1 - b, p + b], dim=1)),
        ("✗ those are the last steps", lambda p, a, b: torch.stack([1 - a, a, 1 - b, b], dim=1)),
        ("✗ the answer has the shape", lambda p, a, b: paths(p, a, b).T),
        ("✗ the answer is a list of 4, and should be one tensor of shape (3, 4): four leaves", lambda p, a, b: list(paths(p, a, b).T)),
    ],
    "loss": [
        ("✓ each leaf pays", loss),
        ("✗ the sign", lambda r, q, t: -loss(r, q, t)),
        ("✗ the mean over the pictures", lambda r, q, t: len(r) * loss(r, q, t)),
        ("✗ that is the cross-entropy of the mixture", lambda r, q, t: -(t * (r @ q).log()).sum(dim=1).mean()),
        ("✗ each leaf counts as often as it is reached", lambda r, q, t: loss(torch.ones_like(r), q, t)),
        ("✗ each leaf counts as often as it is reached; that", lambda r, q, t: loss(torch.ones_like(r) / r.shape[1], q, t)),
    ],
    "penalty": [
        ("✓ log 2", lambda r, a: cost(share(r, a))),
        ("✗ a picture counts", lambda r, a: cost(r.mean())),
        ("✗ α is a share of what arrives", lambda r, a: cost((r * a).mean())),
        ("✗ the sign", lambda r, a: -cost(share(r, a))),
        ("✗ ½ of each", lambda r, a: 2 * cost(share(r, a))),
        ("✗ one α for all", lambda r, a: cost(r).mean()),
        ("✗ that is α", share),
    ],
    "shares": [
        ("✓ who imitates a mistake", lambda s, n, t: (mean(s, n), mean(s, t))),
        ("✓ who imitates a mistake", lambda s, n, t: torch.stack([mean(s, n), mean(s, t)])),
        ("✗ fidelity comes first", lambda s, n, t: (mean(s, t), mean(s, n))),
        ("✗ that is the network's own", lambda s, n, t: (mean(s, n), mean(n, t))),
        ("✗ each share is one number", lambda s, n, t: (s == n, s == t)),
        ("✗ shares, not numbers", lambda s, n, t: (10 * mean(s, n), 10 * mean(s, t))),
        ("✗ fidelity counts", lambda s, n, t: (((s == n) & (n == t)).float().mean(), mean(s, t))),
    ],
}


@pytest.mark.parametrize("exercise, verdict, answer", [
    (exercise, verdict, answer) for exercise, answers in ANSWERS.items() for verdict, answer in answers
], ids=[f"{exercise} {i}" for exercise, answers in ANSWERS.items() for i in range(len(answers))])
def test_what_is_said(exercise, verdict, answer, capsys):
    assert getattr(trees, exercise)(answer) is None
    assert capsys.readouterr().out.startswith(verdict)


def test_a_list_of_single_numbers_is_a_tensor():
    assert answers.shaped([torch.ones(1), torch.zeros(())], (2,), "two numbers").tolist() == [1, 0]
