"""checks.choosing: one line for each answer, and another one for each mistake."""

import pytest
import torch
from scipy.stats import spearmanr

from xaitutor.checks import choosing as checks


def right(given, sure):
    says = (given[:, None] - given[None]).sign() * sure
    return (says[sure != 0] + 1).mean() / 2


def spearman(a, b):
    return torch.tensor(spearmanr(a, b)[0] if a.std() > 0 else 0.0)


CASES = [
    (checks.area, lambda curve: torch.trapezoid(curve) / (len(curve) - 1), "✓ four trapezoids"),
    (checks.area, lambda curve: curve.mean(), "✗ that is the mean of the values"),
    (checks.area, lambda curve: torch.trapezoid(curve), "✗ that is the sum"),
    (checks.area, lambda curve: curve[1:].mean(), "✗ those are rectangles with the right value"),
    (checks.contrast, lambda a, b, c, d: spearman(a - b, c - d), "✓ and a map that does not look"),
    (checks.contrast, lambda a, b, c, d: spearman(a - b, c - d) if (a - b).std() > 0 else torch.tensor(torch.nan), "✗ for a map that is the same for both classes you give nan"),
    (checks.contrast, lambda a, b, c, d: spearman(a, c), "✗ that is the plain order"),
    (checks.contrast, lambda a, b, c, d: spearman(a - b, c), "✗ the truth has two classes"),
    (checks.contrast, lambda a, b, c, d: torch.corrcoef(torch.stack([a - b, c - d]))[0, 1], "✗ that is Pearson's"),
    (checks.factor, lambda told, seen: (told @ seen) / (told @ told), "✓ set the derivative"),
    (checks.factor, lambda told, seen: seen.sum() / told.sum(), "✗ the ratio of the sums"),
    (checks.factor, lambda told, seen: (told @ seen) / (seen @ seen), "✗ divide by the sum of told²"),
    (checks.named_right, right, "✓ two of four pairs"),
    (checks.named_right, lambda given, sure: ((given[:, None] - given[None]).sign() * sure)[sure != 0].mean(), "✗ that is right minus wrong"),
    (checks.named_right, lambda given, sure: ((given[:, None] - given[None]) * sure > 0)[sure != 0].float().mean(), "✗ a tie is half right"),
]


@pytest.mark.parametrize("check, answer, line", CASES)
def test_each_answer_has_its_line(check, answer, line, capsys):
    check(answer)
    assert capsys.readouterr().out.startswith(line)


@pytest.mark.parametrize("check", [checks.area, checks.contrast, checks.factor, checks.named_right])
def test_an_empty_answer(check, capsys):
    check(lambda *given: None)
    assert "returns nothing" in capsys.readouterr().out
