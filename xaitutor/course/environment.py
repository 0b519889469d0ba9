"""Is this machine ready? One line for each thing that the course needs, and what to do where it is missing.

    for line in environment.check():
        print(line)

Nothing here needs torch, so that a broken torch can be reported like anything else.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module, metadata

from xaitutor.files import data_files

GIB = 2**30
MEMORY = 2 * GIB  # what the largest notebook takes, with a reserve
AGAIN = ("install again: make lab (with conda: conda env update --file environment.yml)" if data_files.REPOSITORY else
         "install again, as the page says that came with it: python -m pip install --constraint requirements.lock xaitutor-….whl")


@dataclass(frozen=True)
class Line:
    ok: bool
    text: str

    def __str__(self) -> str:
        return f"{'OK' if self.ok else 'FAIL':<5} {self.text}"


def check() -> Iterator[Line]:
    """What the course needs: Python, packages, that torch works, embedded files, memory; and whether there is a GPU."""
    try:
        import_module("packaging")
    except ImportError:
        yield Line(False, f"versions: not to be compared without packaging; {AGAIN}")
    else:
        yield python()
        yield from packages()
    torch = loads_torch()
    yield torch
    yield from files()
    yield memory()
    yield gpu(torch.ok)


def python() -> Line:
    from packaging.specifiers import SpecifierSet

    version, wanted = platform.python_version(), metadata.metadata("xaitutor")["Requires-Python"]
    if SpecifierSet(wanted).contains(version, prereleases=True):
        return Line(True, f"Python {version}")
    return Line(False, f"Python {version}: the course needs {wanted}; make the environment with a newer one")


def packages() -> Iterator[Line]:
    """Each package that pyproject.toml asks for, and its version."""
    from packaging.requirements import Requirement

    for requirement in map(Requirement, metadata.requires("xaitutor") or ()):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        wanted = f"{requirement.name}{requirement.specifier}"
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Line(False, f"{requirement.name} is missing, the course needs {wanted}; {AGAIN}")
            continue
        if requirement.specifier.contains(version, prereleases=True):
            yield Line(True, f"{requirement.name} {version}")
        else:
            yield Line(False, f"{requirement.name} {version}: the course needs {wanted}; {AGAIN}")


def loads_torch() -> Line:
    """Whether torch and torchvision can be imported: each may be there, and yet not fit the other."""
    for name, module in (("torch", "torch"), ("torchvision", "xaitutor.vision")):
        try:
            import_module(module)
        except Exception as error:  # a broken build raises OSError, RuntimeError, AttributeError, …
            reason = (str(error) or type(error).__name__).splitlines()[0]
            return Line(False, f"{name} does not load: {reason}; its build does not fit this machine or the other of "
                               f"torch and torchvision; remove both, then {AGAIN}")
    return Line(True, "torch and torchvision load")


def files() -> Iterator[Line]:
    """Each embedded file against its SHA-256; one line where all are well, one for each that is not."""
    try:
        names = sorted(data_files.sums())
    except (OSError, ValueError) as error:
        yield Line(False, str(error))
        return
    if not names:
        yield Line(False, f"embedded files: {data_files.SUMS} names none; get it back with: {data_files.BACK}")
        return
    broken = list(_broken(names))
    yield from broken
    if not broken:
        yield Line(True, f"embedded files: {len(names)}, each with its SHA-256")


def _broken(names: list[str]) -> Iterator[Line]:
    for name in names:
        try:
            data_files.verify(name)
        except (OSError, ValueError) as error:
            yield Line(False, str(error))


def memory() -> Line:
    try:
        import psutil
    except ImportError:
        return Line(False, f"memory: not known without psutil; {AGAIN}")
    free = psutil.virtual_memory().available
    text = f"memory: {free / GIB:.1f} GB free"
    if free >= MEMORY:
        return Line(True, text)
    return Line(False, f"{text}, the course needs {MEMORY / GIB:.0f}; close other programs and kernels")


def gpu(torch_loads: bool) -> Line:
    """The accelerator that torch sees. None is fine."""
    if torch_loads:
        import torch

        if torch.cuda.is_available():
            return Line(True, f"GPU: {torch.cuda.get_device_name()}")
        if torch.backends.mps.is_available():
            return Line(True, "GPU: Apple (mps)")
    return Line(True, "GPU: none, and none is needed")
