"""Checks for notebook 03: convolution, its output size, a filter for corners, and the gradient."""

from __future__ import annotations

from math import ceil

import numpy as np

from xaitutor.checks.verdict import Wrong, call, check
from xaitutor.foundations.convolution import convolve, cross_correlate, input_gradient
from xaitutor.foundations.convolution import output_size as true_size


@check
def full_convolution(function) -> str:
    """Exercise 3.1: `function(f, g)` is the full convolution of two 1-D arrays."""
    f, g = np.array([1.0, 2, 3, 4]), np.array([5.0, 0, 1])
    right = convolve(f, g, padding="zero", width=2)
    answer = _array(function, f, g)
    if answer.shape == (len(f),) and np.allclose(answer, f * g.sum()):
        raise Wrong("every value is f[n] times the sum of g: under the sum it is f[i], not f[n]")
    if answer.shape != right.shape:
        raise Wrong(
            f"your result has shape {answer.shape}, the full convolution of {len(f)} and {len(g)} values has "
            f"{len(f)} + {len(g)} − 1 = {len(right)}: n runs over all places where f and the flipped g overlap at all"
        )
    if np.allclose(answer, cross_correlate(f, g, padding="zero", width=2)):
        raise Wrong("that is cross-correlation: the kernel is not flipped. Look at the index n − i")
    if not np.allclose(answer, right):
        n = int(np.flatnonzero(~np.isclose(answer, right))[0])
        raise Wrong(f"for f = {_list(f)}, g = {_list(g)} and n = {n} the sum is {right[n]:g}, yours is {answer[n]:g}")
    other = np.arange(6.0) ** 2, np.array([1.0, -1])
    answer = _array(function, *other)
    if answer.shape != (7,) or not np.allclose(answer, np.convolve(*other)):
        raise Wrong("right for 4 and 3 values, but not for 6 and 2: take the lengths from f and g")
    return "that is a convolution: the kernel is flipped, and all places of overlap are there"


