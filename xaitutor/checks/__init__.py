"""Instant answers to the exercises: each check says what is wrong, not only that something is.

One file a subject. A check prints one line: what is right, or the most useful thing about what is wrong.
`checks.anatomy.fold(my_fold)` loads its file when it is first used.
"""

from importlib import import_module

__all__ = [
    "anatomy", "circuits", "class_maps", "contributions", "convolution", "filters", "gradients",
    "maximization", "neurons", "paths", "prototypes", "receptive_field", "relu_rules", "start",
]


def __getattr__(name: str):
    if name in __all__:
        return import_module(f"xaitutor.checks.{name}")
    raise AttributeError(f"xaitutor.checks has no '{name}'; it has {', '.join(__all__)}")
