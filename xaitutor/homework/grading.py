"""Grade a folder of submissions: several at a time, each in a process of its own, whatever is in them; or a part of them, and merge the parts."""

from __future__ import annotations

import html
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, count, takewhile
from multiprocessing import connection
from pathlib import Path
from typing import NamedTuple

from xaitutor.files import new_files
from xaitutor.homework import assignments, isolation, submissions, table, workers
from xaitutor.homework import course as process

PATIENCE = 2  # times the seconds of a cell: what a whole submission may take


class Result(NamedTuple):
    """What one submission got: points by test cell (empty where it could not be graded), and what there is to say."""

    student: str
    points: dict[str, float]
    remarks: tuple[str, ...]

    @property
    def score(self) -> float:
        return sum(self.points.values())


def grade(name: str, folder: str | Path | None, to: str | Path, seconds: int = 60, *, course: str | Path | None = None, with_tests: bool = False,
          workers: int | None = None, part: tuple[int, int] | None = None) -> list[Result]:
    """Grade all submissions of an assignment: a row in `to`/name.csv and a page `to`/feedback/STUDENT.html for each.

    folder: holds a folder, or a notebook, for each student; or None, and course: one in which nbgrader has collected them, whose formgrader gets the graded
    notebooks, in `to`/notebooks. seconds: what one cell may take before it is interrupted; a whole submission may take twice as long. Students' code runs
    on this machine, behind `isolation.choose()`. with_tests: show the hidden tests on the pages, which then are for the teacher alone.
    workers: how many at a time (default: one for each core, as far as there is memory). part: (3, 20) grades the third of twenty parts, into
    `to`/parts/3_of_20; `merge` puts the parts together.

    Whatever a submission is (no notebook, endless, crashing, …), the others are graded; its remarks say what happened.
    Rows are written as they come. Who has a row is done: an interrupted run can be gone on with, and nothing that is
    there is overwritten, neither rows nor pages. The results are those of this run, in the order of the submissions.

    Raises ValueError for a name that is no assignment, for an empty folder and for a CSV file that is another table,
    FileNotFoundError for a missing folder, ImportError without nbgrader.
    """
    done = {*graded(name, to), *graded(name, into(to, part))}
    assignments.require_nbgrader()
    if seconds < 1 or workers is not None and workers < 1:
        raise ValueError(f"{'seconds has' if seconds < 1 else 'workers have'} to be at least 1, not {seconds if seconds < 1 else workers}")
    found, to = _submissions(name, folder, course, part), into(to, part)
    todo, results = [submission for submission in found if submission.student not in done], {}
    (to / "feedback").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        with closing(_in_turn(todo, name, Path(scratch), seconds, with_tests, workers, Path(folder or course))) as outcomes:
            for student, points, remarks, left in outcomes:
                page = _kept(left, process.page(left, name)) if points else None
                remarks += _write_page(to / "feedback", student, name, page, remarks)
                if course and points:
                    _write_notebook(to / "notebooks" / f"{student}.ipynb", _kept(left, process.notebook(left, name)))
                results[student] = Result(student, points, tuple(remarks))
                table.add(to / f"{name}.csv", columns(name), _row(results[student], name))
    return [results[submission.student] for submission in todo]


def into(to: str | Path, part: tuple[int, int] | None) -> Path:
    """Where the table and the pages of a part are, or of all. Raises ValueError for a part that is none."""
    if part is None:
        return Path(to)
    if not 1 <= part[0] <= part[1]:
        raise ValueError(f"there is no part {part[0]} of {part[1]}; they are counted from 1")
    return Path(to) / "parts" / f"{part[0]}_of_{part[1]}"


def merge(name: str, folder: str | Path | None, to: str | Path, *, course: str | Path | None = None) -> tuple[list[str], list[str]]:
    """Put the rows and pages of all parts into `to`, where they go into `to`/name.csv and `to`/feedback: whose were added, and who is still without a row.

    A row that is there stays as it is. What has been added is deleted from its part. folder, course, and what is raised: as by `grade`.
    """
    found, to, added = _submissions(name, folder, course, None), Path(to), []
    (to / "feedback").mkdir(parents=True, exist_ok=True)
    done = graded(name, to)
    for part in sorted((to / "parts").glob(f"*_of_*/{name}.csv")):
        rows = table.rows(part, columns(name))
        for row in rows:
            if row["student"] not in done:
                _move(part.parent, to, name, row)
                added.append(row["student"])
        part.unlink()
        for row in rows:
            for path in [*pages(part.parent / "feedback", row["student"]), part.parent / "notebooks" / f"{row['student']}.ipynb"]:
                path.unlink(missing_ok=True)
    return added, sorted({submission.student for submission in found} - {*done, *added})


def _move(part: Path, to: Path, name: str, row: dict[str, str]) -> None:
    """A row with its page, and its notebook where there is one, from a part."""
    student = row["student"]
    beside = _write_page(to / "feedback", student, name, pages(part / "feedback", student)[-1], [])
    if (notebook := part / "notebooks" / f"{student}.ipynb").is_file():
        _write_notebook(to / "notebooks" / notebook.name, notebook)
    row["remarks"] = "; ".join(filter(None, [row["remarks"], *beside]))
    table.add(to / f"{name}.csv", columns(name), list(row.values()))


