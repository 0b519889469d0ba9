"""xaitutor.course.exercises: exercises are found, and each way to get the convention wrong is named."""

import copy

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from xaitutor.course import exercises

COLLAPSED = {"tags": ["solution"], "jupyter": {"source_hidden": True}}


@pytest.fixture
def notebook():
    return new_notebook(cells=[
        new_markdown_cell("## Try it"),
        new_markdown_cell("### Exercise 3.1 Same padding\n\nWhich padding keeps the size?"),
        new_code_cell("padding = 1", metadata=COLLAPSED),
        new_code_cell("checks.convolution.same_padding(padding)", metadata={"tags": ["nbval-check-output"]}),
        new_markdown_cell("### Exercise 3.2: Strides\n\nAnd the stride?"),
        new_code_cell("stride = 2", metadata=copy.deepcopy(COLLAPSED)),
        new_code_cell("checks.convolution.stride(stride)", metadata={"tags": ["nbval-check-output"]}),
        new_markdown_cell("## Sources"),
    ])


def test_exercises_are_found_in_order(notebook):
    first, second = exercises.find(notebook)
    assert (first.number, first.title, first.index, first.solution) == ("3.1", "Same padding", 1, "padding = 1")
    assert (second.number, second.title, second.index) == ("3.2", "Strides", 4)
    assert "keeps the size" in first.task and "same_padding(padding)" in first.check


def test_a_notebook_without_exercises_has_none():
    assert exercises.find(new_notebook(cells=[new_markdown_cell("# Why?"), new_code_cell("1")])) == []


@pytest.mark.parametrize(
    "change, complaint",
    [
        (lambda cells: cells.pop(2), "exercise 3.1: right after its task"),
        (lambda cells: cells.pop(1), "cell 1 has the tag 'solution'"),
        (lambda cells: cells.pop(6), "exercise 3.2: right after its solution"),
        (lambda cells: cells.pop(3), "exercise 3.1: right after its solution"),
        (lambda cells: cells[5]["metadata"].pop("jupyter"), "exercise 3.2: its solution is not collapsed"),
        (lambda cells: cells[5]["metadata"].pop("tags"), "exercise 3.2: right after its task"),
        (lambda cells: cells[3]["metadata"].pop("tags"), "exercise 3.1: right after its sol"),
        (lambda cells: cells[3].update(source="print(padding)"), "exercise 3.1: right after its sol"),
        (lambda cells: cells[4].update(source="### Exercise 3.2\n\nAnd the stride?"), "cell 4: expected"),
        (lambda cells: cells[4].update(source="### Exercise Strides\n\nAnd?"), "cell 4: expected"),
        (lambda cells: cells[4].update(source="### Exercise 3.2 Strides\n"), "exercise 3.2 has a title and no task"),
        (lambda cells: cells.__delitem__(slice(5, None)), "exercise 3.2: right after its task"),
    ],
)
def test_each_mistake_is_named(notebook, change, complaint):
    change(notebook.cells)
    with pytest.raises(ValueError, match=complaint):
        exercises.find(notebook)
