"""Grade a folder of submissions: two at a time, each in a process of its own, whatever is in them."""

from __future__ import annotations

import html
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, count
from multiprocessing import connection
from pathlib import Path
from typing import NamedTuple

from xaitutor.files import new_files
from xaitutor.homework import assignments, course, submissions, table, workers

AT_A_TIME = 2
PATIENCE = 2  # times the seconds of a cell: what a whole submission may take


class Result(NamedTuple):
    """What one submission got: points by test cell (empty where it could not be graded), and what there is to say."""

    student: str
    points: dict[str, float]
    remarks: tuple[str, ...]

    @property
    def score(self) -> float:
        return sum(self.points.values())


def grade(name: str, folder: str | Path, to: str | Path, seconds: int = 60, *, with_tests: bool = False) -> list[Result]:
    """Grade all submissions of an assignment: a row in `to`/name.csv and a page `to`/feedback/STUDENT.html for each.

    folder: holds a folder, or a notebook, for each student. seconds: what one cell may take before it is interrupted; a
    whole submission may take twice as long. Students' code runs on this machine, with your rights. with_tests: show the hidden tests on the
    pages, which then are for the teacher alone.

    Whatever a submission is (no notebook, endless, crashing, …), the others are graded; its remarks say what happened.
    Rows are written as they come. Who has a row is done: an interrupted run can be gone on with, and nothing that is
    there is overwritten, neither rows nor pages. The results are those of this run, in the order of the submissions.

    Raises ValueError for a name that is no assignment, for an empty folder and for a CSV file that is another table,
    FileNotFoundError for a missing folder, ImportError without nbgrader.
    """
    done = graded(name, to)
    assignments.require_nbgrader()
    if seconds < 1:
        raise ValueError(f"seconds has to be at least 1, not {seconds}")
    found, to = submissions.find(folder, name), Path(to)
    todo, results = [submission for submission in found if submission.student not in done], {}
    (to / "feedback").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        with closing(_in_turn(todo, name, Path(scratch), seconds, with_tests)) as outcomes:
            for student, points, remarks, page in outcomes:
                remarks += _write_page(to / "feedback", student, name, page if points else None, remarks)
                results[student] = Result(student, points, tuple(remarks))
                table.add(to / f"{name}.csv", _columns(name), _row(results[student], name))
    return [results[submission.student] for submission in todo]


def graded(name: str, to: str | Path) -> list[str]:
    """The students that have a row in `to`/name.csv. Raises ValueError for a file that is another table."""
    return table.students(Path(to) / f"{name}.csv", _columns(name))


def maximum(name: str) -> dict[str, float]:
    """The points that each test cell of an assignment gives."""
    cells = json.loads(assignments.source(name).read_text(encoding="utf-8"))["cells"]
    marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    return {mark["grade_id"]: float(mark["points"]) for mark in marks if mark.get("grade")}


def _in_turn(todo: list, name: str, scratch: Path, seconds: int, with_tests: bool) -> Iterator[tuple[str, dict, list[str], Path]]:
    """Student, points, remarks and page of each submission, as they come."""
    from xaitutor.progress import tqdm

    waiting, at_work, staff = list(todo), {}, [workers.Worker() for _ in todo[:AT_A_TIME]]
    try:
        released = staff[0].do(course.release, assignments.source(name), scratch / "course") if staff else None
        with tqdm(total=len(todo), desc="grading", unit="submission") as progress:
            while waiting or at_work:
                for worker in staff:
                    if waiting and worker not in at_work:
                        at_work[worker] = submission, folder = waiting.pop(0), Path(tempfile.mkdtemp(dir=scratch))
                        worker.begin(course.grade, submission, released, folder, seconds, with_tests, seconds=PATIENCE * seconds)
                connection.wait([worker.connection for worker in at_work], timeout=0.5)
                for worker in list(at_work):
                    if (answer := worker.answer()) is not None:
                        submission, folder = at_work.pop(worker)
                        yield submission.student, *_outcome(answer, worker.orphans), course.page(folder, name)
                        shutil.rmtree(folder, ignore_errors=True)
                        progress.update()
    finally:
        for worker in staff:
            worker.close()


def _outcome(answer, orphans: int) -> tuple[dict[str, float], list[str]]:
    """Points and remarks, from a worker's answer."""
    if isinstance(answer, TimeoutError):
        return {}, [f"its code does not end: {answer}, and was stopped"]
    if isinstance(answer, EOFError):
        return {}, ["its code ended the process that graded it"]
    if isinstance(answer, Exception):
        return {}, [f"it could not be graded: {str(answer).strip().splitlines()[-1]}"]
    points, remarks = answer
    return points, remarks + ["it left processes running: they were ended"] * bool(orphans)


def _write_page(feedback: Path, student: str, name: str, page: Path | None, remarks: list[str]) -> list[str]:
    """The page of feedback, or the remarks alone. Beside a page that is there already, and then a remark says so."""
    names = chain([f"{student}.html"], (f"{student} ({n}).html" for n in count(2)))
    target = next(feedback / name for name in names if not (feedback / name).exists())
    beside = [] if target.name == f"{student}.html" else [f"there was a page of feedback: the new one is {target.name}"]
    if page:
        new_files.put(target, page.read_bytes())
    else:
        new_files.put(target, _apology(name, remarks).encode(errors="backslashreplace"))
    return beside


def _apology(name: str, remarks: list[str]) -> str:
    """The page of feedback where there is nothing to show."""
    items = "".join(f"<li>{html.escape(remark)}</li>" for remark in remarks)
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
            f"<h1>{name}: could not be graded</h1><ul>{items}</ul></html>\n")


def _columns(name: str) -> list[str]:
    return ["student", "score", "of", *maximum(name), "remarks"]


def _row(result: Result, name: str) -> list:
    points = [result.points.get(test, 0.0) for test in maximum(name)]
    return [result.student, result.score, sum(maximum(name).values()), *points, "; ".join(result.remarks)]
