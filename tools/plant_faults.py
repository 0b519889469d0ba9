"""Do the tests notice a fault? Plants faults at random in a room, one at a time, and lists those that its tests pass over.

    python tools/plant_faults.py foundations                 40 faults in xaitutor/foundations
    python tools/plant_faults.py truth/shapley.py --faults 10

An operator, a comparison, a constant is changed, an abs or a not left out. The tests run in a copy: the repository is not touched. A module's
own tests run first (tests/ROOM/test_MODULE.py), then those of its room. A survivor is either a fault that no test asks for, or no fault at
all (a sum of two numbers in the other order); only a reader can tell.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LONG = 300  # seconds: who takes longer hangs, and is caught
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
             ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
             ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"}


class Fault(NamedTuple):
    """Text to put into a file in place of another."""

    path: Path
    line: int
    start: int
    end: int
    before: str
    after: str

    def planted(self, source: str) -> str:
        return source[: self.start] + self.after + source[self.end:]


def faults(path: Path) -> Iterator[Fault]:
    """Every fault that can be planted in this file."""
    source = path.read_text("utf-8")
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    at = lambda row, column: starts[row - 1] + len(source[starts[row - 1]:].encode()[:column].decode())  # noqa: E731
    tree = ast.parse(source)
    idle = _idle(tree)
    for node in ast.walk(tree):
        changed = None if id(node) in idle else _changed(node)
        if changed is not None:
            start, end = at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)
            text = ast.unparse(changed)
            yield Fault(path, node.lineno, start, end, source[start:end], f"({text})" if isinstance(node, (ast.BinOp, ast.BoolOp, ast.Compare)) else text)


def _idle(tree: ast.AST) -> set[int]:
    """The nodes that compute nothing: docstrings and annotations."""
    found = set()
    for node in ast.walk(tree):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None), node.value if isinstance(node, ast.Expr) else None):
            if part is not None and (not isinstance(node, ast.Expr) or isinstance(part, ast.Constant)):
                found |= {id(inner) for inner in ast.walk(part)}
    return found


def _changed(node: ast.AST) -> ast.AST | None:
    """The node with a fault in it; None where none is known."""
    new = deepcopy(node)
    if isinstance(node, (ast.BinOp, ast.BoolOp)) and type(node.op) in OPERATORS and not _is_text(node):
        new.op = OPERATORS[type(node.op)]()
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in OPERATORS:
        new.ops[0] = OPERATORS[type(node.ops[0])]()
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        new = new.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        new.value = not node.value
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        new.value = node.value + 1 if isinstance(node.value, int) else node.value * 2 or 1.0
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("abs", "clone", "detach") and not node.args:
        new = new.func.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "abs":
        new = new.args[0]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
        new.func.id = NAMES[node.func.id]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in NAMES:
        new.func.attr = NAMES[node.func.attr]
    else:
        return None
    return new


def _is_text(node: ast.AST) -> bool:
    """Whether strings or types are put together."""
    return any(isinstance(part, (ast.JoinedStr, ast.List, ast.Tuple, ast.Dict)) or isinstance(part, ast.Constant) and isinstance(part.value, (str, type(None)))
               for part in ast.walk(node))


def survives(fault: Fault, copy: Path) -> bool:
    """Whether all tests of the module and of its room pass with the fault, in a copy of the repository."""
    target = copy / fault.path.relative_to(ROOT)
    sound = target.read_text("utf-8")
    room = target.parent.name
    own = copy / "tests" / room / f"test_{target.stem}.py"
    target.write_text(fault.planted(sound), "utf-8")
    try:
        return all(_pass(copy, what) for what in ([own] if own.is_file() else []) + [copy / "tests" / room])
    finally:
        target.write_text(sound, "utf-8")


def _pass(copy: Path, what: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-c", "pyproject.toml", "--rootdir=.", str(what)]
    try:
        return subprocess.run(command, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
                              capture_output=True, timeout=LONG).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description="Plant faults at random, and list those that no test notices.")
    parser.add_argument("where", help="a room or a module of xaitutor: truth, or truth/shapley.py")
    parser.add_argument("--faults", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    place = ROOT / "xaitutor" / options.where
    files = [place] if place.is_file() else sorted(place.glob("*.py"))
    if not files:
        parser.error(f"there is no room and no module {options.where!r} in xaitutor")
    known = [fault for path in files for fault in faults(path)]
    chosen = random.Random(options.seed).sample(known, min(options.faults, len(known)))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "course"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".venv", ".git", "build", "__pycache__"), symlinks=True)
        if not _pass(copy, copy / "tests" / files[0].parent.name):
            raise RuntimeError(f"the tests of {files[0].parent.name} fail without any fault, or take longer than {LONG} seconds: mend that first")
        living = []
        for number, fault in enumerate(chosen, 1):
            lives = survives(fault, copy)
            living += [fault] * lives
            print(f"{number:3} {'LIVES ' if lives else 'caught'} {fault.path.relative_to(ROOT)}:{fault.line}  {fault.before}  →  {fault.after}", flush=True)
    print(f"{options.where}: {len(chosen) - len(living)} of {len(chosen)} caught, of {len(known)} that could be planted")
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main())
