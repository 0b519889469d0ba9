"""What students must not see: the lines of solutions and of hidden tests that stand nowhere in what they are given."""

import nbformat

from tests.homework.handed_in import solutions
from xaitutor.course import exercises, versions
from xaitutor.files import data_files
from xaitutor.homework import assignments, course

LONG = 12  # characters: shorter lines, `x = 1`, tell nothing


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if len(line.strip()) > LONG}


def of_exercises() -> set[str]:
    """The lines of the course's solutions, unless a cell that students get has them, too."""
    secret, given = set(), []
    for path in data_files.folder("notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        secret |= {line for exercise in exercises.find(notebook) for line in lines(exercise.solution)}
        given += [cell["source"] for cell in versions.student(notebook)["cells"]]
    shown = "\n".join(given)
    return {line for line in secret if line not in shown}


def of_hidden_tests(name: str) -> set[str]:
    """The lines that only an assignment's hidden tests have."""
    cells = [cell.source for cell in nbformat.read(assignments.source(name), as_version=4).cells]
    hidden = {line for source in cells for block in course.HIDDEN.findall(source) for line in lines(block)}
    seen = "\n".join(course.HIDDEN.sub("", source) for source in cells)
    return {line for line in hidden if line not in seen}


def of_solutions(name: str) -> set[str]:
    """The lines that only an assignment's solutions have."""
    given = [cell.source for cell in nbformat.read(assignments.source(name), as_version=4).cells
             if not cell.metadata.get("nbgrader", {}).get("solution")]
    secret = {line for source in solutions(name).values() for line in lines(source) if not line.startswith("def ")}
    return {line for line in secret if line not in "\n".join(given)}
