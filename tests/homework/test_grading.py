"""xaitutor.homework: each mistake costs its own points and is named, and whatever is handed in, the others are graded."""

import csv
import html
import json
import os
import re

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed (the extra 'homework')")

from tests.homework.handed_in import filled, replaced, solutions
from tests.homework.mistakes import MISTAKES
from xaitutor import cli, homework
from xaitutor.homework import assignments, grading

NAMES = assignments.names()
of_each = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="session")
def handed_in(released):
    """All submissions with one mistake, the perfect and the untouched one, by assignment and student."""
    found = {}
    for name in NAMES:
        right = solutions(name)
        found[name] = {"perfect": filled(released[name], right), "untouched": released[name]}
        for mistake in MISTAKES:
            if mistake.assignment == name:
                wrong = {mistake.task: replaced(right[mistake.task], mistake.old, mistake.new)}
                found[name][mistake.name] = filled(released[name], right | wrong)
    return found


@pytest.fixture(scope="session")
def graded(handed_in, tmp_path_factory):
    """The results by assignment and student, with the words of the feedback."""
    found = {}
    for name, notebooks in handed_in.items():
        folder, to = tmp_path_factory.mktemp(name), tmp_path_factory.mktemp(f"{name}_graded")
        for student, notebook in notebooks.items():
            (folder / student).mkdir()
            nbformat.write(notebook, folder / student / f"{name}.ipynb")
        results = homework.grade(name, folder, to, seconds=300)
        found[name] = {result.student: (result, words(to / "feedback" / f"{result.student}.html")) for result in results}
    return found


def words(page):
    """What a page of feedback says: without marks and colours."""
    return html.unescape(re.sub(r"<[^>]*>", "", page.read_text("utf-8")))


@of_each
def test_a_perfect_submission_gets_all_points(graded, name):
    result, said = graded[name]["perfect"]
    assert result.points == grading.maximum(name) and result.remarks == () and "✗" not in said
    assert result.score in (20, 24)


@of_each
def test_an_untouched_one_gets_none(graded, name):
    result, _ = graded[name]["untouched"]
    assert result.score == 0 and set(result.points) == set(grading.maximum(name)) and result.remarks == ()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_costs_its_own_points_and_is_named(graded, mistake):
    result, said = graded[mistake.assignment][mistake.name]
    maximum = grading.maximum(mistake.assignment)
    assert result.points == maximum | {mistake.test: 0.0}
    assert mistake.told in re.search(r"✗.*", said)[0]


def test_each_assignment_and_each_kind_of_mistake_is_there():
    assert len(MISTAKES) >= 12 and {mistake.assignment for mistake in MISTAKES} == set(NAMES)
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)


# What else may be handed in


@pytest.fixture(scope="module")
def odd(handed_in, tmp_path_factory):
    """Ten odd submissions and a good one, graded: results by student, the table, and the feedback."""
    folder, to = tmp_path_factory.mktemp("odd"), tmp_path_factory.mktemp("odd_graded")
    perfect = handed_in["part_1"]["perfect"]
    endless = "def window(position, layers):\n    while True:\n        pass"

    def write(student, change=lambda cells: None, file="part_1.ipynb"):
        notebook = nbformat.from_dict(json.loads(json.dumps(perfect)))
        change(notebook.cells)
        (folder / student).mkdir(exist_ok=True)
        nbformat.write(notebook, folder / student / file)

    def put(source, task):
        return lambda cells: cells[at(cells, task)].update(source=source)

    write("good")
    write("endless", put(endless, "window"))
    write("crash", put("import os\nos._exit(1)", "window"))
    write("raises", put("1 / 0", "window"))
    write("deleted test", lambda cells: cells.pop(at(cells, "test-convolve")))
    write("deleted task", lambda cells: cells.pop(at(cells, "convolve")))
    write("changed test", put("print('all is well')", "test-convolve"))
    write("no marks", lambda cells: [cell.metadata.pop("nbgrader", None) for cell in cells])
    write("renamed", file="my homework (final).ipynb")
    write("two", file="a.ipynb")
    write("two", file="b.ipynb")
    (folder / "two words é").mkdir()
    (folder / "no json.ipynb").write_text("dear teacher, my dog ate it", "utf-8")
    (folder / "no notebook.ipynb").write_text("[1, 2]", "utf-8")
    (folder / "archive.zip").write_bytes(b"PK")
    (folder / ".DS_Store").write_bytes(b"")
    nbformat.write(perfect, folder / "a file.ipynb")
    results = homework.grade("part_1", folder, to, seconds=30)
    return {result.student: result for result in results}, to


