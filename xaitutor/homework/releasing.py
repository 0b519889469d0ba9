"""Release an assignment: from the complete notebook to the one that students get."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

from xaitutor.files import new_files
from xaitutor.homework import assignments, course, workers


def release(name: str, to: str | Path) -> Path:
    """Write the students' notebook to `to`/name.ipynb: stubs for solutions, no hidden tests, no output.

    Nothing is overwritten: raises FileExistsError where another file of that name is there. Raises ValueError for a
    name that is no assignment, ImportError without nbgrader.
    """
    source, target = assignments.source(name), Path(to) / f"{name}.ipynb"
    assignments.require_nbgrader()
    with tempfile.TemporaryDirectory() as folder, closing(workers.Worker()) as worker:
        text = worker.do(course.release, source, Path(folder)).read_text(encoding="utf-8")
    new_files.write({target: text})
    return target
