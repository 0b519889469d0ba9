"""What was measured, kept in `build/truth` (where a wheel was installed: beside what torch downloads) under names that say from what: another content has another name.

A name is the SHA-256 of all that the result depends on, code included, so that nothing stale is ever read. `make clean` deletes what is in `build`.
"""

from __future__ import annotations

import ast
import hashlib
import zipfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from xaitutor.files import data_files, new_files

FOLDER = (data_files.REPOSITORY / "build" if data_files.REPOSITORY else Path(torch.hub.get_dir()) / "xaitutor") / "truth"


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
    with new_files.whole(folder / f"{name}.npz") as own:
        np.savez(own, **arrays)
    return {key: np.asarray(value) for key, value in arrays.items()}


@cache
def code(*modules: str, without: str = "") -> str:
    """The SHA-256 of these modules of the package, and of all of the package that they import, but for those in the room `without`.

    Comments, docstrings, layout, and where a module lives do not count: they change no result.
    """
    found: dict[str, str] = {}
    _collect(modules, found)
    sources = sorted(source for name, source in found.items() if not (without and name.startswith(f"{without}.")))
    return hashlib.sha256("\n".join(sources).encode()).hexdigest()


def _collect(modules, found: dict[str, str]) -> None:
    for module in modules:
        path = _source(module)
        if path is not None and module not in found:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            imported = _imported(tree)
            found[module] = ast.unparse(_Bare().visit(tree))
            _collect(imported, found)


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


class _Bare(ast.NodeTransformer):
    """Leaves out docstrings, and the imports, which were followed."""

    def visit_Import(self, node):
        return ast.copy_location(ast.Pass(), node)

    visit_ImportFrom = visit_Import

    def visit_Expr(self, node):
        return ast.copy_location(ast.Pass(), node) if isinstance(node.value, ast.Constant) else node
