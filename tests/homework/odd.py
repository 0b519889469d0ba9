"""Odd submissions of part_1: what students do to a notebook, by accident or not, and what it deserves."""

import os
import time
from collections.abc import Callable
from typing import NamedTuple

import nbformat
import pytest
from nbformat.v4 import new_output

from tests.homework.handed_in import at, solutions
from xaitutor.homework import assignments, workers

RIGHT = solutions("part_1")
DEAF = "import time\nwhile True:\n    try:\n        time.sleep(1)\n    except KeyboardInterrupt:\n        pass"
ORPHAN = "\nimport os, time\nif not os.fork():\n    os.setsid()\n    time.sleep(1000)"
ALL_IS_WELL = ("def expect(*a, **k): print('all is well')\n"
               "import xaitutor.homework.expectations as e\ne.compare = expect")
posix = pytest.mark.skipif(os.name != "posix", reason="there is no fork")


class Odd(NamedTuple):
    """A student's right notebook gets `score` after `change`, and the remarks that hold these words, no others."""

    student: str
    change: Callable
    score: int
    remarks: tuple[str, ...] = ()


def source(**answers: str) -> Callable:
    """These solutions, or tests, instead of the right ones; a _ in a name stands for the - of the cell's."""
    def change(notebook):
        for name, answer in answers.items():
            notebook.cells[at(notebook.cells, name.replace("_", "-"))].source = answer
    return change


def deleted(name: str) -> Callable:
    return lambda notebook: notebook.cells.pop(at(notebook.cells, name))


def program_without_marks(notebook) -> None:
    """What some programs save: an older format, without marks."""
    notebook.nbformat_minor = 2
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
        del cell["id"]


def other_metadata(notebook) -> None:
    notebook.metadata.kernelspec = {"display_name": "My GPU", "language": "python", "name": "my-gpu"}
    notebook.cells[at(notebook.cells, "test-window")].metadata.nbgrader.points = 100
    notebook.cells[at(notebook.cells, "test-field")].metadata.nbgrader = "mine"
    cell = notebook.cells[at(notebook.cells, "convolve")]
    notebook.cells[at(notebook.cells, "convolve")] = nbformat.v4.new_markdown_cell(cell.source, metadata=cell.metadata)


def divided(notebook) -> None:
    """Jupyter's "Split cell", and copies of cells."""
    cells = notebook.cells
    copy_behind(cells, "window", RIGHT["window"][RIGHT["window"].index("    for"):])
    cells[at(cells, "window")].source = RIGHT["window"][:RIGHT["window"].index("    for")]
    copy_behind(cells, "convolve", "def convolve(f, g):\n    raise NotImplementedError")
    copy_behind(cells, "correlate", RIGHT["correlate"])
    cells[at(cells, "correlate")].source = "def correlate(*arguments):\n    raise NotImplementedError"
    copy_behind(cells, "test-field", "print('what I tried')")


def copy_behind(cells, name: str, source: str) -> None:
    copied = nbformat.v4.new_code_cell(source, metadata=nbformat.from_dict(dict(cells[at(cells, name)].metadata)))
    cells.insert(at(cells, name) + 1, copied)


def other_ends_of_lines(notebook) -> None:
    for cell in notebook.cells:
        cell.source = cell.source.replace("\n", "  \r\n")
        if cell.cell_type == "code":
            cell.outputs = [new_output("stream", text="what it printed at home")]


def of_the_instructor(notebook) -> None:
    notebook.cells = nbformat.read(assignments.source("part_1"), as_version=4).cells


LOST = "its code {}: what came after it was not run"
BACK = "deleted, or lost its mark: it was put back"
ODD = [
    Odd("good", source(), 20),
    Odd("raises", source(window="1 / 0"), 17),
    Odd("deleted task", deleted("convolve"), 17),
    Odd("deleted test", deleted("test-convolve"), 20, (f"the test cell 'test-convolve' was {BACK}",)),
    Odd("changed test", source(test_convolve="print('all is well')"), 20,
        ("the test cell 'test-convolve' was changed: the original was used",)),
    Odd("no marks", program_without_marks, 20,
        ("'task-field', 'test-field', 'task-window', 'test-window' were deleted, or lost their marks: they were put back",)),
    Odd("other metadata", other_metadata, 20, (f"the test cell 'test-field' was {BACK}",)),
    Odd("divided", divided, 20, (
        "the test cell 'test-field' was there more than once: one of them counts",
        "the solution 'convolve' was there more than once: the first that is complete counts, the others were not run",
        "the solution 'correlate' was there more than once",
        "the solution 'window' was split into 2 cells: they were put together")),
    Odd("other ends of lines", other_ends_of_lines, 20),
    Odd("instructor", of_the_instructor, 20),
    # What holds up a kernel, or ends it
    Odd("endless", source(window="def window(position, layers):\n    while True:\n        pass"), 17,
        ("the cell 'test-window' did not end, and had to be interrupted",)),
    Odd("deaf", source(window=DEAF), 17, (LOST.format("does not end, and could not be interrupted"),)),
    Odd("silent", source(convolve="get_ipython().run_cell = lambda *a, **k: None"), 6,
        (LOST.format("made IPython give no answers"),)),
    Odd("crash", source(window="import os\nos._exit(1)"), 17,
        (LOST.format("ended the Python that ran it (a crash, os._exit, or no memory left)"),)),
    Odd("kills", source(window="import os, signal\nos.kill(os.getppid(), signal.SIGTERM)"), 0,
        ("its code ended the process that graded it",)),
    Odd("forks", source(window=RIGHT["window"] + ORPHAN), 20, ("it left processes running: they were ended",)),
    Odd("wants much", source(neurons=RIGHT["neurons"] + "\nprint('x' * 200_000_000)",
                             convolve=RIGHT["convolve"] + f"\nbytearray({workers.MEMORY})"), 20,
        ("the cell 'convolve' wants more memory than there is",
         "the cell 'neurons' put out too much: the rest of it was left away")),
    # What is right already
    Odd("leaves", source(neurons=RIGHT["neurons"] + "\n%cd /", field="import sys\nsys.exit(0)\n" + RIGHT["field"],
                         window="%reset\n" + RIGHT["window"]), 13),
    Odd("asks", source(window="def window(position, layers):\n    return input()"), 17,
        ("the cell 'test-window' asks for input: nobody answers here",)),
    # What tests rely on
    Odd("other NumPy", source(neurons="np.allclose = lambda *a, **k: True\n"
                                      "def neurons(x, w, b):\n    return np.ones((len(x), len(w)))"), 17,
        ("its code replaced numpy.allclose: the original was used in the tests",)),
    Odd("other expect", source(neurons=ALL_IS_WELL, test_neurons="print('✓')"), 17, (
        "the test cell 'test-neurons' was changed",
        "its code replaced expect, xaitutor.homework.expectations.compare: the original was used in the tests")),
    Odd("other pytest", source(
        neurons=RIGHT["neurons"] + "\nimport pytest\npytest.approx = pytest.raises = lambda *a, **k: True"), 20),
]


def wait_for(condition: Callable, seconds: float = 600):
    """What the condition gives, as soon as it gives something."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
    return found