def _submissions(name: str, folder, course, part: tuple[int, int] | None) -> list:
    """Those that were handed in, or each of them that falls into a part: which one does not depend on what is done already."""
    if (folder is None) == (course is None):
        raise ValueError("either a folder of submissions is needed, or a course in which nbgrader has collected them")
    found = submissions.find(folder, name) if course is None else submissions.collected(course, name)
    return found if part is None else found[part[0] - 1::part[1]]


def graded(name: str, to: str | Path) -> list[str]:
    """The students that have a row in `to`/name.csv. Raises ValueError for a file that is another table."""
    return table.students(Path(to) / f"{name}.csv", columns(name))


def maximum(name: str) -> dict[str, float]:
    """The points that each test cell of an assignment gives."""
    cells = json.loads(assignments.source(name).read_text(encoding="utf-8"))["cells"]
    marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    return {mark["grade_id"]: float(mark["points"]) for mark in marks if mark.get("grade")}


def _in_turn(todo: list, name: str, scratch: Path, seconds: int, with_tests: bool, most: int | None, readable: Path) -> Iterator[tuple[str, dict, list[str], Path]]:
    """Student, points, remarks and the course's folder of each submission, as they come."""
    from xaitutor.progress import tqdm

    waiting, at_work, prepared = list(todo), {}, scratch / "course"
    prepared.mkdir()
    rooms = _rooms(scratch, [prepared, readable], min(len(todo), most or workers.how_many()))
    try:
        released = _prepare(name, prepared) if rooms else None
        with tqdm(total=len(todo), desc="grading", unit="submission") as progress:
            while waiting or at_work:
                for worker, room in rooms.items():
                    if waiting and worker not in at_work:
                        at_work[worker] = submission, folder = waiting.pop(0), room / uuid.uuid4().hex
                        worker.begin(process.grade, submission, released, folder, seconds, with_tests, seconds=PATIENCE * seconds)
                connection.wait([worker.connection for worker in at_work], timeout=0.5)
                for worker in list(at_work):
                    if (answer := worker.answer()) is not None:
                        submission, folder = at_work.pop(worker)
                        yield submission.student, *_outcome(answer, worker.orphans), folder
                        shutil.rmtree(folder, ignore_errors=True)
                        progress.update()
    finally:
        for worker in rooms:
            worker.close()


def _rooms(scratch: Path, readable: list[Path], number: int) -> dict[workers.Worker, Path]:
    """Workers, each with a folder of its own: behind bubblewrap it reaches no other's."""
    rooms = {}
    for i in range(number):
        room = scratch / f"room_{i}"
        room.mkdir()
        rooms[workers.Worker(isolation.choose().command(room, readable))] = room
    return rooms


def _prepare(name: str, folder: Path) -> Path:
    with closing(workers.Worker()) as worker:
        return worker.do(process.release, assignments.source(name), folder)


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


def _kept(folder: Path, path: Path) -> Path | None:
    """A file that a submission has left in its folder: not what a link leads to."""
    return path if path.is_file() and path.resolve().is_relative_to(folder.resolve()) else None


def _write_page(feedback: Path, student: str, name: str, page: Path | None, remarks: list[str]) -> list[str]:
    """The page of feedback, or the remarks alone. Beside a page that is there already, and then a remark says so."""
    there = pages(feedback, student)
    target = feedback / (f"{student} ({len(there) + 1}).html" if there else f"{student}.html")
    new_files.put(target, page.read_bytes() if page else _apology(name, remarks).encode(errors="backslashreplace"))
    return [f"there was a page of feedback: the new one is {target.name}"] if there else []


def pages(feedback: Path, student: str) -> list[Path]:
    """A student's pages in a folder, the newest last."""
    names = chain([f"{student}.html"], (f"{student} ({n}).html" for n in count(2)))
    return list(takewhile(Path.exists, map(feedback.joinpath, names)))


def _write_notebook(target: Path, notebook: Path | None) -> None:
    """The graded notebook. It is nobody's work: over an older one."""
    if notebook:
        target.parent.mkdir(exist_ok=True)
        new_files.put(target, notebook.read_bytes())


def _apology(name: str, remarks: list[str]) -> str:
    """The page of feedback where there is nothing to show."""
    items = "".join(f"<li>{html.escape(remark)}</li>" for remark in remarks)
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
            f"<h1>{name}: could not be graded</h1><ul>{items}</ul></html>\n")


def columns(name: str) -> list[str]:
    """The first line of an assignment's table."""
    return ["student", "score", "of", *maximum(name), "remarks"]


def _row(result: Result, name: str) -> list:
    points = [result.points.get(test, 0.0) for test in maximum(name)]
    return [result.student, result.score, sum(maximum(name).values()), *points, "; ".join(result.remarks)]
