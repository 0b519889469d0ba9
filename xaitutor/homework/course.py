"""A course as nbgrader wants it, in a folder: source/, release/, submitted/, autograded/, feedback/ and a gradebook.

This is done by workers (`xaitutor.homework.workers`), as a student's code runs in it.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import traceback
from pathlib import Path

from xaitutor.files import new_files
from xaitutor.homework import mending

STUDENT = "student"  # each submission has a course, and a gradebook, of its own
STUB = "raise NotImplementedError  # your code, instead of this line"
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", re.DOTALL)
INSTEAD = "# More tests ran here, on other examples."


def release(source: Path, folder: Path) -> Path:
    """Make `folder` a course with this assignment, and give the released notebook in it."""
    name = source.stem
    (folder / "source" / name).mkdir(parents=True)
    shutil.copy(source, folder / "source" / name)
    _converter("GenerateAssignment", folder, name).start()
    released = folder / "release" / name / f"{name}.ipynb"
    go_on_at_errors(released)
    return released


def go_on_at_errors(notebook: Path) -> None:
    """Tag the cells so that Restart and Run All goes on behind an open task, and a wrong one."""
    import nbformat

    released = nbformat.read(notebook, as_version=4)
    for cell in released.cells:
        if cell.cell_type == "code":
            cell.metadata.tags = [*cell.metadata.get("tags", []), "raises-exception"]
    nbformat.write(released, notebook)


def grade(submission, released: Path, folder: Path, seconds: int, with_tests: bool = False) -> tuple[dict[str, float], list[str]]:
    """Make `folder`, a new one, a course with this one submission, and grade it: the points of each test cell, and remarks.

    There are no points where it could not be graded; else there is a page of feedback, `page(folder, name)`, on which hidden tests are hidden
    unless `with_tests`.
    """
    if submission.notebook is None:
        return {}, [*submission.remarks]
    try:
        folder.mkdir()
        os.environ["IPYTHONDIR"] = str(folder / "ipython")  # what code leaves in it would be run with the next submission
        remarks = [*submission.remarks, *_lay_out(submission, released, folder)]
    except _Unusable as error:
        return {}, [*submission.remarks, str(error)]
    except OSError as error:  # a file that cannot be copied, for example
        return {}, [*submission.remarks, f"its files cannot be used: {error}"]
    log = folder / "log.txt"
    logging.basicConfig(filename=log, level=logging.INFO, force=True)
    try:
        points, more = _run(folder, released.stem, seconds, with_tests)
    except BaseException:  # nbgrader may even exit
        return {}, [*remarks, _reason(log.read_text(encoding="utf-8", errors="replace") + traceback.format_exc())]
    return points, remarks + more


def page(folder: Path, name: str) -> Path:
    """Where nbgrader leaves its feedback."""
    return folder / "feedback" / STUDENT / name / f"{name}.html"


def notebook(folder: Path, name: str) -> Path:
    """Where nbgrader leaves what it has graded: here without hidden tests, unless they were asked for."""
    return folder / "autograded" / STUDENT / name / f"{name}.ipynb"


class _Unusable(Exception):
    """Why a submission cannot be graded."""


def _lay_out(submission, released: Path, folder: Path) -> list[str]:
    """The submission, mended, where nbgrader looks for it; what was mended."""
    import nbformat

    name, prepared = released.stem, released.parents[2]
    try:
        submitted = nbformat.read(submission.notebook, as_version=4)
        for cell in submitted["cells"]:
            cell.update({"outputs": []} if cell["cell_type"] == "code" else {})
        nbformat.validate(submitted)
        submitted = nbformat.v4.upgrade(submitted)
    except Exception as error:  # nbformat has no exception of its own for what is no notebook
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _Unusable(f"{submission.notebook.name} is not a notebook: {line:.200}") from None
    originals = (nbformat.read(path, as_version=4) for path in (released, prepared / "source" / name / f"{name}.ipynb"))
    mended, remarks = mending.mend(submitted, *originals)
    shutil.copytree(prepared / "source", folder / "source")
    shutil.copy(prepared / "gradebook.db", folder)
    target = folder / "submitted" / STUDENT / name
    if submission.folder:
        shutil.copytree(submission.folder, target, ignore=_left_out)
    target.mkdir(parents=True, exist_ok=True)
    nbformat.write(mended, target / f"{name}.ipynb")
    return remarks + _open_tasks(mended)


def _open_tasks(notebook) -> list[str]:
    """A remark on the tasks without an answer."""
    solutions = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    names = [cell.metadata.nbgrader.grade_id for cell in solutions if STUB.partition("  #")[0] in cell.source]
    return [f"no answer: {', '.join(names) if len(names) < len(solutions) else 'all tasks are open'}"] if names else []


def _left_out(folder: str, names: list[str]) -> list[str]:
    """What does not go along with a notebook: other notebooks, hidden files, and links, which may lead anywhere."""
    return [name for name in names
            if name.startswith(".") or name.endswith(".ipynb") or Path(folder, name).is_symlink()]


def hide_tests(path: Path) -> None:
    """Take the hidden tests out of a graded notebook, and whatever shows a piece of them: of an error in such a cell only its last line stays.

    A page that is handed back would give the answers to whoever hands in later, and to the next class.
    """
    import nbformat

    graded = nbformat.read(path, as_version=4)
    for cell in graded.cells:
        if cell.cell_type == "code" and HIDDEN.search(cell.source):
            cell.source = HIDDEN.sub(INSTEAD, cell.source)
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = output.traceback[-1:] if len(output.traceback) == 1 else [f"{output.ename}: {output.evalue}"]
    new_files.put(path, nbformat.writes(graded) + "\n")  # a new file: nbgrader leaves one that only root may write to


def _run(folder: Path, name: str, seconds: int, with_tests: bool) -> tuple[dict[str, float], list[str]]:
    """From submitted/ to feedback/: the points of each test cell of the one submission there is, and remarks."""
    from nbgrader.api import Gradebook

    from xaitutor.homework.execution import Run

    autograde, run = _converter("Autograde", folder, name), Run(seconds)
    autograde.autograde_preprocessors = [run, *autograde.autograde_preprocessors[1:]]  # instead of nbgrader's Execute
    autograde.start()
    if not with_tests:
        hide_tests(notebook(folder, name))
    _converter("GenerateFeedback", folder, name).start()
    with Gradebook(_database(folder)) as gradebook:
        [graded] = gradebook.find_submission(name, STUDENT).notebooks
        return {grade.name: grade.auto_score or 0.0 for grade in graded.grades}, run.remarks()


def _reason(log: str) -> str:
    """Why nbgrader gave up, from what it logged."""
    errors = re.findall(r"^[\w.]*(?:Error|Exception)\b.*", log, re.MULTILINE)
    reason = next((line for line in errors if "NbGraderException" not in line), "nobody knows why")
    return f"nbgrader could not grade it: {reason}"


def _converter(kind: str, folder: Path, name: str):
    """nbgrader's `GenerateAssignment`, `Autograde` or `GenerateFeedback` for one assignment; `.start()` runs it."""
    from nbgrader import converters
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.db_url = _database(folder)
    config.ClearSolutions.code_stub = {"python": STUB}
    directory = CourseDirectory(config=config, assignment_id=name, student_id=STUDENT)
    return getattr(converters, kind)(coursedir=directory, config=config)


def _database(folder: Path) -> str:
    return f"sqlite:///{folder / 'gradebook.db'}"