def at(cells, grade_id):
    return next(i for i, cell in enumerate(cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


@pytest.mark.parametrize("student, score, remark", [
    ("good", 20, None), ("a file", 20, None),
    ("endless", 17, None), ("raises", 17, None), ("deleted task", 17, None),
    ("crash", 0, "its code ended the Python that ran it"),
    ("deleted test", 20, "the test cell 'test-convolve' was deleted: it was put back"),
    ("changed test", 20, "the test cell 'test-convolve' was changed: the original was used"),
    ("no marks", 20, "the test cell 'test-window' was deleted: it was put back"),
    ("renamed", 20, "the notebook is called my homework (final).ipynb, not part_1.ipynb"),
    ("two", 0, "expected one notebook part_1.ipynb; there is a.ipynb, b.ipynb"),
    ("two words é", 0, "expected one notebook part_1.ipynb; there is no notebook"),
    ("no json", 0, "no json.ipynb is not a notebook"), ("no notebook", 0, "no notebook.ipynb is not a notebook"),
    ("archive.zip", 0, "archive.zip is neither a notebook nor a folder"),
])
def test_the_others_are_graded_and_the_report_says_what_happened(odd, student, score, remark):
    results, to = odd
    assert results[student].score == score
    assert (remark in "; ".join(results[student].remarks)) if remark else results[student].remarks == ()
    assert (to / "feedback" / f"{student}.html").is_file()
    if not results[student].points:
        assert remark in words(to / "feedback" / f"{student}.html")


def test_hidden_files_are_no_submissions(odd):
    assert ".DS_Store" not in odd[0] and len(odd[0]) == 15


@pytest.mark.parametrize("student, told", [
    ("endless", "CellTimeoutError"), ("raises", "ZeroDivisionError"), ("deleted task", "NameError")])
def test_the_feedback_says_what_stopped_it(odd, student, told):
    assert told in words(odd[1] / "feedback" / f"{student}.html")


def test_the_table_holds_a_row_for_each_and_a_column_for_each_test(odd):
    results, to = odd
    with open(to / "part_1.csv", newline="", encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(results)
    assert {float(row["of"]) for row in rows.values()} == {20}
    for student, row in rows.items():
        assert float(row["score"]) == results[student].score == sum(float(row[test]) for test in grading.maximum("part_1"))
        assert row["remarks"] == "; ".join(results[student].remarks)


@pytest.mark.parametrize("seconds, patience, remark", [
    (5, 100, "its code does not end, and could not be interrupted"),
    (1, 1, "it was stopped after 1 seconds: its code does not end"),  # before it has even begun
])
def test_code_that_cannot_be_interrupted_is_stopped(handed_in, tmp_path, monkeypatch, seconds, patience, remark):
    deaf = "while True:\n    try:\n        while True:\n            pass\n    except KeyboardInterrupt:\n        pass"
    monkeypatch.setattr(grading, "PATIENCE", patience)
    (tmp_path / "in").mkdir()
    nbformat.write(filled(handed_in["part_1"]["perfect"], {"neurons": deaf}), tmp_path / "in" / "deaf.ipynb")
    [result] = homework.grade("part_1", tmp_path / "in", tmp_path / "out", seconds=seconds)
    assert result.score == 0 and result.remarks == (remark,)


def test_a_submission_whose_files_cannot_be_used_stops_nobody(released, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(grading, "_lay_out", full)
    for student in ("anna", "ben"):
        (tmp_path / "in" / student).mkdir(parents=True)
        nbformat.write(released["part_1"], tmp_path / "in" / student / "part_1.ipynb")
    results = homework.grade("part_1", tmp_path / "in", tmp_path / "out")
    assert [result.remarks for result in results] == [("its files cannot be used: no space left",)] * 2


@pytest.mark.parametrize("log, reason", [
    ("… nbclient.exceptions.DeadKernelError: Kernel died", "its code ended the Python that ran it"),
    ("Traceback …\nsqlalchemy.exc.OperationalError: disk full\nnbgrader.x.NbGraderException: see above",
     "nbgrader could not grade it: sqlalchemy.exc.OperationalError: disk full"),
    ("", "nbgrader could not grade it: see its log"),
])
def test_why_nbgrader_gave_up_is_said(log, reason):
    assert reason in grading._reason(log)


def test_by_the_command_and_with_what_lies_beside_the_notebook(handed_in, tmp_path, capsys):
    """A file of the student's own goes along; and a warning, or a word on stderr, costs nothing."""
    folder = tmp_path / "in" / "anna"
    folder.mkdir(parents=True)
    (folder / "my_photo.txt").write_text("a cat", "utf-8")
    if os.name != "nt":  # where links need rights of their own
        (folder / "a link to nowhere").symlink_to("nowhere")
    answer = solutions("part_1")["neurons"] + "\nassert open('my_photo.txt').read() == 'a cat'\nimport warnings\nwarnings.warn('old')"
    nbformat.write(filled(handed_in["part_1"]["perfect"], {"neurons": answer}), folder / "part_1.ipynb")
    (tmp_path / "in" / "ben").mkdir()
    to = tmp_path / "out"
    assert cli.main(["homework", "grade", "part_1", "--submissions", str(tmp_path / "in"), "--to", str(to)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["anna", "20"] and said[1].startswith("ben") and said[1].endswith("there is no notebook")
    assert "part_1.csv" in said[-1] and "AssertionError" not in words(to / "feedback" / "anna.html")
