"""xaitutor.course.versions: what students and instructors get differs from the source where it should, and nowhere else."""

import copy
import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.browser import NO_BROWSER, exercises_are_open
from tools.execute_notebooks import NOTEBOOKS, execute, find
from xaitutor import cli
from xaitutor.course import exercises, versions

COURSE = [path for path in find() if path.parent == NOTEBOOKS]
COLLAPSED = {"tags": ["solution"], "jupyter": {"source_hidden": True}}
every_notebook = pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)


def notebook(solution="padding = 1", check="checks.convolution.same_padding(padding)"):
    return new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}, cells=[
        new_markdown_cell("# Convolution\n\nWhat does it compute?"),
        new_code_cell("# One and one\nprint(1 + 1)", execution_count=1,
                      outputs=[new_output("stream", name="stdout", text="2\n")]),
        new_markdown_cell("### Exercise 3.1 Same padding\n\nWhich padding keeps the size?"),
        new_code_cell(solution, metadata=copy.deepcopy(COLLAPSED), execution_count=2),
        new_code_cell(check, execution_count=3, metadata={"tags": ["nbval-check-output"]},
                      outputs=[new_output("stream", name="stdout", text="✓ Right.\n")]),
    ])


def read(path):
    return nbformat.read(path, as_version=4)


