"""What the test cells of an assignment ask: is the answer the expected one, and if not, which mistake is it?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from xaitutor.checks.verdict import Wrong


def expect(what: str, answer, right, mistakes: Mapping[str, object] | None = None, tolerance: float = 1e-4) -> None:
    """Print "✓ what" where the answer has the shape and the numbers of `right`; else raise `Wrong`, which says what is wrong.

    answer, right: numbers, arrays or tensors. `mistakes` are answers by the advice for each: where the answer is equal to
    one of them, its advice is given. A mistake may be a function, which is called only where the answer is not right.
    Numbers are equal up to `tolerance` times the largest of the right ones.
    """
    if answer is None or answer is ...:
        raise Wrong(f"{what}: there is no answer yet (it is {answer})")
    found, expected = _numbers(answer, what), _numbers(right, what)
    near = tolerance * (np.abs(expected).max(initial=0) or 1)
    if _same(found, expected, near):
        print("✓", what)
        return
    for advice, mistake in (mistakes or {}).items():
        if _same(found, _numbers(mistake() if callable(mistake) else mistake, what), near):
            raise Wrong(f"{what}: {advice}")
    raise Wrong(f"{what}: {_difference(found, expected)}")


def _numbers(values, what: str) -> np.ndarray:
    values = values.detach().cpu() if hasattr(values, "detach") else values
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"{what}: expected numbers, not {values!r:.60}") from None


def _same(a: np.ndarray, b: np.ndarray, near: float) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=0, atol=near)


def _difference(found: np.ndarray, expected: np.ndarray) -> str:
    if found.shape != expected.shape:
        return f"the answer has the shape {found.shape}, expected {expected.shape}"
    if not found.ndim:
        return f"you get {found:.4g}, expected {expected:.4g}"
    difference = np.abs(found - expected)
    place = np.unravel_index(np.argmax(np.where(np.isnan(difference), np.inf, difference)), found.shape)
    return f"at {list(map(int, place))} you get {found[place]:.4g}, expected {expected[place]:.4g}"
