"""The house: imports point one way, each room says what is in it, and its names are there without loading anything."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import xaitutor

PACKAGE = Path(xaitutor.__file__).parent
# What a module may import stands before it. (`colours` is the palette, `progress` the bar, `vision` torchvision: whoever needs one may have it.)
ORDER = ("colours", "progress", "vision", "files", "menagerie", "networks", "foundations", "units", "maximization", "attribution",
         "surrogates", "adversarial", "truth", "referees", "audit", "concepts", "studio", "figures", "checks", "course", "homework", "cli")
ROOMS = [room for room in ORDER if (PACKAGE / room).is_dir()]
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not {"data", "notebooks"} & set(path.relative_to(PACKAGE).parts))


def room(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path):
    """The modules of the package that a file imports, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "xaitutor":
            yield from ([node.module] if "." in node.module else (f"xaitutor.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("xaitutor."))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(path):
    if room(path) == "__init__":
        return
    for name in imports(path):
        there = name.split(".")[1]
        assert there in ORDER, f"{name} is imported by its short name: say where it lives"
        assert ORDER.index(there) <= ORDER.index(room(path)), f"{path.name} imports {name}, which stands above it"


def test_no_room_is_forgotten():
    assert {room(path) for path in MODULES} <= {*ORDER, "__init__"}


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_shows_its_names_and_has_them(name):
    module = importlib.import_module(f"xaitutor.{name}")
    assert module.__doc__ and module.__all__ and set(module.__all__) <= set(dir(module))
    for public in module.__all__:
        assert getattr(module, public) is not None


def test_tests_mirror_the_rooms():
    tests = Path(__file__).parent
    for path in tests.glob("*/test_*.py"):
        assert path.parent.name in {*ROOMS, "project", "hostile"}, path


def test_nothing_heavy_is_loaded_by_looking():
    """`dir` and Tab cost nothing; torch and matplotlib come with the first function that needs them."""
    code = f"import sys, xaitutor\nfor room in {ROOMS}:\n    __import__('xaitutor.' + room)\n    dir(sys.modules['xaitutor.' + room])\n" \
           "print(sorted({'torch', 'matplotlib', 'scipy'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("[]\n", "")


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="nonsense"):
        xaitutor.attribution.nonsense
