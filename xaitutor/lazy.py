"""Lazy packages: a name is loaded from its file when it is first used, so that an import takes milliseconds.

    __getattr__, __all__ = lazy.names(__name__, {"gradient": "gradients"})   # in the package's __init__.py

A file must not have the name of a public function: importing the file would hide it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module


def names(package: str, home: dict[str, str]) -> tuple[Callable, list[str]]:
    """The `__getattr__` and `__all__` of a package whose public names live in the files that `home` says."""

    def load(name: str):
        if name in home:
            return getattr(import_module(f"{package}.{home[name]}"), name)
        raise AttributeError(f"{package} has no '{name}'; it has {', '.join(home)}")

    return load, list(home)
