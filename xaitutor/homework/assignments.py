"""The assignments that there are, and nbgrader, if it is there."""

from __future__ import annotations

import difflib
import importlib.util
from pathlib import Path

from xaitutor.files.data_files import folder

ASSIGNMENTS = folder("notebooks") / "homework"


def names() -> list[str]:
    """The names of all assignments, in order."""
    return sorted(path.stem for path in ASSIGNMENTS.glob("*.ipynb"))


def source(name: str) -> Path:
    """The notebook with solutions and hidden tests. Raises ValueError for a name that is none, with the nearest."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names())}"
        raise ValueError(f"there is no assignment {name!r}; {hint}")
    return ASSIGNMENTS / f"{name}.ipynb"


def require_nbgrader() -> None:
    """Raises ImportError, which says how to get it, where nbgrader is not installed. (Importing it takes seconds.)"""
    if importlib.util.find_spec("nbgrader") is None:
        raise ImportError("homework needs nbgrader, which is not installed. Install it with: "
                          "pip install --constraint requirements.lock --editable '.[homework]'")
