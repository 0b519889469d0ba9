"""One source, generated versions: what students fill in, and what an instructor types along.

The notebooks of the course hold everything: prose, code, solutions, outputs. From them come

- the *student's* version: each solution becomes a stub of what the check asks for, and outputs are gone;
- the *live coding* version: the code cells with the tag "typed" are empty but for a comment that names what to define, imports and plotting, and prose with the tag
  "reveals", which tells what the code will show, is folded. Where no cell is marked, all code is typed that is neither folded nor a check.

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

TYPED, REVEALS = "typed", "reveals"  # tags of what is typed along, and of prose that tells what it will show
HINT = "# to define: "
FOLDED = "<details><summary>What we see</summary>\n\n{}\n\n</details>"

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
    """A copy of `notebook` in which the code is still to be typed; set-up, drawings, solutions and checks of exercises stay.

    Raises ValueError as `student`, and for a code cell that is no Python.
    """
    notebook = _without_outputs(notebook)
    code = [cell["source"] if cell["cell_type"] == "code" else "" for cell in notebook["cells"]]
    for number in _typed(notebook):
        notebook["cells"][number]["source"] = _outline(code[number], number, code[number + 1 :])
    for cell in notebook["cells"]:
        if REVEALS in cell["metadata"].get("tags", []) and not cell["source"].startswith("<details>"):
            cell["source"] = FOLDED.format(cell["source"])
    return notebook


def typed_lines(notebook) -> int:
    """How many lines a lecture types: those of `notebook` that its live coding version lacks."""
    live = livecoding(notebook)["cells"]
    pairs = ((notebook["cells"][number]["source"], live[number]["source"]) for number in _typed(notebook))
    return sum(len(_code(before)) - len(_code(after)) for before, after in pairs)


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


def _typed(notebook) -> list[int]:
    """The cells whose code is typed: the marked ones, or, where none is, all that are open and no checks."""
    code = [i for i, cell in enumerate(notebook["cells"]) if cell["cell_type"] == "code"]
    tags = {i: notebook["cells"][i]["metadata"].get("tags", []) for i in code}
    if any(TYPED in tags[i] for i in code):
        return [i for i in code if TYPED in tags[i]]
    return [i for i in code if not exercises.is_folded(notebook["cells"][i]) and not notebook["cells"][i]["source"].startswith("checks.")]


def _outline(source: str, number: int, later: list[str]) -> str:
    """What is left of a cell: its first comment, the names to define that cells `later` use, imports, and plotting."""
    lines = source.splitlines()
    try:
        statements = ast.parse("\n".join(lines)).body
    except SyntaxError as error:
        raise ValueError(f"code cell {number} is no Python: {error}") from None
    drawing = DRAWING | _axes(statements)
    kept = [node for node in statements if _is_import(node) or _draws(node, drawing)]
    left_in = {index for node in kept for index in range(node.lineno - 1, node.end_lineno)}
    first = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    left = [line for i, line in enumerate(lines) if i < first or i in left_in or not line.strip()]
    hint = _names_to_define([node for node in statements if node not in kept], [*map(ast.unparse, kept), *later])
    return re.sub(r"\n{3,}", "\n\n", "\n".join([*left[:first], *hint, *left[first:]])).strip()


def _names_to_define(typed: list[ast.stmt], later: list[str]) -> list[str]:
    """A comment with the names that the typed statements define and other code uses, or, where it uses none, all; none where there are no such."""
    statements = [node for source in later for node in _statements(source)]
    names = list(dict.fromkeys(name for node in typed for name in _defined(node)))
    names = [name for name in names if _is_used(name, statements)] or names
    return [HINT + ", ".join(names)] if names else []


def _statements(source: str) -> list[ast.stmt]:
    """Those of a later cell; none where it is no Python: the error names it when its turn comes."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []


def _defined(node: ast.stmt) -> list[str]:
    """The names that a statement defines, in order, without those of loops."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = [*getattr(node, "targets", []), *[item.optional_vars for item in getattr(node, "items", []) if item.optional_vars]]
    names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)]
    return names + [name for inner in getattr(node, "body", []) for name in _defined(inner)]


def _is_used(name: str, statements: list[ast.stmt]) -> bool:
    """Does one of the statements ask for the name, before another gives it a new value?"""
    for node in statements:
        if any(isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load) for one in ast.walk(node)) and name not in _local(node):
            return True
        if name in _defined(node):
            return False
    return False


def _local(node: ast.stmt) -> set[str]:
    """The parameters and the loop variables inside a statement."""
    targets = [one.target for one in ast.walk(node) if isinstance(one, (ast.For, ast.comprehension))]
    names = {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return names | {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)}


def _code(source: str) -> list[str]:
    """The lines that are neither empty nor comments."""
    return [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]


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
