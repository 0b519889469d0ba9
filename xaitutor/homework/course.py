"""A course as nbgrader wants it, in a folder: source/, release/, submitted/, autograded/, feedback/ and a gradebook.

nbgrader always works in a process of its own (`Worker`): what it logs, and what a student's code does, stays there. As
importing it takes as long as running some notebooks, such a process does one job after the other.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import traceback
from pathlib import Path

STUDENT = "student"  # each submission has a course, and a gradebook, of its own
STUB = "raise NotImplementedError  # your code, instead of this line"


class Worker:
    """A process that does jobs, one after the other; a new one takes its place when a job does not end."""

    def __init__(self):
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def do(self, job, *arguments, timeout: float | None = None):
        """`job(folder, …)` over there. Raises TimeoutError after so many seconds, RuntimeError with nbgrader's log where it failed."""
        self.connection.send((job, arguments))
        try:
            if not self.connection.poll(timeout):
                raise TimeoutError
            answer = self.connection.recv()
        except (TimeoutError, EOFError) as error:
            self.close()
            self._start()
            raise error if isinstance(error, TimeoutError) else RuntimeError("the process that ran nbgrader has ended") from None
        if isinstance(answer, RuntimeError):
            raise answer
        return answer

    def close(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


def release(folder: Path, name: str) -> None:
    """From source/ to release/."""
    _converter("GenerateAssignment", folder, name).start()


def grade(folder: Path, name: str, seconds: int) -> dict[str, float]:
    """From submitted/ to feedback/, and the points of each test cell of the one submission there is."""
    from nbgrader.api import Gradebook

    _converter("Autograde", folder, name, seconds).start()
    _converter("GenerateFeedback", folder, name).start()
    with Gradebook(_database(folder)) as gradebook:
        [notebook] = gradebook.find_submission(name, STUDENT).notebooks
        return {grade.name: grade.auto_score or 0.0 for grade in notebook.grades}


def _work(connection) -> None:
    """What a worker does: wait for a job, do it, send back what came of it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # nbgrader calls alembic
    # Warnings and progress bars go to stderr, which nbgrader takes for a failed test; two work at a time, on a core each.
    os.environ.update(PATH=path, PYTHONWARNINGS="ignore", TQDM_DISABLE="1", OMP_NUM_THREADS="1")
    sys.stdout = sys.stderr = open(os.devnull, "w")
    while True:
        try:
            job, (folder, *arguments) = connection.recv()
        except EOFError:
            return
        logging.basicConfig(filename=folder / "log.txt", level=logging.INFO, force=True)
        try:
            answer = job(folder, *arguments)
        except BaseException:  # nbgrader may even exit
            answer = RuntimeError((folder / "log.txt").read_text(encoding="utf-8") + traceback.format_exc())
        connection.send(answer)


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
