"""xaitutor.course.rehearsal: what is typed is put in place, and run."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from xaitutor import cli
from xaitutor.course import rehearsal


def lecture(path, typed):
    cells = [new_code_cell("x = 1"), new_code_cell(typed, metadata={"tags": ["typed"]}), new_code_cell("assert y == 2, y")]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_the_typed_lines_are_put_below_their_hint(tmp_path):
    source = nbformat.read(lecture(tmp_path / "a.ipynb", "# One more\ny = x + 1"), as_version=4)
    assert [cell.source for cell in rehearsal.typed_in(source).cells] == ["x = 1", "# to define: y\n# One more\ny = x + 1", "assert y == 2, y"]


def test_the_command_runs_them(tmp_path, capsys):
    assert cli.main(["livecoding", str(lecture(tmp_path / "a.ipynb", "y = x + 1")), "--to", str(tmp_path / "to"), "--check"]) == 0
    assert "a.ipynb: 1 lines to type; with them it runs, in " in capsys.readouterr().out


def test_a_cell_that_fails_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"a.ipynb: cell In \[3\] fails: AssertionError 3"):
        rehearsal.rehearse(lecture(tmp_path / "a.ipynb", "y = x + 2"))
