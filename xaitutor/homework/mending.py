"""Mend what was handed in: each cell of the assignment is there once, with its own mark; tests are the original ones.

nbgrader knows the cells by their marks, and expects each once. Students delete cells, split them in two, duplicate
them, and edit their notebook with programs that know no marks.
"""

from __future__ import annotations

import ast
import copy
import re
import textwrap
from collections.abc import Callable
from itertools import chain


def mend(submitted, released, complete=None) -> tuple[object, list[str]]:
    """The submitted notebook with the assignment's own cells in place, and remarks on what was mended.

    released: the notebook that students got; complete: the one with hidden tests, whose test cells are as good.
    (nbgrader itself then writes the tests, the hidden ones too, over whatever stands in the test cells.)
    """
    mended, originals = copy.deepcopy(submitted), _marked(released)
    for cell in mended["cells"]:
        mark = cell["metadata"].pop("nbgrader", None)
        name = mark.get("grade_id") if isinstance(mark, dict) else None
        if isinstance(name, str) and name in originals:  # whatever the student's mark says, of points for example
            cell["metadata"]["nbgrader"] = copy.deepcopy(originals[name]["metadata"]["nbgrader"])
    as_good = [_marked(notebook) for notebook in (released, complete) if notebook]

    def changed(cell) -> bool:
        return not any(_meaning(cell) == _meaning(cells[_name(cell)]) for cells in as_good)

    remarks = [*_make_single(mended, originals, changed), *_put_back(mended, originals)]
    names = [name for name, cell in _marked(mended).items() if _locked(cell) and changed(cell)]
    return mended, remarks + _remark(originals, names, "changed: the original was used")


def _make_single(mended, originals: dict, changed: Callable) -> list[str]:
    """Leave one cell of each name; what was done about the others."""
    remarks, copied = [], []
    for name, original in originals.items():
        cells = [cell for cell in mended["cells"] if _name(cell) == name]
        if len(cells) > 1 and _locked(original):  # the last: what it tests stands before it
            copied.append(name)
            kept = next((cell for cell in reversed(cells) if not changed(cell)), cells[-1])
            for cell in cells:
                if cell is not kept:  # the student's own
                    del cell["metadata"]["nbgrader"]
        elif len(cells) > 1:
            remarks.append(_join(cells, original, mended["cells"]))
    return _remark(originals, copied, "there more than once: one of them counts") + remarks


def _join(pieces: list, original, cells: list) -> str:
    """Make one solution of several cells: of the halves of a split one, and of the first of several copies."""
    run = _best_run([_source(piece) for piece in pieces], _source(original))
    first, *others = (pieces[i] for i in run)
    first["source"] = "\n".join(_source(pieces[i]) for i in run)
    for cell in others:
        cells.remove(cell)
    for cell in pieces:
        if cell is not first and cell in cells:
            _set_aside(cell)
    name = _name(first)
    if len(run) == len(pieces):
        return f"the solution {name!r} was split into {len(pieces)} cells: they were put together"
    return f"the solution {name!r} was there more than once: the first that is complete counts, the others were not run"


def _best_run(sources: list[str], stub: str) -> range:
    """Which neighbours are the solution: the first ones that are complete together, as many as belong together.

    Halves of one cell often cannot be read alone; copies of one cell define the same names.
    """
    count = len(sources)
    runs = [range(start, end) for start in range(count) for end in range(count, start, -1)]
    readable = [run for run in runs if _is_whole([sources[i] for i in run])]
    complete = [run for run in readable if "NotImplementedError" not in "".join(sources[i] for i in run)]
    begun = [run for run in readable if _tree("\n".join(sources[i] for i in run)) != _tree(stub)]
    return next(chain(complete, begun, readable, runs))


def _is_whole(sources: list[str]) -> bool:
    """Is it Python, and are these the parts of something, not versions of the same thing?"""
    if _tree("\n".join(sources)) is None:
        return False
    defined = [name for source in sources for name in _defined(source)]
    return len(defined) == len(set(defined))


def _defined(source: str) -> set[str]:
    """The functions, classes and variables that a piece of code defines; none where it cannot be read alone."""
    try:
        statements = ast.parse(_without_magic(source)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    targets = chain.from_iterable(ast.walk(t) for s in statements if isinstance(s, ast.Assign) for t in s.targets)
    definitions = (s.name for s in statements if isinstance(s, ast.FunctionDef | ast.ClassDef))
    return {*definitions, *(t.id for t in targets if isinstance(t, ast.Name) and isinstance(t.ctx, ast.Store))}


def _tree(source: str) -> str | None:
    """What Python reads in it: no comments, empty lines and spaces at ends of lines. None where it cannot be read."""
    try:
        return ast.dump(ast.parse(_without_magic(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _without_magic(source: str) -> str:
    return re.sub(r"^(\s*)[%!?].*$", r"\1pass", source, flags=re.MULTILINE)


def _set_aside(cell) -> None:
    """Text instead of code: to be read in the feedback, but not run."""
    cell["source"] = "*Not run, as it is there more than once:*\n\n" + textwrap.indent(_source(cell), "    ")
    cell["cell_type"], cell["metadata"] = "markdown", {}
    cell.pop("outputs", None), cell.pop("execution_count", None)


def _put_back(mended, originals: dict) -> list[str]:
    """A locked cell that was lost comes back behind the one before it, or at the end. Solutions are the student's."""
    lost, behind = [], None
    for name, original in originals.items():
        place = next((i for i, cell in enumerate(mended["cells"]) if _name(cell) == name), None)
        if place is None and _locked(original):
            place = len(mended["cells"]) if behind is None else behind + 1
            mended["cells"].insert(place, copy.deepcopy(original))
            mended["cells"][place]["id"] += "-back"  # the student may have a cell of that id, without the mark
            lost.append(name)
        behind = behind if place is None else place
    return _remark(originals, lost, "deleted, or lost its mark: it was put back")


def _remark(originals: dict, names: list[str], what: str) -> list[str]:
    """One remark for all cells of which there is the same to say."""
    if not names:
        return []
    kind = "test cell" if all(originals[name]["metadata"]["nbgrader"]["grade"] for name in names) else "cell"
    if len(names) == 1:
        return [f"the {kind} {names[0]!r} was {what}"]
    plurals = {"lost its mark": "lost their marks", "it was": "they were", "original was": "originals were"}
    for one, many in plurals.items():
        what = what.replace(one, many)
    return [f"the {kind}s {', '.join(map(repr, names))} were {what}"]


def _meaning(cell) -> str:
    """What tells whether a cell was changed: neither ends of lines, nor spaces before them, nor comments in code."""
    lines = "\n".join(line.rstrip() for line in _source(cell).splitlines()).strip()
    return (cell["cell_type"] == "code" and _tree(lines)) or lines


def _marked(notebook) -> dict[str, object]:
    """The cells with a mark, by name."""
    return {_name(cell): cell for cell in notebook["cells"] if _name(cell)}


def _name(cell) -> str | None:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def _locked(cell) -> bool:
    return cell["metadata"]["nbgrader"]["locked"]


def _source(cell) -> str:
    return cell["source"].replace("\r\n", "\n").replace("\r", "\n")
