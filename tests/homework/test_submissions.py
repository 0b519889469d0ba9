"""xaitutor.homework.submissions: every layout of a folder is understood, and lost cells come back where they belong."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from xaitutor.homework import submissions


def mark(grade_id, solution=False, grade=False):
    return {"nbgrader": {"grade_id": grade_id, "solution": solution, "grade": grade, "locked": not solution}}


RELEASED = new_notebook(cells=[
    new_markdown_cell("# Homework"),
    new_markdown_cell("task", metadata=mark("task")), new_code_cell("def f(): pass", metadata=mark("f", solution=True)),
    new_code_cell("f()", metadata=mark("test-f", grade=True)), new_code_cell("import numpy"),
    new_markdown_cell("task 2", metadata=mark("task-2")), new_code_cell("def g(): pass", metadata=mark("g", solution=True)),
    new_code_cell("g()", metadata=mark("test-g", grade=True)),
])


def ids(notebook):
    return [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]]


def locked(notebook):
    return [(i, c["source"]) for i, c in zip(ids(notebook), notebook["cells"]) if i and c["metadata"]["nbgrader"]["locked"]]


def test_what_is_whole_stays_as_it_is():
    mended, remarks = submissions.mend(RELEASED, RELEASED)
    assert mended == RELEASED and remarks == []


@given(st.sets(st.integers(0, 7)), st.integers(0, 3))
def test_locked_cells_come_back_in_their_order_and_nothing_else_is_touched(lost, extra):
    submitted = copy.deepcopy(RELEASED)
    submitted.cells = [cell for i, cell in enumerate(submitted.cells) if i not in lost]
    submitted.cells[:0] = [new_code_cell(f"mine = {i}") for i in range(extra)]
    lost_marks = new_code_cell("f()", id=RELEASED.cells[3].id) if 3 in lost else None
    submitted.cells += [lost_marks] if lost_marks else []
    before = copy.deepcopy(submitted)
    mended, remarks = submissions.mend(submitted, RELEASED)
    assert submitted == before
    assert sorted(locked(mended)) == sorted(locked(RELEASED))
    assert len({cell["id"] for cell in mended.cells}) == len(mended.cells)
    assert [cell for cell in mended.cells if cell in before.cells] == before.cells
    assert len(remarks) == len(mended.cells) - len(before.cells) == len(lost & {1, 3, 5, 7})
    if len(lost) == 1 and 1 not in lost:
        assert locked(mended) == locked(RELEASED), "each behind the one before it"


@pytest.mark.parametrize("index, remark", [(3, "the test cell 'test-f' was changed: the original was used"),
                                           (1, "the cell 'task' was changed: the original was used")])
def test_a_changed_cell_is_remarked(index, remark):
    submitted = copy.deepcopy(RELEASED)
    submitted.cells[index].source += " # all is well"
    assert submissions.mend(submitted, RELEASED)[1] == [remark]


def test_a_deleted_test_stands_behind_its_solution():
    submitted = copy.deepcopy(RELEASED)
    del submitted.cells[3]
    submitted.cells.insert(2, new_code_cell("helper = 1"))
    assert ids(submissions.mend(submitted, RELEASED)[0]) == [None, "task", None, "f", "test-f", None, "task-2", "g", "test-g"]


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", "utf-8")


def test_folders_and_files(tmp_path):
    put(tmp_path, "anna/part_1.ipynb", "anna/photo.jpg", "anna/notes.ipynb", "ben/part_1 (2).ipynb", "ben/.ipynb_checkpoints/part_1.ipynb",
        "carla.ipynb", "dora/inner/part_1.ipynb", "dora.ipynb", "eve/a.ipynb", "eve/b.ipynb", ".hidden/part_1.ipynb", "list.csv")
    found = {one.student: one for one in submissions.find(tmp_path, "part_1")}
    assert {student: one.notebook and one.notebook.relative_to(tmp_path).as_posix() for student, one in found.items()} == {
        "anna": "anna/part_1.ipynb", "ben": "ben/part_1 (2).ipynb", "carla": "carla.ipynb", "dora": "dora/inner/part_1.ipynb",
        "dora.ipynb": "dora.ipynb", "eve": None, "list.csv": None}
    assert found["anna"].remarks == found["carla"].remarks == () and found["anna"].folder == tmp_path / "anna"
    assert found["ben"].remarks == ("the notebook is called part_1 (2).ipynb, not part_1.ipynb",)
    assert found["eve"].remarks == ("expected one notebook part_1.ipynb; there is a.ipynb, b.ipynb",)
    assert found["list.csv"].remarks == ("list.csv is neither a notebook nor a folder",) and found["carla"].folder is None
