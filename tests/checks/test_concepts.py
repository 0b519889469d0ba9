"""checks.concepts: one line for each answer, and another one for each mistake."""

import pytest
import torch

from xaitutor.checks import concepts as checks


def kept(z, k):
    values, places = z.relu().topk(k, dim=1)
    return torch.zeros_like(z).scatter(1, places, values)


CASES = [
    (checks.score, lambda g, v: (g @ v > 0).float().mean(), "✓ five of seven"),
    (checks.score, lambda g, v: ((g * v).sum(1) > 0).sum() / len(g), "✓ five of seven"),
    (checks.score, lambda g, v: (g @ v).mean(), "✗ that is how much the score grows"),
    (checks.score, lambda g, v: (g @ v > 0).sum(), "✗ that is how many pictures"),
    (checks.score, lambda g, v: (g * v > 0).float().mean(), "✗ first add up"),
    (checks.score, lambda g, v: (g @ v).sign().mean(), "✗ that counts up less down"),
    (checks.score, lambda g, v: g @ v > 0, "✗ the answer has the shape"),
    (checks.sparse, kept, "✓ two at a time"),
    (checks.sparse, lambda z, k: torch.where(z >= z.topk(k, dim=1).values[:, -1:], z, 0.0).relu(), "✓ two at a time"),
    (checks.sparse, lambda z, k: z.relu(), "✗ that is the ReLU alone"),
    (checks.sparse, lambda z, k: torch.where(z >= z.topk(k, dim=1).values[:, -1:], z, 0.0), "✗ what is below 0 stays off"),
    (checks.sparse, lambda z, k: (kept(z, k) > 0).float(), "✗ they keep their values"),
    (checks.worth, {"honest": 0.1, "biased": 4.8}, "✓ both scores are 1"),
    (checks.worth, {"honest": 4.8, "biased": 0.1}, "✗ the two networks have changed places"),
    (checks.worth, {"honest": -0.1, "biased": -4.8}, "✗ the sign"),
    (checks.worth, {"honest": 0.0, "biased": 0.5}, "✗ those look like probabilities"),
    (checks.worth, {"honest": 3.0, "biased": 4.8}, "✗ 3.0 and 4.8 are not"),
    (checks.worth, 4.8, "✗ give a dictionary"),
]


@pytest.mark.parametrize("check, answer, line", CASES)
def test_each_answer_has_its_line(check, answer, line, capsys):
    check(answer)
    assert capsys.readouterr().out.startswith(line)


@pytest.mark.parametrize("check", [checks.score, checks.sparse])
def test_an_empty_answer(check, capsys):
    check(lambda *given: None)
    assert "returns nothing" in capsys.readouterr().out
