"""How an answer of numbers is compared, in exercises and in homework: is it right, and if not, which mistake is it?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from xaitutor.checks.verdict import Wrong


def compare(answer, right, mistakes: Mapping[str, object] | None = None, tolerance: float = 1e-4) -> None:
    """Raise `Wrong` where an answer has another shape, or other numbers, than `right`, with what is wrong.

    answer, right: numbers, arrays or tensors. `mistakes` are answers by the advice for each: where the answer is equal
    to one of them, its advice is given. A mistake may be a function, which is called only where the answer is not right.
    Numbers are equal up to `tolerance` times the largest of the right ones.
    """
    found, expected = as_numbers(answer), as_numbers(right)
    near = tolerance * (np.abs(expected).max(initial=0) or 1)
    if _same(found, expected, near):
        return
    for advice, mistake in (mistakes or {}).items():
        if _same(found, as_numbers(mistake() if callable(mistake) else mistake), near):
            raise Wrong(advice)
    raise Wrong(_difference(found, expected))


def as_numbers(values) -> np.ndarray:
    """An array of floats; raises `Wrong` where the values are no numbers."""
    values = values.detach().cpu() if hasattr(values, "detach") else values
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"expected numbers, not {values!r:.60}") from None


def worst(answer, right) -> tuple[int, ...]:
    """The place where two of one shape differ most, or of a NaN."""
    difference = np.nan_to_num(np.abs(as_numbers(answer) - as_numbers(right)), nan=np.inf, posinf=np.inf)
    return tuple(map(int, np.unravel_index(np.argmax(difference), difference.shape)))


def _same(a: np.ndarray, b: np.ndarray, near: float) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=near)


def _difference(found: np.ndarray, expected: np.ndarray) -> str:
    if found.shape != expected.shape:
        return f"the answer has the shape {found.shape}, expected {expected.shape}"
    if not found.ndim:
        return f"you get {found:.4g}, expected {expected:.4g}"
    place = worst(found, expected)
    return f"at {list(place)} you get {found[place]:.4g}, expected {expected[place]:.4g}"
