"""checks.attacks: one line for each answer, and another one for each mistake."""

import pytest
import torch

from xaitutor.checks import attacks


def nearest(x, weights, biases, said, by_distance=True, power=2):
    scores = weights @ x + biases
    others = [k for k in range(len(scores)) if k != said]
    gaps, slopes = scores[others] - scores[said], weights[others] - weights[said]
    chosen = (gaps.abs() / slopes.norm(dim=1)).argmin() if by_distance else gaps.argmax()
    return gaps[chosen].abs() / slopes[chosen].norm() ** power * slopes[chosen]


def with_itself(x, weights, biases, said):
    gaps, slopes = (one - one[said] for one in (weights @ x + biases, weights))
    best = (gaps.abs() / slopes.norm(dim=1)).nan_to_num(0).argmin()
    return gaps[best].abs() / slopes[best].norm() ** 2 * slopes[best]


def slope(x, weights, biases, said):
    step = nearest(x, weights, biases, said)
    return min((weights - weights[said])[1:], key=lambda s: (s / s.norm() - step / step.norm()).norm())


def dice(first, second, threshold):
    a, b = (one > threshold * one.max() for one in (first, second))
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def hot(first, second, threshold):
    return [one > threshold * one.max() for one in (first, second)]


def lift(heat, must):
    return heat[must].mean() / heat.mean()


ANSWERS = {
    "fgsm": [
        ("✓ each pixel by the same", lambda x, s, e: (x - e * s.sign()).clamp(0, 1)),
        ("✗ that makes the logit larger", lambda x, s, e: (x + e * s.sign()).clamp(0, 1)),
        ("✗ a picture has values", lambda x, s, e: x - e * s.sign()),
        ("✗ the sign of the slope, so that each pixel moves by `size`\n", lambda x, s, e: (x - e * s).clamp(0, 1)),
        ("✗ the sign of the slope, so that each pixel moves by `size`; and cut", lambda x, s, e: x - e * s),
        ("✗ the other way, down the slope, and then cut", lambda x, s, e: x + e * s.sign()),
        ("✗ that is the step alone", lambda x, s, e: -e * s.sign()),
        ("✗ where the slope is 0", lambda x, s, e: (x - e * torch.where(s < 0, -1.0, 1.0)).clamp(0, 1)),
    ],
    "nearest": [
        ("✓ straight to the nearest", nearest),
        ("✗ that border belongs", lambda *given: nearest(*given, by_distance=False)),
        ("✗ the other way", lambda *given: -nearest(*given)),
        ("✗ divide by ‖slope‖²", lambda *given: nearest(*given, power=1)),
        ("✗ that is the slope itself", slope),
        ("✗ you divide 0 by 0: the class itself", with_itself),
        ("✗ the scores have biases, too", lambda x, w, b, said: nearest(x, w, 0 * b, said)),
        ("✗ at [", lambda x, w, b, said: nearest(x, w, b, 0)),  # right where class 0 is said, and not where another is
        ("✗ that is where it leads", lambda x, *given: x + nearest(x, *given)),
    ],
    "dice": [
        ("✓ 1 for the same", dice),
        ("✗ the threshold is a share", lambda a, b, t: 2 * ((a > t) & (b > t)).sum() / ((a > t).sum() + (b > t).sum())),
        ("✗ that is the intersection over", lambda *given: (hot(*given)[0] & hot(*given)[1]).sum() / (hot(*given)[0] | hot(*given)[1]).sum()),
        ("✗ without the 2", lambda *given: dice(*given) / 2),
        ("✗ that is the share of equal", lambda *given: (hot(*given)[0] == hot(*given)[1]).float().mean()),
        ("✗ that is the share of the first", lambda *given: (hot(*given)[0] & hot(*given)[1]).sum() / hot(*given)[0].sum()),
    ],
    "lift": [
        ("✓ 1 for a map", lift),
        ("✗ that is the share inside", lambda h, m: h[m].sum() / h.sum()),
        ("✗ upside down", lambda h, m: 1 / lift(h, m)),
        ("✗ that compares inside with outside", lambda h, m: h[m].mean() / h[~m].mean()),
        ("✗ that is the mean heat", lambda h, m: h[m].mean()),
        ("✗ the difference", lambda h, m: h[m].sum() / h.sum() - m.float().mean()),
    ],
}


@pytest.mark.parametrize("exercise, verdict, answer", [
    (exercise, verdict, answer) for exercise, answers in ANSWERS.items() for verdict, answer in answers
], ids=[f"{exercise} {i}" for exercise, answers in ANSWERS.items() for i in range(len(answers))])
def test_what_is_said(exercise, verdict, answer, capsys):
    assert getattr(attacks, exercise)(answer) is None
    assert capsys.readouterr().out.startswith(verdict)
