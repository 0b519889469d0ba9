"""The reference: every public name of the package with its signature and its docstring, a page a room."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import xaitutor
from tools.website.methods import escaped

PACKAGE = Path(xaitutor.__file__).parent


def pages() -> dict[str, str]:
    """Room: its page in Markdown; "index" lists them."""
    rooms = {path.parent.name: importlib.import_module(f"xaitutor.{path.parent.name}") for path in sorted(PACKAGE.glob("*/__init__.pyi"))}
    return {"index": _index(rooms)} | {name: room_page(room) for name, room in rooms.items()}


def _index(rooms: dict[str, ModuleType]) -> str:
    lines = [f"- [`xaitutor.{name}`]({name}.md): {escaped(_first_line(room))}" for name, room in rooms.items()]
    tree = "\n".join(["```{toctree}", ":hidden:", *rooms, "```"])
    return "\n".join(["# Reference", "", "The package, room by room. Shapes, units, errors and formulas are in the docstrings, which editors show, too.", "",
                      *lines, "", tree, ""])


def room_page(room: ModuleType) -> str:
    """One room: what it is, then each public name; of a module its public functions and classes."""
    blocks = [f"# {room.__name__.removeprefix('xaitutor.')}", _prose(inspect.getdoc(room) or "")]
    for name in room.__all__:
        found = getattr(room, name)
        if inspect.ismodule(found):
            blocks += [f"## {name}", _prose(inspect.getdoc(found) or ""), *_of_module(found, set(room.__all__))]
        else:
            blocks.append(entry(f"{room.__name__}.{name}", found))
    return "\n\n".join(blocks) + "\n"


def _of_module(module: ModuleType, elsewhere: set[str]) -> list[str]:
    public = {name: one for name, one in vars(module).items() if getattr(one, "__module__", None) == module.__name__ and not name.startswith("_")}
    return [entry(f"{module.__name__}.{name}", one) for name, one in public.items() if callable(one) and name not in elsewhere]


def entry(name: str, what) -> str:
    """One name: how it is called, and what its docstring says."""
    if not callable(what):
        return f"```{{py:data}} {name}\n```"
    kind = "class" if inspect.isclass(what) else "function"
    return f"``````{{py:{kind}}} {name}{_signature(what)}\n\n{_prose(inspect.getdoc(what) or '')}\n``````"


def _signature(what) -> str:
    try:
        text = str(inspect.signature(what))
    except ValueError:  # what C code takes, nobody says
        return "()"
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)  # annotations are strings to Python, not to readers
    return re.sub(r"<(function|class|module)? ?'?([\w.]+)[^>]*>", r"\2", text).replace("\n", " ")


def _prose(text: str) -> str:
    """A docstring as Markdown: paragraphs, lists, and what is indented as it is."""
    return "\n\n".join(_block(block) for block in re.split(r"\n\s*\n", text.strip()) if block.strip())


def _block(block: str) -> str:
    lines = block.split("\n")
    if lines[0].startswith("    ") or lines[0].startswith(("| ", ">>>")):  # formulas, tables and calls stay as they were typed
        return "```text\n" + block + "\n```"
    return "\n".join(("- " + escaped(line[2:])) if line.startswith("- ") else escaped(line) for line in lines)


def _first_line(module: ModuleType) -> str:
    return (inspect.getdoc(module) or "").split("\n\n")[0].replace("\n", " ")