@check
def output_size(function) -> str:
    """Exercise 3.2: `function(size, kernel, stride, padding)` is the number of places of the window."""
    cases = [(128, 3, 1, 0), (7, 3, 1, 1), (9, 3, 2, 0), (224, 7, 2, 3), (10, 4, 1, 0), (10, 2, 3, 0)]
    guesses = {
        "did you count the padding? It widens the image": lambda n, k, s, p: (n - k) // s + 1,
        "padding lies on both sides: count it twice": lambda n, k, s, p: (n + p - k) // s + 1,
        "one too few: the first place of the window counts too (+ 1)": lambda n, k, s, p: (n + 2 * p - k) // s,
        "the stride is missing: the window moves by several pixels": lambda n, k, s, p: n + 2 * p - k + 1,
        "a window that no longer fits does not count: round down": lambda n, k, s, p: ceil((n + 2 * p - k) / s) + 1,
        "the window loses kernel − 1 pixels; 2⌊kernel/2⌋ is the same for odd windows only": lambda n, k, s, p: (
            (n + 2 * p - 2 * (k // 2) - 1) // s + 1
        ),
    }
    answers = []
    for case in cases:
        answer = _array(function, *case)
        if answer.shape:
            raise Wrong(f"return one number, not an array of shape {answer.shape}")
        answers.append(answer.item())
    right = [true_size(*case) for case in cases]
    if answers != right:
        for advice, guess in guesses.items():
            if np.allclose(answers, [guess(*case) for case in cases]):
                raise Wrong(advice)
        if np.array_equal(np.floor(answers), right):
            raise Wrong("a number of places is whole: round down (//)")
        case, mine, true = next((c, a, r) for c, a, r in zip(cases, answers, right) if a != r)
        n, k, s, p = case
        raise Wrong(f"{n} pixels, window {k}, stride {s}, padding {p}: {true} places, yours says {mine:g}")
    return "right for odd and even windows, with stride and padding"


@check
def corner_kernel(kernel) -> str:
    """Exercise 3.3: a 3 × 3 kernel for cross-correlation, 0 on uniform ground and along vertical and horizontal edges, positive at an upper left corner."""
    try:
        kernel = np.asarray(kernel, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"give the nine numbers as an array of shape (3, 3), not {type(kernel).__name__}") from None
    if kernel.shape != (3, 3):
        raise Wrong(f"the kernel has shape {kernel.shape}; it should be (3, 3)")
    if not kernel.any():
        raise Wrong("nine zeros answer 0 everywhere, at corners too")
    if not np.isclose(kernel.sum(), 0, atol=1e-6):
        raise Wrong(f"it answers {kernel.sum():g} where the picture is uniform; its weights should sum to 0")
    vertical, horizontal = (float(sums[np.abs(sums).argmax()]) for sums in (kernel.sum(0), kernel.sum(1)))
    along = [f"{n:g} along a vertical edge (each column must sum to 0)" for n in [vertical] if abs(n) > 1e-6]
    along += [f"{n:g} along a horizontal edge (each row must sum to 0)" for n in [horizontal] if abs(n) > 1e-6]
    if along:
        raise Wrong(f"it also answers {' and '.join(along)}")
    corner = kernel[1:, 1:].sum()  # its middle on the corner's pixel: the square fills the middle, the right and what is below
    if np.isclose(corner, 0, atol=1e-6):
        raise Wrong("no edge moves it, but the upper left corner of a bright square does not either: look at the weight in that corner")
    if corner < 0:
        raise Wrong("it is negative at the upper left corner of a bright square: turn all signs round")
    # Where rows and columns sum to 0, what lies under the square sums to the weight in that corner of the kernel.
    told = ", ".join(f"{name} {kernel[at].round(6) + 0:g}" for name, at in
                     {"upper left": (0, 0), "upper right": (0, 2), "lower left": (2, 0), "lower right": (2, 2)}.items())
    return f"edges leave it cold, this corner does not. With its middle on the corners of a square of ones it gives: {told}"


@check
def gradient(function) -> str:
    """Exercise 3.4: `function(gradient, kernel)` is ∂L/∂X of a cross-correlation without padding, stride 1."""
    upstream, kernel = np.array([[1.0, 2], [0, 3], [5, 1]]), np.array([[1.0, 2, 0], [0, 0, 5], [7, 0, -1]])
    shape = (5, 4)
    answer = _array(function, upstream, kernel)
    if answer.shape != shape:
        raise Wrong(
            f"your gradient has shape {answer.shape}, the input that it belongs to {shape}: "
            "every pixel that a window touched gets some. Surround ∂L/∂O with kernel − 1 zeros"
        )
    wrong_kernels = {
        "the filter is not flipped: rows and columns both turn round": np.flip(kernel),
        "the filter is flipped top to bottom only: left and right change places too": kernel[:, ::-1],
        "the filter is flipped left to right only: top and bottom change places too": kernel[::-1],
        "the filter is transposed, not flipped": np.flip(kernel.T),
        "the filter is transposed and flipped: flipping alone will do": kernel.T,
    }
    for advice, wrong in wrong_kernels.items():
        if np.allclose(answer, input_gradient(upstream, wrong, shape)):
            raise Wrong(advice)
    right = input_gradient(upstream, kernel, shape)
    if not np.allclose(answer, right):
        row, column = np.argwhere(~np.isclose(answer, right))[0]
        raise Wrong(f"∂L/∂X[{row}, {column}] should be {right[row, column]:g}, yours is {answer[row, column]:g}")
    return (
        "the gradient is a full convolution: each window hands back what it was given, weighted as it took it"
    )


def _array(function, *arguments) -> np.ndarray:
    """What a student's function returns, as an array of floats; it gets copies, which it may change."""
    answer = call(function, *(np.copy(a) if isinstance(a, np.ndarray) else a for a in arguments))
    try:
        return np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"return numbers, not {type(answer).__name__}") from None


def _list(values: np.ndarray) -> str:
    return "[" + ", ".join(f"{value:g}" for value in values) + "]"