def without_outputs(cell):
    return {**cell, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else dict(cell)


# Stubs


@pytest.mark.parametrize("solution, check, expected", [
    ("padding = 1", "checks.a.b(padding)", "padding = ...  # your answer"),
    ("size = 3\na, b = size, 2\nc: int = 4", "checks.a.b(b, a, c)",
     "b = ...  # your answer\na = ...  # your answer\nc = ...  # your answer"),
    ("for k in range(3):\n    if k:\n        last = k", "checks.a.b(last, model)", "last = ...  # your answer"),
    ("def f(x, y=(1,\n           2)):\n    # a hint\n    return x", "checks.a.b(f)",
     "def f(x, y=(1,\n           2)):\n    raise NotImplementedError  # your code, instead of this line"),
    ('def f(x):\n    """One more than x."""\n    return x + 1', "checks.a.b(f)",
     'def f(x):\n    """One more than x."""\n    raise NotImplementedError  # your code, instead of this line'),
    ("import numpy as np\n\ndef helper():\n    return 1\n\ndef f(x):\n    return np.sum(x) + helper()", "checks.a.b(f)",
     "import numpy as np\ndef f(x):\n    raise NotImplementedError  # your code, instead of this line"),
])
def test_a_stub_is_what_the_check_asks_for(solution, check, expected):
    [exercise] = exercises.find(notebook(solution, check))
    assert versions.stub(exercise) == expected


def test_a_check_that_asks_for_nothing_is_refused():
    with pytest.raises(ValueError, match="exercise 3.1: its check uses no name that its solution defines"):
        versions.student(notebook(check="checks.a.b(1)"))


# The student's version


def test_the_student_gets_the_task_a_stub_and_the_check():
    source = notebook()
    before = copy.deepcopy(source)
    cells = versions.student(source)["cells"]
    assert source == before
    assert [cell["source"] for cell in cells[:3] + cells[4:]] == [cell["source"] for cell in before["cells"][:3] + before["cells"][4:]]
    assert cells[3]["source"] == "padding = ...  # your answer" and cells[3]["metadata"] == {}
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@every_notebook
def test_of_the_course_only_solutions_and_outputs_change(path):
    source = read(path)
    result = versions.student(source)
    solutions = {exercise.index + 1 for exercise in exercises.find(source)}
    assert (solutions or path.stem == "recipes") and result["metadata"] == source["metadata"]
    for index, (before, after) in enumerate(zip(source["cells"], result["cells"], strict=True)):
        if index in solutions:
            assert (after["id"], after["metadata"]) == (before["id"], {}) and after["source"] != before["source"]
        else:
            assert after == without_outputs(before)
    assert versions.student(result) == result
    nbformat.validate(result)


@pytest.mark.skipif(not NO_BROWSER, reason="the students' versions are run in the browser")
@every_notebook
def test_the_students_version_runs_and_reports_each_exercise(path, tmp_path):
    done = execute(versions.write(path, tmp_path, versions.student))
    assert not [o for cell in done.cells for o in cell.get("outputs", []) if o.get("name") == "stderr"]
    exercises_are_open(done, path)


# The live coding version


@pytest.mark.parametrize("source, expected", [
    ("x + 1", ""),
    ("x = 1\nx + 1", "# to define: x"),
    ("# One and one\n# are two\nx = 1  # one\n# and then\nx + 1", "# One and one\n# are two\n# to define: x"),
    ("import numpy as np\n\nfrom xaitutor import plots\n\nplots.use_style()\nmodel = load()",
     "# to define: model\nimport numpy as np\n\nfrom xaitutor import plots\n\nplots.use_style()"),
    ("y = x**2\nfigure, (left, right) = plt.subplots(1, 2)\nleft.plot(x, y)\nfor axis in (left, right):\n    axis.set(title='a')\n"
     "plots.show(figure,\n           alt='A line.')",
     "# to define: y\nfigure, (left, right) = plt.subplots(1, 2)\nleft.plot(x, y)\nfor axis in (left, right):\n    axis.set(title='a')\n"
     "plots.show(figure,\n           alt='A line.')"),
    ("for axis in axes:\n    y = x**2\n    axis.plot(x, y)", "# to define: y"),
    ("left = a.min()\nleft.plot(x)", "# to define: left"),
    ("widgets.explore(draw)\nx = 1", "# to define: x\nwidgets.explore(draw)"),
])
def test_what_is_left_to_be_typed(source, expected):
    result = versions.livecoding(new_notebook(cells=[new_code_cell(source)]))
    assert result.cells[0].source == expected
    assert versions.livecoding(result) == result


@pytest.mark.parametrize("later, expected", [
    (["print(b, a)"], "a, b"), (["print(b)"], "b"), (["b = 1", "print(a, b)"], "a"), (["b = b + 1"], "b"), (["for b in a: pass"], "a"),
    (["[b for b in (1, 2)]", "f = lambda a: a"], "a, b, c"), (["def f(a):\n    return a + c"], "c"), ([], "a, b, c"),
])
def test_names_that_other_cells_need_are_named(later, expected):
    first = "with open(p) as (a, b):\n    c = 0\nfor i in range(3):\n    print(i)"
    live = versions.livecoding(new_notebook(cells=[new_code_cell(source) for source in (first, *later)]))
    assert live.cells[0].source == f"# to define: {expected}"


def test_marked_cells_are_typed_and_no_others_and_prose_that_reveals_is_folded():
    cells = [new_code_cell("x = load()"), new_code_cell("y = x + 1", metadata={"tags": ["typed"]}), new_markdown_cell("It is 2.", metadata={"tags": ["reveals"]}),
             new_markdown_cell("Why?"), new_code_cell("print(y)")]
    source = new_notebook(cells=cells)
    live = versions.livecoding(source)
    assert [cell.source for cell in live.cells] == [
        "x = load()", "# to define: y", "<details><summary>What we see</summary>\n\nIt is 2.\n\n</details>", "Why?", "print(y)"]
    assert versions.livecoding(live) == live and versions.typed_lines(source) == 1


def test_checks_and_solutions_stay():
    cells = versions.livecoding(notebook())["cells"]
    assert [cell["source"] for cell in cells if cell["cell_type"] == "code"] == [
        "# One and one", "padding = 1", "checks.convolution.same_padding(padding)"]
    assert cells[3]["metadata"] == COLLAPSED


@every_notebook
def test_of_the_course_all_stays_but_what_is_typed_or_folded(path):
    source = read(path)
    result = versions.livecoding(source)
    assert result["metadata"] == source["metadata"] and versions.livecoding(result) == result
    typed = set(versions._typed(source))
    for index, (before, after) in enumerate(zip(source["cells"], result["cells"], strict=True)):
        if index in typed:
            assert {line for line in after["source"].splitlines() if not line.startswith("# to define: ")} <= {*before["source"].splitlines(), ""}
        elif versions.REVEALS in before["metadata"].get("tags", []):
            assert before["cell_type"] == "markdown" and before["source"] in after["source"]
        else:
            assert after == without_outputs(before)
    nbformat.validate(result)


@every_notebook
def test_a_marked_lecture_can_be_typed_in_three_quarters_of_an_hour(path):
    source = read(path)
    typed = [cell for cell in source.cells if versions.TYPED in cell.metadata.get("tags", [])]
    assert not typed or 10 <= versions.typed_lines(source) <= 40
    assert not any(exercises.is_folded(cell) for cell in typed)


# Files, and the commands


def written(path: Path) -> dict[str, str]:
    return {file.name: file.read_text("utf-8") for file in path.iterdir()}


def test_the_commands_write_what_they_say_and_twice_is_as_once(tmp_path, capsys):
    course = [str(path) for path in COURSE[:2]]
    for command, names in [("student", [path.name for path in COURSE[:2]]),
                           ("livecoding", [name for path in COURSE[:2] for name in (path.name, f"{path.stem}_live.ipynb")])]:
        folder = tmp_path / "new" / command
        assert cli.main([command, *course, "--to", str(folder)]) == 0
        once = written(folder)
        assert sorted(once) == sorted(names) and str(folder) in capsys.readouterr().out
        assert cli.main([command, *course, "--to", str(folder)]) == 0
        assert written(folder) == once
    assert (folder / COURSE[0].name).read_bytes() == COURSE[0].read_bytes(), "the finished notebook, beside it"
    assert cli.main(["student", *(str(tmp_path / "new" / "student" / path.name) for path in COURSE[:2]), "--to", str(tmp_path / "again")]) == 0
    assert written(tmp_path / "again") == written(tmp_path / "new" / "student")


@pytest.mark.parametrize("command", ["student", "livecoding"])
def test_nobodys_work_is_overwritten(command, tmp_path, capsys):
    (tmp_path / COURSE[0].name).write_text("my answers", "utf-8")
    assert cli.main([command, str(COURSE[0]), str(COURSE[1]), "--to", str(tmp_path)]) == 1
    assert "exists and is another" in capsys.readouterr().err
    assert (tmp_path / COURSE[0].name).read_text("utf-8") == "my answers"
    assert COURSE[1].name in written(tmp_path), "the others are written"
    assert not (tmp_path / f"{COURSE[0].stem}_live.ipynb").exists()


def test_the_source_itself_is_never_overwritten(tmp_path, capsys):
    path = tmp_path / "03.ipynb"
    nbformat.write(notebook(), path)
    before = path.read_bytes()
    assert cli.main(["student", str(path), "--to", str(tmp_path)]) == 1
    assert path.read_bytes() == before and "exists and is another" in capsys.readouterr().err


@pytest.mark.parametrize("text, complaint", [
    (None, "No such file"), ("{", "is not a notebook"), ("[]", "is not a notebook"),
    (json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
        {"cell_type": "code", "id": "a", "metadata": {"nbgrader": {}}, "source": "", "outputs": [], "execution_count": None}]}),
     "this is a graded assignment; its students' version comes from: xaitutor homework release"),
])
@pytest.mark.parametrize("command", ["student", "livecoding"])
def test_bad_input_gets_one_line(command, text, complaint, tmp_path, capsys):
    path = tmp_path / "a.ipynb"
    if text is not None:
        path.write_text(text, "utf-8")
    assert cli.main([command, str(path), "--to", str(tmp_path / "to")]) == 1
    message = capsys.readouterr().err
    assert complaint in message and "Traceback" not in message
    assert not (tmp_path / "to").exists()


def test_a_code_cell_that_is_no_python_is_named():
    with pytest.raises(ValueError, match="code cell 0 is no Python"):
        versions.livecoding(new_notebook(cells=[new_code_cell("x = = 1")]))
