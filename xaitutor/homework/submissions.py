"""What students handed in: a folder, or a notebook, for each."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Submission(NamedTuple):
    """One student's notebook, or None where there is none to grade, and what is to be said about it."""

    student: str
    notebook: Path | None
    remarks: tuple[str, ...] = ()
    folder: Path | None = None  # of the student's own, in which the notebook lies: what else is in it goes along


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
    found = [_in_folder(entry, name) if entry.is_dir() else _file(entry, folders) for entry in entries]
    return [one._replace(student=_printable(one.student)) for one in found]


def collected(course: str | Path, name: str) -> list[Submission]:
    """What nbgrader has collected of an assignment: `course`/submitted/STUDENT/name. Raises FileNotFoundError where there is nothing."""
    folders = sorted(path for path in Path(course, "submitted").glob(f"*/{name}") if path.is_dir())
    if not folders:
        raise FileNotFoundError(f"there is nothing in {Path(course, 'submitted')}/*/{name}; first, in the course's folder: nbgrader collect {name}")
    return [_in_folder(folder, name)._replace(student=_printable(folder.parent.name)) for folder in folders]


def _in_folder(folder: Path, name: str) -> Submission:
    notebooks = sorted(path for path in folder.rglob("*.ipynb") if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    right = [path for path in notebooks if path.name == f"{name}.ipynb"]
    if len(right) == 1:
        return Submission(folder.name, right[0], folder=right[0].parent)
    if len(notebooks) == 1:
        remark = f"the notebook is called {notebooks[0].name}, not {name}.ipynb"
        return Submission(folder.name, notebooks[0], (remark,), notebooks[0].parent)
    there = ", ".join(path.name for path in notebooks) or "no notebook"
    return Submission(folder.name, None, (f"expected one notebook {name}.ipynb; there is {there}",))


def _file(path: Path, folders: set[str]) -> Submission:
    if path.suffix != ".ipynb":
        return Submission(path.name, None, (f"{path.name} is neither a notebook nor a folder",))
    return Submission(path.name if path.stem in folders else path.stem, path)


def _printable(name: str) -> str:
    """A name that can be written: archives made elsewhere may hold names that are no Unicode."""
    return name.encode(errors="backslashreplace").decode()
