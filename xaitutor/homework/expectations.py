"""What the test cells of an assignment ask: is the answer the expected one, and if not, which mistake is it?"""

from __future__ import annotations

from collections.abc import Mapping

from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong


def expect(what: str, answer, right, mistakes: Mapping[str, object] | None = None, tolerance: float = 1e-4) -> None:
    """Print "✓ what" where the answer has the shape and the numbers of `right`; else raise `Wrong`, with what is wrong.

    `mistakes` and `tolerance` are those of `xaitutor.checks.comparison.compare`.
    """
    try:
        if answer is None or answer is ...:
            raise Wrong(f"there is no answer yet (it is {answer})")
        compare(answer, right, mistakes, tolerance)
    except Wrong as wrong:
        raise Wrong(f"{what}: {wrong}") from None
    print("✓", what)
