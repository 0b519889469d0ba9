"""Each check of notebook 03 praises the right answer, and has an own word for each plausible wrong one."""

import numpy as np
import pytest
import scipy.signal

from xaitutor.checks import convolution as checks


def said(capsys, check, *answer):
    assert check(*answer) is None
    line = capsys.readouterr().out
    assert line.count("\n") == 1 and line[0] in "✓✗"
    return line.strip()


def by_hand(f, g):
    full = np.zeros(len(f) + len(g) - 1)
    for n in range(len(full)):
        full[n] = sum(f[i] * g[n - i] for i in range(len(f)) if 0 <= n - i < len(g))
    return full


class Unready:
    def __call__(self, *_):
        raise NotImplementedError


RIGHT = [
    (checks.full_convolution, by_hand),
    (checks.full_convolution, np.convolve),
    (checks.output_size, lambda n, k, s, p: (n + 2 * p - k) // s + 1),
    (checks.corner_kernel, [[1, 0, -1], [0, 0, 0], [-1, 0, 1]]),
    (checks.corner_kernel, np.outer([1, -2, 1], [1, -2, 1])),
    (checks.gradient, lambda g, k: scipy.signal.convolve2d(g, k)),
    (checks.gradient, lambda g, k: scipy.signal.correlate2d(np.pad(g, 2), k[::-1, ::-1], mode="valid")),
]

WRONG = [
    (checks.full_convolution, lambda f, g: np.convolve(f, g[::-1]), "the kernel is not flipped"),
    (checks.full_convolution, lambda f, g: np.convolve(f, g, "valid"), "shape (2,)"),
    (checks.full_convolution, lambda f, g: np.convolve(f, g, "same"), "4 + 3 − 1 = 6"),
    (checks.full_convolution, lambda f, g: f * g.sum(), "it is f[i], not f[n]"),
    (checks.full_convolution, lambda f, g: np.convolve(f, g) * [1, 1, 1, 1, 1, 2], "n = 5 the sum is 4, yours is 8"),
    (checks.full_convolution, lambda f, g: by_hand(f[:4], g)[:6], "not for 6 and 2"),
    (checks.full_convolution, lambda f, g: print, "return numbers"),
    (checks.output_size, lambda n, k, s, p: (n - k) // s + 1, "did you count the padding"),
    (checks.output_size, lambda n, k, s, p: (n + p - k) // s + 1, "both sides"),
    (checks.output_size, lambda n, k, s, p: (n + 2 * p - k) // s, "one too few"),
    (checks.output_size, lambda n, k, s, p: n + 2 * p - k + 1, "stride is missing"),
    (checks.output_size, lambda n, k, s, p: -(-(n + 2 * p - k) // s) + 1, "no longer fits"),
    (checks.output_size, lambda n, k, s, p: (n + 2 * p - 2 * (k // 2) - 1) // s + 1, "odd windows only"),
    (checks.output_size, lambda n, k, s, p: (n + 2 * p - k) / s + 1, "round down (//)"),
    (checks.output_size, lambda n, k, s, p: 126, "7 pixels, window 3, stride 1, padding 1: 7 places, yours says 126"),
    (checks.output_size, lambda n, k, s, p: np.ones(2), "one number"),
    (checks.corner_kernel, np.ones((3, 3)) / 9, "answers 1 where the picture is uniform"),
    (checks.corner_kernel, [[-1, 0, 1]] * 3, "answers -3 along a vertical edge (each column must sum to 0)"),
    (checks.corner_kernel, [[1, 1, 1], [0, 0, 0], [-1, -1, -1]], "answers 3 along a horizontal edge"),
    (checks.corner_kernel, [[-1, -2, -1], [0, 0, 0], [1, 2, 1]], "answers -4 along a horizontal edge"),
    (checks.corner_kernel, [[0, 1, 0], [1, -4, 1], [0, 1, 0]], "vertical edge (each column must sum to 0) and -2 along a horizontal edge"),
    (checks.corner_kernel, [[-1, 0, 1], [0, 0, 0], [1, 0, -1]], "turn all signs round"),
    (checks.corner_kernel, [[0, 1, -1], [0, -1, 1], [0, 0, 0]], "does not either"),
    (checks.corner_kernel, np.zeros((3, 3)), "nine zeros"),
    (checks.corner_kernel, [-1, 0, 1], "shape (3,)"),
    (checks.corner_kernel, "sobel", "nine numbers"),
    (checks.corner_kernel, None, "no answer yet"),
    (checks.gradient, lambda g, k: scipy.signal.correlate2d(g, k), "the filter is not flipped"),
    (checks.gradient, lambda g, k: scipy.signal.convolve2d(g, k, mode="same"), "kernel − 1 zeros"),
    (checks.gradient, lambda g, k: scipy.signal.correlate2d(g, k[::-1]), "top to bottom only"),
    (checks.gradient, lambda g, k: scipy.signal.correlate2d(g, k[:, ::-1]), "left to right only"),
    (checks.gradient, lambda g, k: scipy.signal.correlate2d(g, k.T), "the filter is transposed, not flipped"),
    (checks.gradient, lambda g, k: scipy.signal.convolve2d(g, k.T), "flipping alone will do"),
    (checks.gradient, lambda g, k: scipy.signal.convolve2d(g, k) / 2, "∂L/∂X[0, 0] should be 1, yours is 0.5"),
]


@pytest.mark.parametrize("check, answer", RIGHT)
def test_right_answers(capsys, check, answer):
    assert said(capsys, check, answer).startswith("✓")


@pytest.mark.parametrize("check, answer, words", WRONG)
def test_wrong_answers_hear_what_is_wrong(capsys, check, answer, words):
    line = said(capsys, check, answer)
    assert line.startswith("✗") and words in line, line


@pytest.mark.parametrize("check", [checks.full_convolution, checks.output_size, checks.gradient])
@pytest.mark.parametrize(
    "answer, words",
    [
        (None, "no answer yet"), (7, "give the function itself"), (Unready(), "still empty"),
        (lambda *a: None, "returns nothing"), (lambda *a: 1 / 0, "ZeroDivisionError"), (lambda: 1, "TypeError"),
    ],
)  # fmt: skip
def test_what_is_no_answer_at_all(capsys, check, answer, words):
    line = said(capsys, check, answer)
    assert line.startswith("✗") and words in line, line


def test_each_wrong_answer_has_its_own_message(capsys):
    for check in {check for check, *_ in WRONG}:
        lines = [said(capsys, check, answer) for c, answer, _ in WRONG if c is check]
        assert len(set(lines)) == len(lines) >= 3


@pytest.mark.parametrize("kernel", [np.outer([1, 0, -1], [1, 0, -1]), np.outer([1, -1, 0], [1, -1, 0])], ids=["whole", "half"])
def test_the_corner_kernel_is_deaf_to_edges_and_is_told_what_it_makes_of_the_corners_of_a_square(capsys, kernel):
    square = np.zeros((12, 12))
    square[3:9, 3:9] = 1
    answer = scipy.signal.correlate2d(square, kernel, mode="same")
    assert not answer[5:7].any() and not answer[:, 5:7].any()
    corners = answer[3, 3], answer[3, 8], answer[8, 3], answer[8, 8]
    expected = "upper left {:g}, upper right {:g}, lower left {:g}, lower right {:g}".format(*corners)
    assert said(capsys, checks.corner_kernel, kernel).endswith(expected)
