"""A course as nbgrader wants it, in a folder: source/, release/, submitted/, autograded/, feedback/ and a gradebook.

    python -m xaitutor.homework.course release FOLDER NAME          source/ to release/
    python -m xaitutor.homework.course grade FOLDER NAME SECONDS    submitted/ to feedback/ and result.json

nbgrader always works in a process of its own (`run`): what it logs, and what a student's code does, stays there.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

STUDENT = "student"  # each submission has a course, and a gradebook, of its own

STUB = "raise NotImplementedError  # your code, instead of this line"


def run(command: str, folder: Path, *arguments, timeout: float | None = None) -> None:
    """Do that in another process. Raises subprocess.TimeoutExpired, and RuntimeError with the last line of nbgrader's log."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # nbgrader calls alembic
    # Warnings and progress bars go to stderr, which nbgrader takes for a failed test; two run at a time, on a core each.
    quiet = {"PYTHONWARNINGS": "ignore", "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"}
    call = [sys.executable, "-m", "xaitutor.homework.course", command, str(folder), *map(str, arguments)]
    done = subprocess.run(call, env=os.environ | quiet | {"PATH": path}, timeout=timeout, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((folder / "log.txt").read_text(encoding="utf-8") + done.stderr)


def release(folder: Path, name: str) -> None:
    _converter("GenerateAssignment", folder, name).start()


def grade(folder: Path, name: str, seconds: str) -> None:
    """Grade the one submission there is, and write the points of each test cell to result.json."""
    from nbgrader.api import Gradebook

    _converter("Autograde", folder, name, int(seconds)).start()
    _converter("GenerateFeedback", folder, name).start()
    with Gradebook(_database(folder)) as gradebook:
        [notebook] = gradebook.find_submission(name, STUDENT).notebooks
        points = {grade.name: grade.auto_score or 0.0 for grade in notebook.grades}
    (folder / "result.json").write_text(json.dumps(points), encoding="utf-8")


def _converter(kind: str, folder: Path, name: str, seconds: int = 60):
    """nbgrader's `GenerateAssignment`, `Autograde` or `GenerateFeedback` for one assignment; `.start()` runs it."""
    from nbgrader import converters
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.db_url = _database(folder)
    config.ClearSolutions.code_stub = {"python": STUB}
    config.Execute.timeout = seconds
    directory = CourseDirectory(config=config, assignment_id=name, student_id=STUDENT)
    return getattr(converters, kind)(coursedir=directory, config=config)


def _database(folder: Path) -> str:
    return f"sqlite:///{folder / 'gradebook.db'}"


if __name__ == "__main__":
    logging.basicConfig(filename=Path(sys.argv[2]) / "log.txt", level=logging.INFO)
    {"release": release, "grade": grade}[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
