"""What an audit says: one finding for each question, and how a list of them reads."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

FINE, DOUBT, ALARM, UNKNOWN, NOT = "fine", "doubt", "alarm", "unknown", "does not apply"
VERDICTS = (ALARM, DOUBT, UNKNOWN, NOT, FINE)  # the worst first


class Finding(NamedTuple):
    """The answer to one question.

    question: a short title. verdict: "fine", "doubt", "alarm", "unknown" (it could not be told here) or "does not apply" (the question has no
    meaning here, or could not be asked). numbers: what was measured, by name. words: what was found; advice: what to do, "" where nothing is.
    """

    question: str
    verdict: str
    numbers: dict[str, float]
    words: str
    advice: str = ""


def answer(verdict: str, words: str, advice: str = "", **numbers: float) -> Finding:
    """A finding whose question is still to be filled in; numbers are rounded to three digits behind the point."""
    return Finding("", verdict, {name: round(float(value), 3) for name, value in numbers.items()}, words, "" if verdict == FINE else advice)


def worst(findings: Sequence[Finding]) -> str:
    """The worst verdict: an alarm, else a doubt, else what could not be decided, else "fine"."""
    return min((finding.verdict for finding in findings), key=VERDICTS.index, default=FINE)


def report(findings: Sequence[Finding], width: int = 100) -> str:
    """The findings as plain text, the worst first and otherwise in the order of the questions; lines have at most `width` letters."""
    indent = " " * 16
    lines = []
    for finding in sorted(findings, key=lambda one: VERDICTS.index(one.verdict)):
        lines.append(f"{finding.verdict:<16}{finding.question}")
        for text in (finding.words + _in_brackets(finding.numbers), finding.advice):
            lines += textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)
    return "\n".join(lines)


def as_dicts(findings: Sequence[Finding]) -> list[dict]:
    """The findings as JSON takes them."""
    return [finding._asdict() for finding in findings]


def _in_brackets(numbers: dict[str, float]) -> str:
    said = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in numbers.items())
    return f" ({said})" if said else ""
