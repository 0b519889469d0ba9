"""xaitutor.homework: whatever is handed in gets the points it deserves, a row, a page and a remark, as do the others."""

import csv
import html
import itertools
import os
import re
import signal
import subprocess
import sys
import time
import uuid

import nbformat
import psutil
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed (the extra 'homework')")

from tests.homework import secrets
from tests.homework.handed_in import filled, replaced, solutions
from tests.homework.mistakes import MISTAKES
from tests.homework.odd import DEAF, ODD, ORPHAN, posix, wait_for
from xaitutor import cli, homework
from xaitutor.homework import assignments, course, grading

NAMES = assignments.names()
NOT_ON_WINDOWS = "forks", "wants much", "kills"
NEVER_END = "endless", "deaf"
of_each = pytest.mark.parametrize("name", NAMES)


def together(name):
    """The mistakes of an assignment, one in each task of a submission: all of part_1's, of the others the first.

    That each costs its points and is named is seen in test_mistakes.py, without nbgrader; here, that nbgrader says the same.
    """
    tasks = {}
    for mistake in MISTAKES:
        if mistake.assignment == name:
            tasks.setdefault(mistake.task, []).append(mistake)
    in_turn = list(enumerate(itertools.zip_longest(*tasks.values())))
    return {f"mistaken {i}": [mistake for mistake in row if mistake] for i, row in (in_turn if name == "part_1" else in_turn[:1])}


def mistaken(name, mistakes):
    right = solutions(name)
    return right | {mistake.task: replaced(right[mistake.task], mistake.old, mistake.new) for mistake in mistakes}


@pytest.fixture(scope="session")
def graded(released, tmp_path_factory):
    """All submissions, graded: folder, and results by student, for each assignment. part_1 has the odd ones, too."""
    found = {}
    for name in NAMES:
        folder, to = tmp_path_factory.mktemp(name), tmp_path_factory.mktemp(f"{name}_graded")
        perfect = filled(released[name], solutions(name))
        notebooks = {"perfect": perfect} | ({"untouched": released[name]} if name == "part_1" else {})
        for student, mistakes in together(name).items():
            notebooks[student] = filled(released[name], mistaken(name, mistakes))
        for student, notebook in notebooks.items():
            put(folder / student / f"{name}.ipynb", notebook)
        if name == "part_1":
            put_odd_ones(folder, perfect, [odd for odd in ODD if odd.student not in NEVER_END])
            put_what_is_odd_about_folders(folder, perfect)
        results = homework.grade(name, folder, to, 300)
        if name == "part_1":  # for these one has to wait: they are graded by a second run, which goes on
            seconds = patience(perfect, tmp_path_factory.mktemp("alone"))
            put_odd_ones(folder, perfect, [odd for odd in ODD if odd.student in NEVER_END])
            results += homework.grade(name, folder, to, seconds)
        found[name] = to, {result.student: result for result in results}
    return found


def patience(perfect, folder) -> int:
    """Seconds for each cell of one that never ends: 20 are enough; or, on a busy machine, twice as many as a right one takes as a whole."""
    put(folder / "in" / "perfect" / "part_1.ipynb", perfect)
    begun = time.monotonic()
    homework.grade("part_1", folder / "in", folder / "out", 300)
    return max(20, round(2 * (time.monotonic() - begun)))


def put(path, notebook):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def put_odd_ones(folder, perfect, chosen):
    for odd in chosen:
        notebook = nbformat.reads(nbformat.writes(perfect), as_version=4)
        odd.change(notebook)
        (folder / odd.student).mkdir()
        (folder / odd.student / "part_1.ipynb").write_text(nbformat.v4.writes(notebook), "utf-8")


def put_what_is_odd_about_folders(folder, perfect):
    put(folder / "renamed" / "my homework (final).ipynb", perfect)
    put(folder / "two" / "a.ipynb", perfect)
    put(folder / "two" / "b.ipynb", perfect)
    (folder / "two words é").mkdir()
    (folder / "no json.ipynb").write_text("dear teacher, my dog ate it", "utf-8")
    (folder / "no notebook.ipynb").write_text("[1, 2]", "utf-8")
    (folder / "archive.zip").write_bytes(b"PK")
    (folder / ".DS_Store").write_bytes(b"")
    put(folder / "a file.ipynb", perfect)
    # A file of the student's own goes along; and a warning, or a word on stderr, costs nothing.
    own = "\nassert open('my_photo.txt').read() == 'a cat'\nimport warnings\nwarnings.warn('old')"
    put(folder / "photo" / "part_1.ipynb", filled(perfect, {"neurons": solutions("part_1")["neurons"] + own}))
    (folder / "photo" / "my_photo.txt").write_text("a cat", "utf-8")
    if os.name == "posix":
        (folder / "photo" / "a link to nowhere").symlink_to("nowhere")
        put(folder / "pipe" / "part_1.ipynb", perfect)
        os.mkfifo(folder / "pipe" / "a pipe")


