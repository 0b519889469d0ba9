"""The students' versions: no cell hangs on an answer that is not there yet, and each check says so, instead of failing.

So a student's notebook runs to its end as the solved one does, which nbval runs; a browser need not run each of them again.
"""

from unittest.mock import MagicMock

import nbformat
import pytest

from tests.names import given, needed, used
from tools.execute_notebooks import NOTEBOOKS
from xaitutor import checks
from xaitutor.course import exercises, versions

each_lesson = pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
WAITING = "✗ there is no answer yet: a value is still None or …\n", "✗ the function is still empty\n"


def hanging(notebook):
    """By number, the cells that use a name which only an answer gives, the checks apart."""
    found = exercises.find(notebook)
    answers, tested = {one.index + 1 for one in found}, {one.index + 2 for one in found}
    code = {i: cell.source for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
    elsewhere = set().union(*(given(source) for i, source in code.items() if i not in answers))
    answered = set().union(*(given(code[i]) for i in answers)) - elsewhere
    return {i: names for i, source in code.items() if i not in answers | tested and (names := used(source) & answered)}


@each_lesson
def test_no_cell_hangs_on_an_answer(path):
    assert hanging(nbformat.read(path, as_version=4)) == {}


@each_lesson
def test_each_check_waits_for_an_answer(path, capsys):
    """What a check gets besides the answer plays no role yet."""
    notebook = nbformat.read(path, as_version=4)
    cells = versions.student(notebook).cells
    for exercise in exercises.find(notebook):
        names = {name: MagicMock() for name in used(exercise.check)} | {"checks": checks}
        exec(cells[exercise.index + 1].source, names)
        exec(exercise.check, names)
        assert capsys.readouterr().out in WAITING, exercise.number


def test_one_that_hangs_is_found():
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell("x = 1"),
        nbformat.v4.new_markdown_cell("### Exercise 1.1 One\n\nWhat is it?"),
        nbformat.v4.new_code_cell("answer = x", metadata={"tags": ["solution"], "jupyter": {"source_hidden": True}}),
        nbformat.v4.new_code_cell("checks.start.quarter(answer)", metadata={"tags": ["nbval-check-output"]}),
        nbformat.v4.new_code_cell("print(answer + x)")])
    assert hanging(notebook) == {4: {"answer"}}


def test_what_a_cell_needs():
    cells = {0: "import torch", 1: "x = torch.ones(3)", 2: "y = x + 1\nprint(y)", 3: "rows = []", 4: "rows.append(x)", 5: "for x in range(3):\n    print(x)",
             6: "z = [y for y in rows]", 7: "print(rows)", 8: "widget(z)", 9: "x = 5"}
    assert needed(cells, {8}) == {0, 1, 3, 4, 6, 8}
    again = {0: "a = 1", 1: "b = 2", 2: "if b:\n    a = 3", 3: "def f():\n    c = b\n    return c + a", 4: "c = f()", 5: "a = 4", 6: "widget(a, c)"}
    assert needed(again, {6}) == {0, 1, 2, 3, 4, 5, 6} and needed({0: "a = 1", 1: "a = 2", 2: "b = a", 3: "a += 1", 4: "widget(a, b)"}, {4}) == {1, 2, 3, 4}
