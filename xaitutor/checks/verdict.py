"""What all checks share: one line for each answer, whatever the answer is.

A check is a judge: a function of the answer that returns the praise, or raises `Wrong` with the advice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable


class Wrong(Exception):
    """What is wrong with an answer. Where nobody catches it, IPython shows that one line instead of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"✗ {self}"]


def check(judge: Callable[..., str]) -> Callable[..., None]:
    """Turn a judge into a check, which prints "✓ praise" or "✗ advice", returns None, and never raises."""

    @functools.wraps(judge)
    def checked(*answer, **context) -> None:
        try:
            if any(part is None or part is ... for part in answer):
                raise Wrong("there is no answer yet: a value is still None or …")
            print("✓", judge(*answer, **context))
        except Wrong as advice:
            print("✗", advice)
        except Exception as error:  # a wrong answer may be anything; the student gets a line, never our traceback
            print(f"✗ your answer cannot be used: {type(error).__name__}: {error}")

    return checked


def call(function, *arguments):
    """What a student's function returns; `Wrong` where it is no function, is still empty, stops, or returns nothing."""
    if not callable(function):
        raise Wrong(f"give the function itself, without calling it; this is a {type(function).__name__}")
    try:
        answer = function(*arguments)
    except NotImplementedError:
        raise Wrong("the function is still empty") from None
    except Exception as error:  # whatever a student's code may raise
        raise Wrong(f"your function stops with {type(error).__name__}: {error}") from None
    if answer is None:
        raise Wrong("your function returns nothing: is there a return?")
    return answer