def words(page):
    """What a page of feedback says: without marks and colours."""
    return html.unescape(re.sub(r"<[^>]*>", "", page.read_text("utf-8")))


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@of_each
def test_a_perfect_submission_gets_all_points(graded, name):
    to, results = graded[name]
    assert results["perfect"].points == homework.maximum(name) and results["perfect"].remarks == ()
    assert results["perfect"].score in (20, 24) and "✗" not in words(to / "feedback" / "perfect.html")


@of_each
def test_no_page_shows_a_hidden_test(graded, name):
    secret = secrets.of_hidden_tests(name)
    assert len(secret) > 20
    for page in (graded[name][0] / "feedback").iterdir():
        told = words(page)
        assert not {line for line in secret if line in told}, page.name
        assert course.INSTEAD in told or name == "part_1"  # of the odd ones some could not be graded at all


def test_an_error_inside_a_hidden_test_shows_nothing_of_it(tmp_path):
    cell = nbformat.v4.new_code_cell("expect(1)\n### BEGIN HIDDEN TESTS\nsecret = 42\n### END HIDDEN TESTS", outputs=[
        nbformat.v4.new_output("error", ename="NameError", evalue="no such name", traceback=["---> 3 secret = 42", "NameError: no such name"])])
    advice = nbformat.v4.new_code_cell(cell.source, outputs=[nbformat.v4.new_output("error", ename="Wrong", evalue="x", traceback=["✗ the bias is forgotten"])])
    own = nbformat.v4.new_code_cell("1 / 0", outputs=[nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="x", traceback=["a", "b"])])
    path = tmp_path / "graded.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, advice, own]), path)
    path.chmod(0o444)  # as nbgrader leaves it
    course.hide_tests(path)
    first, second, third = nbformat.read(path, as_version=4).cells
    assert "secret" not in path.read_text("utf-8") and first.source == f"expect(1)\n{course.INSTEAD}"
    assert first.outputs[0].traceback == ["NameError: no such name"] and second.outputs[0].traceback == ["✗ the bias is forgotten"]
    assert third.outputs[0].traceback == ["a", "b"]


@of_each
def test_a_page_begins_with_the_title_and_shows_no_cell_of_ours(graded, released, name):
    title, told = released[name].cells[0].source.splitlines()[0].lstrip("# "), words(graded[name][0] / "feedback" / "perfect.html")
    assert title in told and "xaitutor.homework import untouched" not in told


def test_the_teachers_own_page_shows_the_tests(released, tmp_path):
    put(tmp_path / "in" / "anna" / "part_1.ipynb", filled(released["part_1"], solutions("part_1")))
    [result] = homework.grade("part_1", tmp_path / "in", tmp_path / "out", with_tests=True)
    assert result.score == 20 and "BEGIN HIDDEN TESTS" in words(tmp_path / "out" / "feedback" / "anna.html")


def test_an_untouched_one_gets_none(graded):
    result = graded["part_1"][1]["untouched"]
    assert result.score == 0 and set(result.points) == set(homework.maximum("part_1")) and result.remarks == ("no answer: all tasks are open",)


@pytest.mark.parametrize("name, student, mistakes", [(name, *row) for name in NAMES for row in together(name).items()])
def test_mistakes_cost_their_points_and_are_named_in_the_feedback(graded, name, student, mistakes):
    to, results = graded[name]
    assert results[student].points == homework.maximum(name) | {mistake.test: 0.0 for mistake in mistakes}
    told = re.findall(r"✗.*", words(to / "feedback" / f"{student}.html"))
    assert len(told) == len(mistakes) and mistakes[0].told in told[0]  # later ones may look different behind the first


@pytest.mark.parametrize("odd", [
    pytest.param(odd, id=odd.student, marks=[posix] * (odd.student in NOT_ON_WINDOWS)) for odd in ODD])
def test_an_odd_one_gets_the_points_it_deserves_and_a_remark_for_what_was_odd(graded, odd):
    result = graded["part_1"][1][odd.student]
    assert result.score == odd.score
    assert len(result.remarks) == len(odd.remarks), result.remarks
    assert [remark for remark in odd.remarks if remark not in "; ".join(result.remarks)] == [], result.remarks


@pytest.mark.parametrize("student, score, remark", [
    ("a file", 20, None), ("photo", 20, None),
    ("renamed", 20, "the notebook is called my homework (final).ipynb, not part_1.ipynb"),
    ("two", 0, "expected one notebook part_1.ipynb; there is a.ipynb, b.ipynb"),
    ("two words é", 0, "expected one notebook part_1.ipynb; there is no notebook"),
    ("no json", 0, "no json.ipynb is not a notebook"), ("no notebook", 0, "no notebook.ipynb is not a notebook"),
    ("archive.zip", 0, "archive.zip is neither a notebook nor a folder"),
    pytest.param("pipe", 0, "its files cannot be used: ", marks=posix),
])
def test_a_folder_of_any_kind_is_graded_or_it_is_said_why_not(graded, student, score, remark):
    to, results = graded["part_1"]
    assert results[student].score == score
    assert (remark in "; ".join(results[student].remarks)) if remark else results[student].remarks == ()
    assert results[student].points or remark in words(to / "feedback" / f"{student}.html")


