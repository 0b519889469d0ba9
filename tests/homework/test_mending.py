"""xaitutor.homework.mending: each cell of the assignment is there once, in its place, and remarks say what was done."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from xaitutor.homework import mending


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
    mended, remarks = mending.mend(RELEASED, RELEASED)
    assert mended == RELEASED and remarks == []


@given(st.sets(st.integers(0, 7)), st.integers(0, 3))
def test_locked_cells_come_back_in_their_order_and_nothing_else_is_touched(lost, extra):
    submitted = copy.deepcopy(RELEASED)
    submitted.cells = [cell for i, cell in enumerate(submitted.cells) if i not in lost]
    submitted.cells[:0] = [new_code_cell(f"mine = {i}") for i in range(extra)]
    lost_marks = new_code_cell("f()", id=RELEASED.cells[3].id) if 3 in lost else None
    submitted.cells += [lost_marks] if lost_marks else []
    before = copy.deepcopy(submitted)
    mended, remarks = mending.mend(submitted, RELEASED)
    assert submitted == before
    assert sorted(locked(mended)) == sorted(locked(RELEASED))
    assert len({cell["id"] for cell in mended.cells}) == len(mended.cells)
    assert [cell for cell in mended.cells if cell in before.cells] == before.cells
    back = [name for name in ("task", "test-f", "task-2", "test-g") if name not in ids(before)]
    assert len(mended.cells) - len(before.cells) == len(back) == "".join(remarks).count("'") // 2
    assert len(remarks) == bool(back) and all(repr(name) in remarks[0] for name in back)
    if len(lost) == 1 and 1 not in lost:
        assert locked(mended) == locked(RELEASED), "each behind the one before it"


@pytest.mark.parametrize("index, remark", [(3, "the test cell 'test-f' was changed: the original was used"),
                                           (1, "the cell 'task' was changed: the original was used")])
def test_a_changed_cell_is_remarked(index, remark):
    submitted = copy.deepcopy(RELEASED)
    submitted.cells[index].source += "\nall_is_well = True"
    assert mending.mend(submitted, RELEASED)[1] == [remark]


def test_a_deleted_test_stands_behind_its_solution():
    submitted = copy.deepcopy(RELEASED)
    del submitted.cells[3]
    submitted.cells.insert(2, new_code_cell("helper = 1"))
    assert ids(mending.mend(submitted, RELEASED)[0]) == [None, "task", None, "f", "test-f", None, "task-2", "g", "test-g"]


def with_cells(**sources):
    """The released notebook, with these code cells in place of the one of each name; a _ stands for a -."""
    cells = []
    for cell in copy.deepcopy(RELEASED).cells:
        pieces = sources.get(str(mending._name(cell)).replace("-", "_"))
        metadata = dict(cell.metadata)
        cells += [new_code_cell(piece, metadata=copy.deepcopy(metadata)) for piece in pieces] if pieces else [cell]
    return new_notebook(cells=cells)


@pytest.mark.parametrize("change", [
    lambda source: source + "  ", lambda source: source.replace("\n", "\r\n"), lambda source: source + "\n\n",
    lambda source: "# a comment\n" + source, lambda source: source.replace("\n", "\n\n# another\n"),
    lambda source: source.replace("f()", "f( )")])
def test_what_means_the_same_is_no_change(change):
    released = with_cells(test_f=["answer = f()\nprint(answer)"])
    submitted = copy.deepcopy(released)
    submitted.cells[3].source = change(released.cells[3].source)
    assert mending.mend(submitted, released)[1] == []


def test_the_complete_notebook_is_as_good_as_the_released_one():
    complete = with_cells(test_f=["f()\nhidden()"], test_g=["g()\nhidden()"])
    assert mending.mend(complete, RELEASED, complete)[1] == []
    assert len(mending.mend(complete, RELEASED)[1]) == 1


def test_one_remark_lists_all_that_were_changed():
    submitted = with_cells(test_f=["pass"], test_g=["pass"])
    assert mending.mend(submitted, RELEASED)[1] == ["the test cells 'test-f', 'test-g' were changed: the originals were used"]
    submitted.cells[1].source = "my task"
    assert mending.mend(submitted, RELEASED)[1] == ["the cells 'task', 'test-f', 'test-g' were changed: the originals were used"]


STUB = "def f():\n    raise NotImplementedError  # your code, instead of this line"
SPLIT, COPIED = "was split into", "was there more than once"


@pytest.mark.parametrize("pieces, used, told", [
    (["def f():\n    a = 1", "    return a"], [0, 1], SPLIT),
    (["def f():", "    return 1"], [0, 1], SPLIT),
    (["def f():\n    a = 1", "    b = 2", "    return a + b"], [0, 1, 2], SPLIT),
    (["a = f(1,", "2,", "3)"], [0, 1, 2], SPLIT),
    (["weights = 1", "biases = 2"], [0, 1], SPLIT),
    (["import math", "def f(): return 1"], [0, 1], SPLIT),
    (["%matplotlib inline\ndef f():", "    return 1"], [0, 1], SPLIT),
    ([STUB, "def f(): return 1"], [1], COPIED),
    (["def f(): return 1", STUB], [0], COPIED),
    (["def f(): return 1", "def f(): return 2"], [0], COPIED),
    (["def f(): return", "def f(: return 2", "def f(): return 3"], [0], COPIED),
    (["def f(: return 1", "def f(): return 2"], [1], COPIED),
    (["def f():\n    a = 1", "    return a", STUB], [0, 1], COPIED),
    ([STUB, "def f():\n    a = 1", "    return a"], [1, 2], COPIED),
    (["a, b = 1, 2", "a, b = 2, 3"], [0], COPIED),
    ([STUB, STUB.replace("raise", "print('begun')\n    raise")], [1], COPIED),
    ([STUB, STUB], [0], COPIED),
    (["def f(: return 1", "def f(: return 2"], [0, 1], SPLIT),
])
def test_halves_are_put_together_and_of_copies_the_first_complete_one_counts(pieces, used, told):
    released = with_cells(f=[STUB])
    mended, remarks = mending.mend(with_cells(f=pieces), released)
    [solution] = [cell for cell in mended.cells if mending._name(cell) == "f"]
    assert solution.source == "\n".join(pieces[i] for i in used)
    assert len(remarks) == 1 and remarks[0].startswith(f"the solution 'f' {told}")
    run = [cell.source for cell in mended.cells if cell.cell_type == "code" and cell.source in pieces]
    assert run == [solution.source] * (len(used) == 1)
    aside = [cell for cell in mended.cells if cell.source.startswith("*Not run, as it is there more than once:*")]
    assert len(aside) == len(pieces) - len(used)


@pytest.mark.parametrize("pieces, kept", [
    (["mine()", "f()"], 1), (["f()", "mine()"], 0), (["f()", "f() "], 1), (["mine()", "ours()"], 1)])
def test_of_copied_tests_one_counts_and_the_others_are_the_students_own(pieces, kept):
    mended, remarks = mending.mend(with_cells(test_f=pieces, test_g=["g()", "g()", "g()"]), RELEASED)
    assert remarks[0] == "the test cells 'test-f', 'test-g' were there more than once: one of them counts"
    assert remarks[1:] == ["the test cell 'test-f' was changed: the original was used"] * ("f()" not in pieces)
    assert [mending._name(cell) for cell in mended.cells[3:5]] == ["test-f" if i == kept else None for i in range(2)]


@pytest.mark.parametrize("mark", ["mine", None, [], {}, {"grade_id": ["f"]}, {"grade_id": "unknown", "grade": True}])
def test_marks_that_are_none_are_taken_off(mark):
    submitted = copy.deepcopy(RELEASED)
    submitted.cells[0].metadata["nbgrader"] = submitted.cells[3].metadata["nbgrader"] = mark
    mended, remarks = mending.mend(submitted, RELEASED)
    assert ids(mended) == [None, "task", "f", "test-f", None, None, "task-2", "g", "test-g"] and len(remarks) == 1


def test_marks_are_the_assignments_own():
    submitted = copy.deepcopy(RELEASED)
    submitted.cells[3].metadata["nbgrader"] |= {"points": 100, "grade": False, "locked": False, "schema_version": 1}
    assert mending.mend(submitted, RELEASED) == (RELEASED, [])
