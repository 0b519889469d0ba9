"""torchvision, without the compiler of torch that its import drags along: `from xaitutor.vision import torchvision`.

One operator of torchvision's, roi_align, has a question for the compiler. For that its import brings all of the compiler into every
kernel, a second of waiting and 150 MB. Here the question is put off until somebody uses the operator; the course does not.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

COMPILER = "torch._dynamo.utils"


@contextmanager
def compiler_put_off() -> Iterator[None]:
    """Inside, the compiler's module is a placeholder with the one function that is known to be asked for; whatever else is, is imported."""
    placeholder = ModuleType(COMPILER)
    placeholder.is_compile_supported = lambda device: import_module(COMPILER).is_compile_supported(device)

    def other(name):
        if name.startswith("__"):  # Python's own questions about a module
            raise AttributeError(name)
        sys.modules.pop(COMPILER, None)
        return getattr(import_module(COMPILER), name)

    placeholder.__getattr__ = other
    if sys.modules.setdefault(COMPILER, placeholder) is not placeholder:  # it is there already
        yield
        return
    try:
        yield
    finally:
        if sys.modules.get(COMPILER) is placeholder:
            del sys.modules[COMPILER]


with compiler_put_off():
    import torchvision  # noqa: F401
