"""One source, generated versions: what students fill in, and what an instructor types along.

The notebooks of the course hold everything: prose, code, solutions, outputs. From them come

- the *student's* version: each solution becomes a stub of what the check asks for, and outputs are gone;
- the *live coding* version: code cells are empty but for their first comment, imports and plotting.

All else is as in the source, cell for cell. A version of a version is the version itself.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable
from pathlib import Path

from xaitutor.course import exercises
from xaitutor.files import new_files

# Names that draw: a statement that calls nothing else is plotting.
DRAWING = {"plt", "plots", "widgets", "planes", "grids", "figure", "axes", "axis"}


def student(notebook):
    """A copy of `notebook` (as `nbformat.read` gives it) without solutions and outputs.

    Raises ValueError for an exercise against the convention (`xaitutor.course.exercises`), and for a graded assignment.
    """
    notebook = _without_outputs(notebook)
    if any(exercises.is_solution(cell) for cell in notebook["cells"]):
        for exercise in exercises.find(notebook):
            cell = notebook["cells"][exercise.index + 1]
            cell["source"] = stub(exercise)
            cell["metadata"].pop("jupyter")
            cell["metadata"].pop("tags")
    return notebook


def livecoding(notebook):
    """A copy of `notebook` in which the code is still to be typed; the checks of exercises stay.

    Raises ValueError as `student`, and for a code cell that is no Python.
    """
    notebook = _without_outputs(notebook)
    for number, cell in enumerate(notebook["cells"]):
        given = exercises.is_folded(cell) and not exercises.is_solution(cell)  # what only draws is not typed along
        if cell["cell_type"] == "code" and not given and not cell["source"].startswith("checks."):
            cell["source"] = _outline(cell["source"], number)
            cell["metadata"].pop("jupyter", None)
    return notebook


def write(path: str | Path, folder: str | Path, version: Callable) -> Path:
    """Write a version of the notebook at `path` into `folder`, which is made where it is missing, and give its path.

    The live coding version is called …_live.ipynb, and the finished notebook is laid beside it. Nothing is overwritten:
    raises FileExistsError where a file of that name differs, for somebody's work may be in it; FileNotFoundError and
    ValueError where there is no notebook at `path`.
    """
    import nbformat

    path, folder = Path(path), Path(folder)
    source = path.read_text(encoding="utf-8")
    try:
        notebook = nbformat.reads(source, as_version=4)
    except Exception as error:  # nbformat has no exception of its own for what is no notebook
        raise ValueError(f"{path} is not a notebook: {error}") from None
    live = version is livecoding
    files = {folder / (f"{path.stem}_live.ipynb" if live else path.name): nbformat.writes(version(notebook)) + "\n"}
    if live:
        files[folder / path.name] = source
    new_files.write(files)
    return next(iter(files))


def stub(exercise: exercises.Exercise) -> str:
    """What is left of a solution: its imports, and each name that the check uses, as an empty function or as `...`."""
    lines, statements = exercise.solution.splitlines(), ast.parse(exercise.solution).body
    functions = {node.name: _empty(node, lines) for node in statements if isinstance(node, ast.FunctionDef)}
    values = {node.id: f"{node.id} = ...  # your answer" for node in ast.walk(ast.Module(statements, []))
              if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    asked = [node.id for node in ast.walk(ast.parse(exercise.check)) if isinstance(node, ast.Name)]
    answers = [(values | functions)[name] for name in dict.fromkeys(asked) if name in values | functions]
    if not answers:
        raise ValueError(f"exercise {exercise.number}: its check uses no name that its solution defines")
    return "\n".join([_lines(node, lines) for node in statements if _is_import(node)] + answers)


def _empty(function: ast.FunctionDef, lines: list[str]) -> str:
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    head = lines[function.lineno - 1 : first.end_lineno if documented else first.lineno - 1]
    signature = [line for line in head if not line.lstrip().startswith("#")]
    return "\n".join([*signature, "    raise NotImplementedError  # your code, instead of this line"])


def _outline(source: str, number: int) -> str:
    lines = source.splitlines()
    try:
        statements = ast.parse("\n".join(lines)).body
    except SyntaxError as error:
        raise ValueError(f"code cell {number} is no Python: {error}") from None
    drawing = DRAWING | _axes(statements)
    kept = {index for node in statements if _is_import(node) or _draws(node, drawing)
            for index in range(node.lineno - 1, node.end_lineno)}
    first = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    left = [line for i, line in enumerate(lines) if i < first or i in kept or not line.strip()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(left)).strip()


def lines_that_draw(source: str) -> int:
    """How many lines of a cell belong to statements that only draw."""
    statements = ast.parse(source).body
    drawing = DRAWING | _axes(statements)
    return sum(node.end_lineno - node.lineno + 1 for node in statements if _draws(node, drawing))


def _axes(statements: list[ast.stmt]) -> set[str]:
    """The names that a cell gives to what matplotlib makes: left, right of `figure, (left, right) = plt.subplots(…)`."""
    made = [node for node in statements if isinstance(node, ast.Assign) and _root(node.value) == "plt"]
    return {name.id for node in made for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def _draws(node: ast.stmt, drawing: set[str]) -> bool:
    if isinstance(node, (ast.For, ast.With)):
        return all(_draws(inner, drawing) for inner in node.body)
    value = getattr(node, "value", None)
    return isinstance(node, (ast.Expr, ast.Assign)) and isinstance(value, ast.Call) and _root(value) in drawing


def _root(node: ast.expr) -> str:
    """The name at the beginning: axes of axes[0, 1].imshow(…)."""
    while not isinstance(node, ast.Name):
        node = getattr(node, "func", None) or getattr(node, "value", None)
        if node is None:
            return ""
    return node.id


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _lines(node: ast.stmt, lines: list[str]) -> str:
    return "\n".join(lines[node.lineno - 1 : node.end_lineno])


def _without_outputs(notebook):
    if any("nbgrader" in cell["metadata"] for cell in notebook["cells"]):
        raise ValueError("this is a graded assignment; its students' version comes from: xaitutor homework release")
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    return notebook
