"""Two hundred submissions of the first assignment, right, wrong and hostile, graded together, and one of each kind alone."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import nbformat

from tests.homework.handed_in import filled, replaced, solutions
from tests.homework.mistakes import MISTAKES
from tests.homework.odd import ODD
from xaitutor import homework
from xaitutor.homework import isolation, workers

NAME, SECONDS = "part_1", 20
HOSTILE = ("endless", "deaf", "silent", "crash", "kills", "forks", "wants much", "other NumPy", "other expect", "other pytest")
SHARES = {"right": 0.5, "wrong": 0.3, "hostile": 0.2}


class Measured(NamedTuple):
    """counts by kind; minutes for all; rows in the table; students whose points or remarks differ from those of the same notebook graded alone."""

    counts: dict[str, int]
    workers: int
    isolation: str
    minutes: float
    rows: int
    differ: list[str]


def measure(number: int = 200) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        homework.release(NAME, folder)
        kinds = _kinds(filled(nbformat.read(folder / f"{NAME}.ipynb", as_version=4), solutions(NAME)))
        counts = {kind: round(share * number) for kind, share in SHARES.items()}
        students = {}
        for kind, count in counts.items():
            for i, (name, notebook) in enumerate(itertools.islice(itertools.cycle(kinds[kind].items()), count)):
                students[f"{i:03} {name}"] = name
                _put(folder / "all", f"{i:03} {name}", notebook)
        for name in dict.fromkeys(students.values()):
            _put(folder / "each", name, next(those[name] for those in kinds.values() if name in those))
        start = time.perf_counter()
        together = {result.student: result for result in homework.grade(NAME, folder / "all", folder / "graded", SECONDS)}
        minutes = (time.perf_counter() - start) / 60
        alone = {result.student: result for result in homework.grade(NAME, folder / "each", folder / "alone", SECONDS, workers=1)}
        rows = len(homework.graded(NAME, folder / "graded"))
    differ = [student for student, name in students.items() if student not in together or together[student][1:] != alone[name][1:]]
    return Measured(counts, workers.how_many(), isolation.choose().says.partition(":")[0], minutes, rows, differ)


def _kinds(perfect) -> dict[str, dict[str, object]]:
    """Notebooks by name, by kind."""
    right = solutions(NAME)
    wrong = {f"mistake {i}": filled(perfect, {one.task: replaced(right[one.task], one.old, one.new)}) for i, one in enumerate(MISTAKES) if one.assignment == NAME}
    hostile = {odd.student: nbformat.reads(nbformat.writes(perfect), as_version=4) for odd in ODD if odd.student in HOSTILE}
    for odd in ODD:
        if odd.student in hostile:
            odd.change(hostile[odd.student])
    return {"right": {"right": perfect}, "wrong": wrong, "hostile": hostile}


def _put(folder: Path, student: str, notebook) -> None:
    (folder / student).mkdir(parents=True)
    nbformat.write(notebook, folder / student / f"{NAME}.ipynb")
