"""What was measured, kept in `build/truth` under names that say from what: another content has another name.

A name is the SHA-256 of all that the result depends on, code included, so that nothing stale is ever read. `make clean` deletes it all.
"""

from __future__ import annotations

import ast
import hashlib
import os
import zipfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from xaitutor import data_files

FOLDER = data_files.DATA.parent / "build" / "truth"


def name_of(*content) -> str:
    """A name for what depends on this content: 20 hexadecimal digits of the SHA-256 of its `repr`."""
    return hashlib.sha256("\n".join(map(repr, content)).encode()).hexdigest()[:20]


def read(kind: str, name: str) -> dict[str, np.ndarray] | None:
    """The arrays that `write` put there, or None where there are none, or no whole ones."""
    try:
        with np.load(FOLDER / kind / f"{name}.npz") as stored:
            return dict(stored)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def write(kind: str, name: str, **arrays) -> dict[str, np.ndarray]:
    """Keep the arrays, and give them back; written aside first, so that whoever is interrupted leaves no half."""
    folder = FOLDER / kind
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / f"{name}.{os.getpid()}.npz"
    np.savez(own, **arrays)
    own.replace(folder / f"{name}.npz")
    return {key: np.asarray(value) for key, value in arrays.items()}


@cache
def code(*modules: str) -> str:
    """The SHA-256 of these modules of the package, and of all of the package that they import.

    Comments, docstrings and layout do not count: they change no result.
    """
    found: dict[str, str] = {}
    _collect(modules, found)
    return hashlib.sha256("\n".join(found[name] for name in sorted(found)).encode()).hexdigest()


def _collect(modules, found: dict[str, str]) -> None:
    for module in modules:
        path = _source(module)
        if path is not None and module not in found:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found[module] = ast.unparse(_without_docstrings(tree))
            _collect(_imported(tree), found)


def _source(module: str) -> Path | None:
    """The file of a module of this package; None for what is no module but a name in one, and for packages, which hold names alone."""
    if module.partition(".")[0] != "xaitutor":
        return None
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # a name in a module that is no package
        return None
    return Path(spec.origin) if spec and spec.origin and not spec.submodule_search_locations else None


def _imported(tree: ast.Module) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body[0].value.value = None
    return tree
