"""Homework by nbgrader's exchange, as JupyterHub has it: the same assignments and marks, in a course folder as nbgrader lays it out.

    exchange.release("part_1", course)     source/ and release/, the gradebook, and the exchange, from which students fetch it
    exchange.hand_back("part_1", course)   what `grade` found, as it has been corrected: gradebook, feedback/, and the exchange

In between students submit, and the instructor collects, with nbgrader's own commands or buttons. `nbgrader_config.py`, in the folder or where Jupyter
looks for it, says which exchange it is and what the course is called there.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
import warnings
from pathlib import Path

from xaitutor.files import new_files
from xaitutor.homework import assignments, grading, table
from xaitutor.homework.course import STUB, go_on_at_errors

ALONG = ("timestamp.txt", "submission_secret.txt")  # written by `nbgrader submit`: by the secret a student's page is found in the exchange


def release(name: str, course: str | Path) -> Path:
    """Make an assignment known to the course and release it into the exchange; the path of the students' notebook in the course.

    Nothing is overwritten: raises FileExistsError where another notebook is in the way, OSError with nbgrader's own words where the exchange refuses it
    (it was released before, has no course, cannot be written), ValueError for a name that is no assignment, ImportError without nbgrader.
    """
    source, course = assignments.source(name), _course(course)
    new_files.write({course / "source" / name / source.name: source.read_text(encoding="utf-8")})
    desk, released = _desk(course), course / "release" / name / source.name
    if not released.exists():
        _do(desk.generate_assignment, name, force=False)
        go_on_at_errors(released)
    _do(desk.release_assignment, name)
    return released


def hand_back(name: str, course: str | Path) -> list[str]:
    """Marks into the gradebook, pages into feedback/ and into the exchange, graded notebooks where the formgrader looks for them; of whom.

    What counts is the table `course`/graded/name/name.csv, as it is now. Raises ValueError where nothing has been graded, OSError with nbgrader's own words.
    """
    course = _course(course)
    graded = where(course, name)
    rows = table.rows(graded / f"{name}.csv", grading.columns(name))
    if not rows:
        raise ValueError(f"nothing of {name} has been graded in {course}; first: xaitutor homework grade {name} --course {course}")
    desk = _desk(course)
    with desk.gradebook as gradebook, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Object of type", category=Warning, module="nbgrader")  # SQLAlchemy's, on nbgrader's own ways
        for row in rows:
            _mark(gradebook, name, row, course / "submitted" / row["student"] / name)
    for row in rows:
        _lay_out(course, graded, name, row["student"])
    _do(desk.release_feedback, name)
    return [row["student"] for row in rows]


def where(course: str | Path, name: str) -> Path:
    """Where an assignment's table and pages are, in a course."""
    return Path(course) / "graded" / name


def _course(folder: str | Path) -> Path:
    assignments.require_nbgrader()
    folder = Path(folder).resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; give the one of your course, with its nbgrader_config.py")
    return folder


def _desk(course: Path):
    """nbgrader's own API on this course, as its configuration says."""
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.apps.baseapp import NbGrader

    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])  # a new gradebook asks the command `alembic`
    app = NbGrader(log_level=logging.ERROR)
    path = list(sys.path)
    app.initialize([f"--course-dir={course}"], root=str(course))
    sys.path[:] = path  # it puts the current folder first
    app.config.ClearSolutions.code_stub = {"python": STUB}
    return NbGraderAPI(app.coursedir, parent=app, log_level=logging.ERROR)


def _do(step, name: str, **options) -> None:
    """One of nbgrader's steps; OSError where it fails."""
    result = step(name, **options)
    if not result["success"]:
        said = f"{result.get('log') or ''}\n{result.get('error') or ''}"
        lines = [line.strip() for line in re.findall(r"^\s*[\w.]*Error: .+", said, re.MULTILINE)] + re.findall(r"^\[(?:ERROR|CRITICAL)\] .+", said, re.MULTILINE) + ["it does not say why"]
        raise OSError(f"nbgrader could not {step.__name__} {name}: {lines[0]}")


def _mark(gradebook, name: str, row: dict[str, str], submitted: Path) -> None:
    """A row of the table, in the gradebook."""
    student = row["student"]
    stamp = submitted / "timestamp.txt"
    gradebook.update_or_create_student(student)
    gradebook.update_or_create_submission(name, student, timestamp=stamp.read_text("utf-8").strip() if stamp.is_file() else None)
    for test in grading.maximum(name):
        grade = gradebook.find_grade(test, name, name, student)
        grade.auto_score, grade.needs_manual_grade = float(row[test]), False
    gradebook.db.commit()


def _lay_out(course: Path, graded: Path, name: str, student: str) -> None:
    """Page and notebook of one student as nbgrader would have left them."""
    submitted = course / "submitted" / student / name
    for kind, files in {"feedback": _pages(graded, submitted, student), "autograded": _notebook(graded, name, student)}.items():
        folder = course / kind / student / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in ALONG:
            if (submitted / file).is_file():
                shutil.copy(submitted / file, folder)
        for file, path in files.items():
            new_files.put(folder / file, path.read_bytes())


def _pages(graded: Path, submitted: Path, student: str) -> dict[str, Path]:
    """The page, under the name of each notebook that was submitted: a student's own is asked for."""
    page = grading.pages(graded / "feedback", student)[-1]
    return {f"{path.stem}.html": page for path in submitted.glob("*.ipynb")}


def _notebook(graded: Path, name: str, student: str) -> dict[str, Path]:
    path = graded / "notebooks" / f"{student}.ipynb"
    return {f"{name}.ipynb": path} if path.is_file() else {}
