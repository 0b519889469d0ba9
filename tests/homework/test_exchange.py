"""xaitutor.homework.exchange: a homework's whole way through nbgrader's exchange, without a hub, with nbgrader's own commands for students and collecting."""

import os
import re
import subprocess
import sys

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed (the extra 'homework')")

from tests.homework.handed_in import filled, solutions
from tests.homework.odd import posix
from xaitutor import cli
from xaitutor.homework import exchange, grading, table

pytestmark = posix  # nbgrader has no exchange on Windows


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course's folder, and its exchange beside it, to which everybody may write."""
    folder = tmp_path_factory.mktemp("class")
    (folder / "course").mkdir()
    (folder / "exchange").mkdir()
    (folder / "exchange").chmod(0o777)
    config = f"c = get_config()\nc.CourseDirectory.course_id = 'seeing'\nc.CourseDirectory.root = {str(folder / 'course')!r}\nc.Exchange.root = {str(folder / 'exchange')!r}\nc.ExchangeCollect.check_owner = False\n"
    (folder / "course" / "nbgrader_config.py").write_text(config, "utf-8")
    return folder / "course"


def nbgrader(course, *words, student="teacher"):
    """One of nbgrader's commands, as somebody on a hub gives it: in a home of their own, or in the course. (On a hub each is a user of the machine.)"""
    home = course if student == "teacher" else course.parent / "homes" / student
    home.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HOME": str(home), "JUPYTER_DATA_DIR": str(home / ".data")}
    config = ["--Exchange.root", str(course.parent / "exchange"), "--CourseDirectory.course_id", "seeing"]
    config += [] if student == "teacher" else ["--CourseDirectory.student_id", student]
    run = subprocess.run([sys.executable, "-m", "nbgrader", *words, *config], cwd=home, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return home


@pytest.fixture(scope="module")
def handed_back(course, released):
    """From release to feedback: of ada, who is right and has lost the notebook's name, and of ben, who has done one task."""
    assert cli.main(["homework", "release", "part_1", "--course", str(course)]) == 0
    for student, answers in {"ada": solutions("part_1"), "ben": {"field": solutions("part_1")["field"]}}.items():
        home = nbgrader(course, "fetch_assignment", "part_1", student=student)
        fetched = home / "part_1" / "part_1.ipynb"
        nbformat.write(filled(nbformat.read(fetched, as_version=4), answers), fetched)
        if student == "ada":
            fetched.rename(fetched.with_name("mine.ipynb"))
        nbgrader(course, "submit", "part_1", student=student)
    nbgrader(course, "collect", "part_1")
    assert cli.main(["homework", "grade", "part_1", "--course", str(course)]) == 0
    by_hand = course / "graded" / "part_1" / "part_1.csv"
    by_hand.write_text(by_hand.read_text("utf-8").replace("ben,4.0,20.0", "ben,5.0,20.0").replace(",4.0,0.0,", ",4.0,1.0,"), "utf-8")
    assert cli.main(["homework", "return", "part_1", "--course", str(course)]) == 0
    return course


def test_students_get_the_same_notebook_by_either_road(handed_back, released):
    assert nbformat.read(handed_back.parent / "homes" / "ben" / "part_1" / "part_1.ipynb", as_version=4).cells != []
    for path in (handed_back / "release" / "part_1" / "part_1.ipynb", handed_back.parent / "exchange" / "seeing" / "outbound" / "part_1" / "part_1.ipynb"):
        assert [without_id(cell) for cell in nbformat.read(path, as_version=4).cells] == [without_id(cell) for cell in released["part_1"].cells]


def without_id(cell):
    return cell.source, cell.metadata


@pytest.mark.parametrize("student, page, told", [("ada", "mine.html", "20.0"), ("ben", "part_1.html", "4.0")])
def test_each_student_fetches_their_page_and_no_hidden_test(handed_back, student, page, told):
    home = nbgrader(handed_back, "fetch_feedback", "part_1", student=student)
    [fetched] = (home / "part_1" / "feedback").rglob("*.html")
    text = fetched.read_text("utf-8")
    assert fetched.name == page and "BEGIN HIDDEN TESTS" not in text
    assert re.search(rf"Score: {told} / 20.0", text)


def test_the_gradebook_has_the_marks_as_they_were_corrected(handed_back):
    from nbgrader.api import Gradebook

    rows = {row["student"]: row for row in table.rows(handed_back / "graded" / "part_1" / "part_1.csv", grading.columns("part_1"))}
    with Gradebook(f"sqlite:///{handed_back / 'gradebook.db'}", "seeing") as gradebook:
        for student, score in {"ada": 20, "ben": 5}.items():
            submission = gradebook.find_submission("part_1", student)
            assert submission.score == float(rows[student]["score"]) == score and not submission.needs_manual_grade
            assert submission.timestamp is not None


def test_the_formgrader_finds_the_graded_notebooks(handed_back):
    for student in ("ada", "ben"):
        cells = nbformat.read(handed_back / "autograded" / student / "part_1" / "part_1.ipynb", as_version=4).cells
        assert any(cell.get("outputs") for cell in cells)


def test_a_second_release_is_refused_in_nbgraders_words_and_changes_nothing(handed_back, capsys):
    before = (handed_back / "release" / "part_1" / "part_1.ipynb").read_bytes()
    assert cli.main(["homework", "release", "part_1", "--course", str(handed_back)]) == 1
    assert "nbgrader could not release_assignment part_1" in capsys.readouterr().err
    assert (handed_back / "release" / "part_1" / "part_1.ipynb").read_bytes() == before


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="nbgrader collect part_1"):
        grading.grade("part_1", None, tmp_path / "out", course=tmp_path)
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        exchange.release("part_1", tmp_path / "nowhere")
    with pytest.raises(ValueError, match="first: xaitutor homework grade part_1"):
        exchange.hand_back("part_1", tmp_path)
    with pytest.raises(ValueError, match="either a folder"):
        grading.grade("part_1", None, tmp_path / "out")
