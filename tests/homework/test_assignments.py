"""The five assignments, as files: nbgrader's marks, points, hidden tests, and what students get of them."""

import re
import sys

import nbformat
import pytest

from tests.homework.handed_in import solutions
from xaitutor import cli, homework
from xaitutor.homework import assignments

NAMES = assignments.names()
of_each = pytest.mark.parametrize("name", NAMES)


def cells(name):
    return nbformat.read(assignments.source(name), as_version=4).cells


def marked(name, **wanted):
    return [cell for cell in cells(name) if "nbgrader" in cell.metadata
            and all(cell.metadata.nbgrader[key] == value for key, value in wanted.items())]


def test_there_is_one_for_each_part():
    assert NAMES == ["part_1", "part_2", "part_3", "part_4", "part_5"]


@of_each
def test_its_marks_are_nbgraders(name):
    validator = pytest.importorskip("nbgrader.nbgraderformat", reason="nbgrader is not installed").MetadataValidator()
    for cell in marked(name):
        validator.validate_cell(cell)
        assert cell.metadata.nbgrader.schema_version == 3
    ids = [cell.metadata.nbgrader.grade_id for cell in marked(name)]
    assert len(set(ids)) == len(ids)


@of_each
def test_each_task_has_a_solution_and_each_solution_a_test_with_points(name):
    kinds = [(m.solution, m.grade) for m in (cell.metadata.nbgrader for cell in marked(name))]
    text = "".join({(False, False): "t", (True, False): "s", (False, True): "p"}[kind] for kind in kinds)
    assert re.fullmatch(r"(tsp+){5,}", text)
    for test in marked(name, grade=True):
        assert test.metadata.nbgrader.points > 0
        assert test.source.count("### BEGIN HIDDEN TESTS") == test.source.count("### END HIDDEN TESTS") == 1
    for solution in marked(name, solution=True):
        assert solution.source.count("### BEGIN SOLUTION") == solution.source.count("### END SOLUTION") == 1


@of_each
def test_the_task_names_its_points(name):
    said = [int(re.search(r"^## \d+\. .+ \((\d+) points\)", cell.source)[1]) for cell in marked(name, solution=False, grade=False)]
    given = [test.metadata.nbgrader.points for test in marked(name, grade=True)]
    first = next(cell.source for cell in cells(name))
    assert sum(said) == sum(given) and f"{sum(given)} points" in first


@of_each
def test_students_get_neither_solutions_nor_hidden_tests(name, release_folder):
    path = release_folder / f"{name}.ipynb"
    text, released = path.read_text("utf-8"), nbformat.read(path, as_version=4).cells
    assert "SOLUTION" not in text and "HIDDEN" not in text and '"outputs": []' in text
    for before, after in zip(cells(name), released, strict=True):
        assert before.id == after.id and not after.get("outputs")
        if before.cell_type == "markdown" or "nbgrader" not in before.metadata:
            assert after.source == before.source
    for task, solution in solutions(name).items():
        secret = [line for line in solution.splitlines() if len(line.strip()) > 12 and not line.startswith("def ")]
        assert not any(line in text for line in secret), f"a line of the solution of {task}"
    stubs = [cell.source for cell in released if cell.metadata.get("nbgrader", {}).get("solution")]
    assert all("raise NotImplementedError  # your code, instead of this line" in stub for stub in stubs)


def test_twice_is_as_once(release_folder):
    before = (release_folder / "part_1.ipynb").read_bytes()
    assert homework.release("part_1", release_folder).read_bytes() == before


def test_nobodys_work_is_overwritten(tmp_path):
    pytest.importorskip("nbgrader", reason="nbgrader is not installed")
    (tmp_path / "part_1.ipynb").write_text("my answers", "utf-8")
    with pytest.raises(FileExistsError, match="it may hold somebody's work"):
        homework.release("part_1", tmp_path)
    assert (tmp_path / "part_1.ipynb").read_text("utf-8") == "my answers"


@pytest.mark.parametrize("arguments, told", [
    (["release", "part_6"], "there is no assignment 'part_6'; did you mean 'part_"),
    (["release", "x"], "there is no assignment 'x'; there are part_1, part_2, part_3, part_4, part_5"),
    (["grade", "part1", "--submissions", "."], "there is no assignment 'part1'; did you mean 'part_1'?"),
    (["grade", "part_1", "--submissions", "nowhere"], "nowhere is not a folder"),
    (["grade", "part_1", "--submissions", "empty"], "empty is empty; it should hold a folder, or a notebook, for each student"),
    (["grade", "part_1", "--submissions", "empty", "--seconds", "0"], "seconds has to be at least 1, not 0"),
])
def test_bad_input_gets_one_line(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert cli.main(["homework", *arguments]) == 1
    message = capsys.readouterr().err
    assert told in message and "Traceback" not in message and not (tmp_path / "graded").exists()


@pytest.mark.parametrize("arguments", [["release", "part_1"], ["grade", "part_1", "--submissions", "."]])
def test_without_nbgrader_a_line_says_how_to_get_it(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "nbgrader", None)
    assert cli.main(["homework", *arguments]) == 1
    assert "nbgrader, which is not installed. Install it with: pip install" in capsys.readouterr().err
