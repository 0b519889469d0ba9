"""checks.differences: one line for each answer, and another one for each mistake."""

import pytest
import torch

from xaitutor.checks import differences


def rescale(z, reference):
    same = z == reference
    slope = (z > 0).float()
    return torch.where(same, slope, (z.relu() - reference.relu()) / torch.where(same, torch.ones(()), z - reference))


def where_equal(value):
    return lambda z, reference: torch.where(z == reference, torch.tensor(value), rescale(z, reference))


def reveal_cancel(start, up, down):
    f = lambda z: max(z, 0)  # noqa: E731
    end = f(start + up + down)
    return (f(start + up) - f(start) + end - f(start + down)) / 2, (f(start + down) - f(start) + end - f(start + up)) / 2


def relu(z):
    return max(z, 0)


def max_pool(x, reference):
    given, most = torch.zeros(len(x)), max(x.max(), reference.max())
    given[x.argmax()] += most - reference.max()
    given[reference.argmax()] += x.max() - most
    return given


def to_winner(x, reference):
    given = torch.zeros(len(x))
    given[x.argmax()] = x.max() - reference.max()
    return given


def slope(x, reference):
    given = torch.zeros(len(x))
    given[x.argmax()] = (x - reference)[x.argmax()]
    return given


def deep_shap(explain, x, references):
    return torch.stack([explain(x, one[None]) for one in references]).mean(0)


ANSWERS = {
    "rescale": [
        ("✓ the slope from the reference", rescale),
        ("✗ where z is the reference you divide", lambda z, r: (z.relu() - r.relu()) / (z - r)),
        ("✗ that is the gradient at z", lambda z, r: (z > 0).float()),
        ("✗ that is the gradient at the reference", lambda z, r: (r > 0).float()),
        ("✗ where z is the reference the multiplier", where_equal(0.0)),
        ("✗ the gradient at 0 itself", lambda z, r: torch.where((z == r) & (z == 0), torch.ones(()), rescale(z, r))),
        ("✗ the gradient where z is the reference", where_equal(1.0)),
        ("✗ that is the gradient at z", lambda z, r: z.relu() / z),
        ("✗ that is Δy", lambda z, r: z.relu() - r.relu()),
        ("✗ the sign", lambda z, r: -rescale(z, r)),
        ("✗ it is the change of the output", lambda z, r: (lambda m: 1 / torch.where(m == 0, torch.ones(()), m))(rescale(z, r))),
        ("✗ the ReLU of the difference", lambda z, r: (z - r).relu() / torch.where(z == r, torch.ones(()), z - r)),
        ("✗ at [", lambda z, r: z),
    ],
    "reveal_cancel": [
        ("✓ Shapley's mean", reveal_cancel),
        ("✗ that is both together", lambda s, u, d: relu(s + u + d) - relu(s)),
        ("✗ that is what each does alone", lambda s, u, d: (relu(s + u) - relu(s), relu(s + d) - relu(s))),
        ("✗ that is what each does after", lambda s, u, d: (relu(s + u + d) - relu(s + d), relu(s + u + d) - relu(s + u))),
        ("✗ the mean of the two ways", lambda s, u, d: tuple(2 * v for v in reveal_cancel(s, u, d))),
        ("✗ those are the changes of z", lambda s, u, d: (u, d)),
        ("✗ that is one order, up before", lambda s, u, d: (relu(s + u) - relu(s), relu(s + u + d) - relu(s + u))),
        ("✗ that is one order, down before", lambda s, u, d: (relu(s + u + d) - relu(s + d), relu(s + d) - relu(s))),
        ("✗ that shares Δy in proportion", lambda s, u, d: tuple((relu(s + u + d) - relu(s)) * part / (u + d) for part in (u, d))),
        ("✗ the number for Δy⁺ is right, the one for Δy⁻", lambda s, u, d: (reveal_cancel(s, u, d)[0], 7)),
        ("✗ the positive part comes first", lambda s, u, d: reveal_cancel(s, u, d)[::-1]),
        ("✗ subtract what was there before", lambda s, u, d: (
            (relu(s + u) + relu(s + u + d) - relu(s + d)) / 2, (relu(s + d) + relu(s + u + d) - relu(s + u)) / 2)),
        ("✗ the way begins at", lambda s, u, d: (relu(u), relu(d))),
        ("✗ both numbers are wrong: for Δy⁺ not 10, for Δy⁻ not 10", lambda s, u, d: (10, 10)),
    ],
    "max_pool": [
        ("✓ the new winner", max_pool),
        ("✗ that adds up, but", to_winner),
        ("✗ that is the gradient times Δx", slope),
        ("✗ the sign", lambda x, r: -max_pool(x, r)),
        ("✗ that is Δx of all values", lambda x, r: x - r),
        ("✗ those are multipliers", lambda x, r: max_pool(x, r) / torch.where(x == r, torch.ones(()), x - r)),
        ("✗ at [", lambda x, r: x),
    ],
    "deep_shap": [
        ("✓ the mean of the explanations", deep_shap),
        ("✗ that explains with the mean", lambda explain, x, references: explain(x, references.mean(0, keepdim=True))),
        ("✗ the mean, not the sum", lambda explain, x, references: 4 * deep_shap(explain, x, references)),
        ("✗ that is the first", lambda explain, x, references: explain(x, references[:1])),
        ("✗ that is the last", lambda explain, x, references: explain(x, references[-1:])),
        ("✗ no absolute values", lambda explain, x, references: torch.stack([explain(x, one[None]).abs() for one in references]).mean(0)),
        ("✗ your function stops with ValueError: explain takes one reference", lambda explain, x, references: explain(x, references)),
        ("✗ at [", lambda explain, x, references: x),
    ],
}


@pytest.mark.parametrize("check, expected, answer", [(name, *case) for name, cases in ANSWERS.items() for case in cases],
                         ids=[f"{name}-{number}" for name, cases in ANSWERS.items() for number in range(len(cases))])
def test_answers(check, expected, answer, capsys):
    getattr(differences, check)(answer)
    assert capsys.readouterr().out.startswith(expected)
