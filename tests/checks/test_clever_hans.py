"""checks.clever_hans: one line for each answer, and another one for each mistake."""

import numpy as np
import pytest

from xaitutor.checks import clever_hans as checks

CASES = [
    (checks.share_behind, lambda heat, mask: (heat * (1 - mask)).sum((1, 2)) / heat.sum((1, 2)), "✓ the share behind"),
    (checks.share_behind, lambda heat, mask: (heat * mask).sum((1, 2)) / heat.sum((1, 2)), "✗ that is the share on the animal"),
    (checks.share_behind, lambda heat, mask: (heat * (1 - mask)).mean((1, 2)), "✗ divide by all heat"),
    (checks.share_behind, lambda heat, mask: (heat * (mask == 0)).sum((1, 2)) / heat.sum((1, 2)), "✗ a pixel that is half"),
    (checks.share_behind, lambda heat, mask: (heat * (1 - mask)).sum() / heat.sum(), "✗ the answer has the shape"),
    (checks.with_control, lambda a, b, c, d: (a.mean() - b.mean()) - (c.mean() - d.mean()), "✓ what the place does"),
    (checks.with_control, lambda a, b, c, d: a.mean() - b.mean(), "✗ the control is missing"),
    (checks.with_control, lambda a, b, c, d: a.mean() - c.mean(), "✗ elsewhere is compared with nothing"),
    (checks.with_control, lambda a, b, c, d: (c.mean() - d.mean()) - (a.mean() - b.mean()), "✗ the sign"),
    (checks.kinds, lambda values: int(np.diff(values).argmax()) + 1, "✓ as many kinds"),
    (checks.kinds, lambda values: int(np.diff(values).argmax()), "✗ for 0, 0.01, 0.02, 0.5, 0.6, 0.65: you say 2, it is 3; one too few"),
    (checks.kinds, lambda values: int(values.argmax()), "✗ that is where the largest eigenvalue stands"),
    (checks.lost, lambda here, there: (here & ~there).sum() / here.sum(), "✓ three of five"),
    (checks.lost, lambda here, there: (here & ~there).float().mean(), "✗ that is a share of all animals"),
    (checks.lost, lambda here, there: here.float().mean() - there.float().mean(), "✗ that is the difference of two accuracies"),
    (checks.lost, lambda here, there: (~there).float().mean(), "✗ animals that are recognised nowhere"),
]


@pytest.mark.parametrize("check, answer, line", CASES)
def test_each_answer_has_its_line(check, answer, line, capsys):
    check(answer)
    assert capsys.readouterr().out.startswith(line)


@pytest.mark.parametrize("check", [checks.share_behind, checks.with_control, checks.kinds, checks.lost])
def test_an_empty_answer(check, capsys):
    check(lambda *given: None)
    assert "returns nothing" in capsys.readouterr().out
