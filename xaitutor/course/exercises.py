"""Exercises: how a notebook marks them, in one place.

An exercise is three cells that follow one another:

1. Markdown that begins with ``### Exercise 3.1 Title``, then the task;
2. code with the tag "solution", collapsed in JupyterLab;
3. code with the tag "nbval-check-output" that calls a check of `xaitutor.checks`.

Whatever generates or grades student versions asks `find` where they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEADING = re.compile(r"### Exercise (\d+\.\d+)[ .:–—-]*(.*)")
TAG = "solution"
CHECKED = "nbval-check-output"  # the tag by which nbval, too, knows a cell whose output is compared


def is_solution(cell) -> bool:
    return TAG in cell.get("metadata", {}).get("tags", [])


def is_checked(cell) -> bool:
    return CHECKED in cell.get("metadata", {}).get("tags", [])


def is_folded(cell) -> bool:
    """Is its code hidden until the reader asks for it? Solutions are, and code that only draws."""
    return bool(cell.get("metadata", {}).get("jupyter", {}).get("source_hidden"))


@dataclass(frozen=True)
class Exercise:
    number: str  # "3.1"
    title: str
    index: int  # of the task in notebook.cells; the solution is at index + 1, the check at index + 2
    task: str
    solution: str
    check: str


def find(notebook) -> list[Exercise]:
    """The exercises of a notebook, as `nbformat.read(path, as_version=4)` gives it, in order.

    Raises ValueError, naming the exercise, where one does not follow the convention.
    """
    cells = notebook["cells"]
    starts = [index for index, cell in enumerate(cells) if _is_task(cell)]
    solutions = {index for index, cell in enumerate(cells) if is_solution(cell)}
    if lonely := solutions - {index + 1 for index in starts}:
        raise ValueError(f"cell {min(lonely)} has the tag '{TAG}', but no '### Exercise 1.1 …' stands right before it")
    return [_exercise(cells, index) for index in starts]


def _exercise(cells, index: int) -> Exercise:
    task = cells[index]["source"]
    heading = HEADING.match(task)
    if not heading or not heading[2]:
        raise ValueError(f"cell {index}: expected '### Exercise 3.1 Title', got {task.splitlines()[0]!r}")
    name = f"exercise {heading[1]}"
    if not task[heading.end():].strip():
        raise ValueError(f"{name} has a title and no task")
    solution, check = (cells[index + 1 : index + 3] + [{}, {}])[:2]
    if solution.get("cell_type") != "code" or not is_solution(solution):
        raise ValueError(f"{name}: right after its task, expected a code cell with the tag '{TAG}'")
    if not is_folded(solution):
        raise ValueError(f'{name}: its solution is not collapsed; add "jupyter": {{"source_hidden": true}} to the metadata')
    source = check.get("source", "")
    if check.get("cell_type") != "code" or not is_checked(check) or "checks." not in source:
        raise ValueError(f"{name}: right after its solution, expected a code cell with the tag '{CHECKED}' "
                         "that calls a check of xaitutor.checks")
    return Exercise(heading[1], heading[2].strip(), index, task, solution["source"], source)


def _is_task(cell) -> bool:
    return cell["cell_type"] == "markdown" and cell["source"].startswith("### Exercise")
