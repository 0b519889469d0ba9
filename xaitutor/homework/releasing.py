"""Release an assignment: from the complete notebook to the one that students get."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from pathlib import Path

from xaitutor.files import new_files
from xaitutor.homework import assignments, course


def release(name: str, to: str | Path) -> Path:
    """Write the students' notebook of an assignment to `to`/name.ipynb: stubs for solutions, no hidden tests, no outputs.

    Nothing is overwritten: raises FileExistsError where another file of that name is there. Raises ValueError for a name
    that is no assignment, ImportError without nbgrader.
    """
    assignments.source(name)
    assignments.require_nbgrader()
    target = Path(to) / f"{name}.ipynb"
    with tempfile.TemporaryDirectory() as folder:
        text = prepare(name, Path(folder)).read_text(encoding="utf-8")
    new_files.write({target: text})
    return target


def prepare(name: str, folder: Path) -> Path:
    """Make `folder` an nbgrader course with this assignment, and give the released notebook in it."""
    source = folder / "source" / name
    source.mkdir(parents=True)
    shutil.copy(assignments.source(name), source)
    with closing(course.Worker()) as worker:
        worker.do(course.release, folder, name)
    return folder / "release" / name / f"{name}.ipynb"
