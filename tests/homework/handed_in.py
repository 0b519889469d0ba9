"""Submissions for the tests: the released notebook with the right solutions in it, and with one of them replaced."""

import copy
import functools
import re

import nbformat

from tests import names
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
    return _go_on(_cells(name), answers, {}, {"__name__": "__main__"})


def run_mistaken(name: str, task: str, answer: str) -> dict[str, str]:
    """The same to right answers, but for that of one task: what stands before it, and what uses nothing that comes of it, is run once, for all mistakes."""
    cells, right, answers = _cells(name), _right(name), solutions(name) | {task: answer}
    first = at(cells, task)
    said, namespace = map(dict, right[first])
    touched = names.given(answer)
    for number, cell in enumerate(cells[first:], first):
        source = answers.get(_mark(cell).get("grade_id"), cell.source)
        if number == first or names.used(source) & touched:
            said = _go_on([cell], answers, said, namespace)
            touched |= names.given(source)
        else:
            then, known = right[number + 1]
            namespace |= {each: known[each] for each in names.given(source)}
            said |= {_mark(cell)["grade_id"]: then[_mark(cell)["grade_id"]]} if _mark(cell)["grade"] else {}
    return said


@functools.cache
def _right(name: str) -> list[tuple[dict, dict]]:
    """Before each cell, and after the last: what the tests have said to right answers, and what has a name."""
    said, namespace = {}, {"__name__": "__main__"}
    found = [(said, dict(namespace))]
    for cell in _cells(name):
        said = _go_on([cell], solutions(name), dict(said), namespace)
        found.append((said, dict(namespace)))
    return found


def _go_on(cells, answers: dict[str, str], said: dict[str, str], namespace: dict) -> dict[str, str]:
    for cell in cells:
        error = _error(answers.get(_mark(cell).get("grade_id"), cell.source), namespace)
        said |= {_mark(cell)["grade_id"]: error} if _mark(cell)["grade"] else {}
    return said


@functools.cache
def _cells(name: str) -> list:
    return [cell for cell in nbformat.read(assignments.source(name), as_version=4).cells if cell.cell_type == "code"]


def _mark(cell) -> dict:
    return cell.metadata.get("nbgrader", {"grade": False})


def _error(source: str, namespace: dict) -> str:
    try:
        exec(source, namespace)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
