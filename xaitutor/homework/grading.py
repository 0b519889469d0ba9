"""Grade a folder of submissions: two at a time, each in a process of its own, whatever is in them."""

from __future__ import annotations

import csv
import html
import re
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from xaitutor.homework import assignments, course, releasing, submissions

AT_A_TIME = 2
PATIENCE = 10  # times the seconds of a cell: what a whole submission may take


class Result(NamedTuple):
    """What one submission got: points by test cell (empty where it could not be graded), and what there is to say."""

    student: str
    points: dict[str, float]
    remarks: tuple[str, ...]

    @property
    def score(self) -> float:
        return sum(self.points.values())


def grade(name: str, folder: str | Path, to: str | Path, seconds: int = 60) -> list[Result]:
    """Grade all submissions of an assignment, and write `to`/name.csv and `to`/feedback/STUDENT.html.

    folder: holds a folder, or a notebook, for each student. seconds: what one cell may take before it is interrupted; a
    whole submission may take ten times as long. Students' code runs on this machine, with your rights.

    Whatever a submission is (no notebook, endless, crashing, …), the others are graded, and its remarks say what happened.
    Raises ValueError for a name that is no assignment and for an empty folder, FileNotFoundError for a missing one,
    ImportError without nbgrader.
    """
    assignments.source(name)
    assignments.require_nbgrader()
    if seconds < 1:
        raise ValueError(f"seconds has to be at least 1, not {seconds}")
    found, to = submissions.find(folder, name), Path(to)
    (to / "feedback").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        released = releasing.prepare(name, Path(scratch) / "course")
        results = list(_in_turn(found, name, released, Path(scratch), to / "feedback", seconds))
    _write_table(to / f"{name}.csv", results, maximum(name))
    return results


def maximum(name: str) -> dict[str, float]:
    """The points that each test cell of an assignment gives."""
    import nbformat

    marks = [cell.metadata.get("nbgrader", {}) for cell in nbformat.read(assignments.source(name), as_version=4).cells]
    return {mark["grade_id"]: float(mark["points"]) for mark in marks if mark.get("grade")}


def _in_turn(found, name: str, released: Path, scratch: Path, feedback: Path, seconds: int) -> Iterator[Result]:
    from xaitutor.progress import tqdm

    workers = SimpleQueue()
    for _ in range(min(AT_A_TIME, len(found))):
        workers.put(course.Worker())

    def one(numbered) -> Result:
        (number, submission), worker = numbered, workers.get()
        try:
            page = feedback / f"{submission.student}.html"
            return _grade(worker, submission, name, released, scratch / str(number), page, seconds)
        finally:
            workers.put(worker)

    try:
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            yield from tqdm(pool.map(one, enumerate(found)), total=len(found), desc="grading", unit="submission")
    finally:
        while not workers.empty():
            workers.get().close()


def _grade(worker, submission, name: str, released: Path, scratch: Path, page: Path, seconds: int) -> Result:
    points, remarks = {}, [*submission.remarks]
    try:
        if submission.notebook:
            remarks += _lay_out(submission, name, released, scratch)
            points = _run(worker, scratch, name, seconds)
            shutil.copy(scratch / "feedback" / course.STUDENT / name / f"{name}.html", page)
    except _Unusable as error:
        remarks.append(str(error))
    except OSError as error:  # a file that cannot be copied, for example
        remarks.append(f"its files cannot be used: {error}")
    if not points:
        page.write_text(_apology(name, remarks), encoding="utf-8")
    return Result(submission.student, points, tuple(remarks))


class _Unusable(Exception):
    """Why a submission cannot be graded."""


def _lay_out(submission, name: str, released: Path, scratch: Path) -> list[str]:
    """Make `scratch` a course with this one submission; what was mended in it."""
    import nbformat

    try:
        submitted = nbformat.read(submission.notebook, as_version=4)
        nbformat.validate(submitted)
    except Exception as error:  # nbformat has no exception of its own for what is no notebook
        raise _Unusable(f"{submission.notebook.name} is not a notebook: {str(error).strip().splitlines()[0]:.200}") from None
    mended, remarks = submissions.mend(submitted, nbformat.read(released, as_version=4))
    prepared, folder = released.parents[2], scratch / "submitted" / course.STUDENT / name
    shutil.copytree(prepared / "source", scratch / "source")
    shutil.copy(prepared / "gradebook.db", scratch)
    if submission.folder:
        shutil.copytree(submission.folder, folder, ignore=_left_out)
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(mended, folder / f"{name}.ipynb")
    return remarks


def _left_out(folder: str, names: list[str]) -> list[str]:
    """What does not go along with a notebook: other notebooks, hidden files, and links, which may lead anywhere."""
    return [name for name in names if name.startswith(".") or name.endswith(".ipynb") or Path(folder, name).is_symlink()]


def _run(worker, scratch: Path, name: str, seconds: int) -> dict[str, float]:
    """The points of each test cell."""
    try:
        return worker.do(course.grade, scratch, name, seconds, timeout=PATIENCE * seconds)
    except TimeoutError:
        raise _Unusable(f"it was stopped after {PATIENCE * seconds} seconds: its code does not end") from None
    except RuntimeError as error:
        raise _Unusable(_reason(str(error))) from None


def _reason(log: str) -> str:
    """Why nbgrader gave up, from what it logged."""
    for sign, reason in {
        "DeadKernelError": "its code ended the Python that ran it (a crash, os._exit, or no memory left)",
        "CellTimeoutError": "its code does not end, and could not be interrupted",
    }.items():
        if sign in log:
            return reason
    errors = re.findall(r"^[\w.]*(?:Error|Exception)\b.*", log, re.MULTILINE)
    return "nbgrader could not grade it: " + next((line for line in errors if "NbGraderException" not in line), "see its log")


def _apology(name: str, remarks: list[str]) -> str:
    """The page of feedback where there is nothing to show."""
    items = "".join(f"<li>{html.escape(remark)}</li>" for remark in remarks)
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
            f"<h1>{name}: could not be graded</h1><ul>{items}</ul></html>\n")


def _write_table(path: Path, results: list[Result], maximum: dict[str, float]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["student", "score", "of", *maximum, "remarks"])
        for result in results:
            points = [result.points.get(test, 0.0) for test in maximum]
            table.writerow([result.student, result.score, sum(maximum.values()), *points, "; ".join(result.remarks)])
