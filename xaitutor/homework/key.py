"""The answers to `xaitutor.homework.suspects`, for the tests alone: the students' edition comes without this file."""

from __future__ import annotations

from xaitutor.homework import suspects


def fault(name: str) -> str:
    """What is wrong with `suspects.for_student(name)`, one of `suspects.FAULTS`."""
    return suspects.FAULTS[suspects.number(name) % len(suspects.FAULTS)]


def healthy(name: str, draw: int = 0) -> suspects.Case:
    """`suspects.for_student` with nothing wrong."""
    return suspects.case(name, draw, "nothing")
