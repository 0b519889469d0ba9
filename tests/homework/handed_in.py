"""Submissions for the tests: the released notebook with the right solutions in it, and with one of them replaced."""

import copy
import re

import nbformat

from xaitutor.homework import assignments


def solutions(name: str) -> dict[str, str]:
    """The right solution of each task, by the name of its cell."""
    cells = nbformat.read(assignments.source(name), as_version=4).cells
    return {cell.metadata.nbgrader.grade_id: re.sub(r"^ *### (BEGIN|END) SOLUTION\n?", "", cell.source, flags=re.MULTILINE)
            for cell in cells if cell.metadata.get("nbgrader", {}).get("solution")}


def filled(released, answers: dict[str, str]):
    """The notebook that students get, with these answers in it."""
    notebook = copy.deepcopy(released)
    for cell in notebook.cells:
        answer = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        cell.source = cell.source if answer is None else answer
    return notebook


def replaced(source: str, old: str, new: str) -> str:
    """The source with one place changed; it has to be there."""
    assert source.count(old) == 1, f"{old!r} is {source.count(old)} times in:\n{source}"
    return source.replace(old, new)


def at(cells, grade_id: str) -> int:
    """Where the cell of that name is."""
    return next(i for i, cell in enumerate(cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def run_here(name: str, answers: dict[str, str]) -> dict[str, str]:
    """What each test of an assignment, the hidden ones too, says to these answers: nothing, or what is wrong.

    In this process, without nbgrader and kernels: it takes a hundredth of the time.
    """
    said, namespace = {}, {"__name__": "__main__"}
    for cell in nbformat.read(assignments.source(name), as_version=4).cells:
        if cell.cell_type == "code":
            mark = cell.metadata.get("nbgrader", {"grade": False})
            error = _error(answers.get(mark.get("grade_id"), cell.source), namespace)
            said |= {mark["grade_id"]: error} if mark["grade"] else {}
    return said


def _error(source: str, namespace: dict) -> str:
    try:
        exec(source, namespace)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
