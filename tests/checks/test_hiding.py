"""checks.hiding: one line for each answer, and another one for each mistake."""

import pytest
import torch

from xaitutor.checks import hiding


def hide(x, row, column, side, colour):
    copy = x.clone()
    copy[:, row:row + side, column:column + side] = colour[:, None, None]
    return copy


def by_columns(x, row, column, side, colour):
    copy = x.clone()
    copy[:, row:row + side, column:column + side] = colour
    return copy


def in_place(x, row, column, side, colour):
    x[:, row:row + side, column:column + side] = colour[:, None, None]
    return x


def average_fall(falls, spots, size):
    total, covers = torch.zeros(size), torch.zeros(size)
    for fall, spot in zip(falls, spots):
        total[spot] += fall
        covers[spot] += 1
    return total / covers


def summed(falls, spots, size):
    total = torch.zeros(size)
    for fall, spot in zip(falls, spots):
        total[spot] += fall
    return total


def overwritten(falls, spots, size):
    total = torch.zeros(size)
    for fall, spot in zip(falls, spots):
        total[spot] = fall
    return total


def rise(scores, masks):
    return torch.einsum("k,khw->hw", scores, masks)


def cost(mask, score, sparsity, smoothness, beta):
    rough = sum((mask.diff(dim=dim).abs() ** beta).sum() for dim in (0, 1))
    return sparsity * (1 - mask).sum() + smoothness * rough + score


ANSWERS = {
    "hide": [
        ("✓ a copy with a square", hide),
        ("✗ you write into x itself", in_place),
        ("✗ nothing is hidden", lambda x, *rest: x.clone()),
        ("✗ rows come before columns", lambda x, row, column, side, colour: hide(x, column, row, side, colour)),
        ("✗ the square is a pixel too large", lambda x, row, column, side, colour: hide(x, row, column, side + 1, colour)),
        ("✗ the colours lie side by side", by_columns),
        ("✗ each channel has a colour of its own", lambda x, row, column, side, colour: hide(x, row, column, side, colour[:1].expand(3))),
        ("✗ that is black, 0", lambda x, row, column, side, colour: hide(x, row, column, side, 0 * colour)),
        ("✗ that is centred", lambda x, row, column, side, colour: hide(x, row - side // 2, column - side // 2, side, colour)),
        ("✗ the answer has the shape", lambda x, *rest: x[:, :2]),
    ],
    "average_fall": [
        ("✓ the mean over the windows", average_fall),
        ("✗ that is the sum", summed),
        ("✗ divide by the number of windows that cover", lambda falls, spots, size: summed(falls, spots, size) / len(spots)),
        ("✗ later windows overwrite", overwritten),
        ("✗ the sign", lambda falls, spots, size: -average_fall(falls, spots, size)),
        ("✗ that is how many windows", lambda falls, spots, size: summed(torch.ones(len(spots)), spots, size)),
    ],
    "fair_rise": [
        ("✓ the mean score of the masks", lambda s, m: rise(s, m) / m.sum(dim=0)),
        ("✗ that is the sum", rise),
        ("✗ divided by the number of masks", lambda s, m: rise(s, m) / len(m)),
        ("✗ the mean share of open places", lambda s, m: rise(s, m) / (len(m) * m.mean())),
        ("✗ that is how often", lambda s, m: m.sum(dim=0)),
        ("✗ subtracting the mean score", lambda s, m: rise(s - s.mean(), m) / m.sum(dim=0)),
        ("✗ divide each pixel by the sum of the masks", lambda s, m: rise(s, m) / s.sum()),
    ],
    "cost": [
        ("✓ small, smooth", cost),
        ("✗ m is 1 where", lambda m, s, a, b, beta: a * m.sum() + cost(m, s, 0, b, beta)),
        ("✗ deleting wants the score low", lambda m, s, a, b, beta: cost(m, -s, a, b, beta)),
        ("✗ differences down *and*", lambda m, s, a, b, beta: cost(m, s, a, 0, beta) + b * (m.diff(dim=0).abs() ** beta).sum()),
        ("✗ differences down and *to", lambda m, s, a, b, beta: cost(m, s, a, 0, beta) + b * (m.diff(dim=1).abs() ** beta).sum()),
        ("✗ the differences to the power", lambda m, s, a, b, beta: cost(m, s, a, b, 1)),
        ("✗ that is without the score", lambda m, s, a, b, beta: cost(m, 0 * s, a, b, beta)),
        ("✗ that is without the smoothness", lambda m, s, a, b, beta: cost(m, s, a, 0, beta)),
        ("✗ the absolute differences", lambda m, s, a, b, beta: cost(m, s, a, 0, beta) + b * sum((m.diff(dim=d) ** beta).sum() for d in (0, 1))),
        ("✗ the answer has the shape", lambda m, s, a, b, beta: m),
    ],
}


@pytest.mark.parametrize("exercise, verdict, answer", [
    (exercise, verdict, answer) for exercise, answers in ANSWERS.items() for verdict, answer in answers
], ids=[f"{exercise} {i}" for exercise, answers in ANSWERS.items() for i in range(len(answers))])
def test_what_is_said(exercise, verdict, answer, capsys):
    assert getattr(hiding, exercise)(answer) is None
    assert capsys.readouterr().out.startswith(verdict)