def test_each_has_a_row_and_a_page_and_hidden_files_are_no_submissions(graded):
    to, results = graded["part_1"]
    table = rows(to / "part_1.csv")
    assert set(table) == set(results) == {page.stem for page in (to / "feedback").iterdir()}
    assert ".DS_Store" not in results and {float(row["of"]) for row in table.values()} == {20}
    for student, row in table.items():
        points = [float(row[test]) for test in homework.maximum("part_1")]
        assert float(row["score"]) == results[student].score == sum(points)
        assert row["remarks"] == "; ".join(results[student].remarks)


@pytest.mark.parametrize("student, told", [
    ("endless", "CellTimeoutError"), ("raises", "ZeroDivisionError"), ("deleted task", "NameError"),
    ("crash", "Not run: its code ended"), ("divided", "Not run, as it is there more than once"),
    ("wants much", "… (the rest was left away)")])
def test_the_feedback_says_what_stopped_it(graded, student, told):
    page = graded["part_1"][0] / "feedback" / f"{student}.html"
    assert told in words(page) and page.stat().st_size < 3_000_000


def test_what_takes_too_long_as_a_whole_is_stopped_and_no_page_is_overwritten(released, tmp_path, monkeypatch):
    monkeypatch.setattr(grading, "PATIENCE", 0.01)
    put(tmp_path / "in" / "deaf.ipynb", filled(released["part_1"], {"neurons": DEAF}))
    (tmp_path / "out" / "feedback").mkdir(parents=True)
    (tmp_path / "out" / "feedback" / "deaf.html").write_text("what I wrote to you", "utf-8")
    [result] = homework.grade("part_1", tmp_path / "in", tmp_path / "out", seconds=60)
    assert result.score == 0 and result.remarks == (
        "its code does not end: it did not end within 0.6 seconds, and was stopped",
        "there was a page of feedback: the new one is deaf (2).html")
    assert (tmp_path / "out" / "feedback" / "deaf.html").read_text("utf-8") == "what I wrote to you"
    assert "it did not end within" in words(tmp_path / "out" / "feedback" / "deaf (2).html")


@pytest.mark.parametrize("log, reason", [
    ("Traceback …\nsqlalchemy.exc.OperationalError: disk full\nnbgrader.x.NbGraderException: see above",
     "nbgrader could not grade it: sqlalchemy.exc.OperationalError: disk full"),
    ("", "nbgrader could not grade it: nobody knows why"),
])
def test_why_nbgrader_gave_up_is_said(log, reason):
    assert reason in course._reason(log)


@posix
def test_an_interruption_loses_nothing_leaves_nothing_behind_and_can_be_gone_on_with(released, tmp_path, capsys):
    perfect = filled(released["part_1"], solutions("part_1"))
    table, page, token = tmp_path / "out" / "part_1.csv", tmp_path / "out" / "feedback" / "anna.html", uuid.uuid4().hex
    put(tmp_path / "in" / "anna.ipynb", perfect)
    put(tmp_path / "in" / "ben.ipynb", filled(perfect, {"neurons": f"{ORPHAN}\n{DEAF}"}))
    arguments = ["homework", "grade", "part_1", "--submissions", str(tmp_path / "in"), "--to", str(tmp_path / "out")]

    def ours():
        return [process for process in psutil.process_iter() if token in environment(process).values()]

    def elsewhere():
        """The kernel of ben, and the process that it has started: not the workers."""
        return [process for process in ours() if process.ppid() != command.pid]

    with subprocess.Popen([sys.executable, "-m", "xaitutor.cli", *arguments, "--seconds", "300"], text=True,
                          stderr=subprocess.PIPE, env={**os.environ, "A_TOKEN": token}, start_new_session=True,
                          preexec_fn=heeding_interrupts) as command:
        wait_for(lambda: table.is_file() and "anna" in rows(table) and len(elsewhere()) >= 2)
        os.killpg(command.pid, signal.SIGINT)  # as a terminal does
        said = command.communicate(timeout=300)[1]
    assert said.endswith(f"\nstopped: 1 done, in {table}. The same command goes on with the others.\n")
    assert command.returncode == 130 and "Traceback" not in said and ours() == []

    table.write_text(table.read_text("utf-8").replace("20.0,20.0", "19.5,20.0").rstrip(), "utf-8")  # in an editor
    page.write_text("well done", "utf-8")
    (tmp_path / "in" / "ben.ipynb").unlink()
    (tmp_path / "in" / "ben").mkdir()
    assert cli.main(arguments) == 0
    first, *said = capsys.readouterr().out.splitlines()
    assert first.startswith("ben ") and first.endswith("there is no notebook") and "anna" not in " ".join(said)
    assert f"Kept as they were: 1 rows of {table}. To grade one again, delete its row." in said
    assert str(table) in said[-1]
    assert {student: row["score"] for student, row in rows(table).items()} == {"anna": "19.5", "ben": "0"}
    assert page.read_text("utf-8") == "well done"


def heeding_interrupts():
    """What a shell starts in the background, tests for example, ignores Ctrl-C, and so does whatever it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def environment(process):
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}
