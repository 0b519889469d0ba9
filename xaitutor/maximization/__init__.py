"""Activation maximization: which picture would this unit most like to see?"""

from importlib import import_module

_HOME: dict[str, str] = {}

__all__ = [*_HOME]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(f"xaitutor.maximization.{_HOME[name]}"), name)
    raise AttributeError(f"xaitutor.maximization has no '{name}'; it has {', '.join(__all__)}")
