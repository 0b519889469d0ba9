"""What students handed in: found in a folder, and mended where a cell of the assignment was lost or changed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import NamedTuple


class Submission(NamedTuple):
    """One student's notebook, or None where there is none to grade, and what is to be said about it."""

    student: str
    notebook: Path | None
    remarks: tuple[str, ...] = ()
    folder: Path | None = None  # of the student's own: what else is in it goes along


def find(folder: str | Path, name: str) -> list[Submission]:
    """All submissions in a folder: a folder for each student, or a notebook for each, named after the student.

    Raises FileNotFoundError where there is no such folder, ValueError where it is empty.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; give the one that holds the submissions")
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    if not entries:
        raise ValueError(f"{folder} is empty; it should hold a folder, or a notebook, for each student")
    folders = {entry.name for entry in entries if entry.is_dir()}
    return [_in_folder(entry, name) if entry.is_dir() else _file(entry, folders) for entry in entries]


def mend(submitted, released) -> tuple[object, list[str]]:
    """The submitted notebook with the assignment's own cells in place, and remarks on what was lost or changed.

    A locked cell that was deleted comes back behind the one before it, or at the end. (nbgrader itself then writes the
    tests, the hidden ones too, over whatever stands in the test cells.) Solutions are the student's: none comes back.
    """
    mended, remarks, behind = copy.deepcopy(submitted), [], None
    for cell in released["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        place = _place(mended, mark.get("grade_id"))
        if mark.get("locked"):
            what = f"{'the test cell' if mark['grade'] else 'the cell'} {mark['grade_id']!r}"
            if place is None:
                place = len(mended["cells"]) if behind is None else behind + 1
                mended["cells"].insert(place, copy.deepcopy(cell))
                mended["cells"][place]["id"] += "-back"  # the student's notebook may hold a cell of that id, without the mark
                remarks.append(f"{what} was deleted: it was put back")
            elif mended["cells"][place]["source"] != cell["source"]:
                remarks.append(f"{what} was changed: the original was used")
        behind = behind if place is None else place
    return mended, remarks


def _place(notebook, grade_id: str | None) -> int | None:
    """Where the cell of that name is."""
    for index, cell in enumerate(notebook["cells"]):
        if grade_id and cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id:
            return index
    return None


def _in_folder(folder: Path, name: str) -> Submission:
    notebooks = sorted(path for path in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
    right = [path for path in notebooks if path.name == f"{name}.ipynb"]
    if len(right) == 1:
        return Submission(folder.name, right[0], folder=folder)
    if len(notebooks) == 1:
        remark = f"the notebook is called {notebooks[0].name}, not {name}.ipynb"
        return Submission(folder.name, notebooks[0], (remark,), folder)
    there = ", ".join(path.name for path in notebooks) or "no notebook"
    return Submission(folder.name, None, (f"expected one notebook {name}.ipynb; there is {there}",))


def _file(path: Path, folders: set[str]) -> Submission:
    if path.suffix != ".ipynb":
        return Submission(path.name, None, (f"{path.name} is neither a notebook nor a folder",))
    return Submission(path.name if path.stem in folders else path.stem, path)
