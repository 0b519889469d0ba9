"""The notebooks as pages: solutions and drawings folded, every picture with its words."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from tools.execute_notebooks import NOTEBOOKS

FOLDED = {"solution": "Show a solution", "drawing": "Show the drawing"}  # tag: what the fold says


def notebooks() -> list[Path]:
    """The lessons in order, and what stands beside them. Homework is no page: its tests and solutions are the instructors'."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def lessons() -> dict[int, str]:
    """The names of the lessons by their numbers."""
    return {int(path.stem[:2]): path.stem for path in notebooks() if path.stem[:2].isdigit()}


def parts(readme: str) -> list[tuple[str, str, range]]:
    """Title, question and numbers of the notebooks of each part, from README's table of contents."""
    rows = re.findall(r"^\| ([IV]+\. [^|]+) \| ([^|]+) \| notebooks (\d+)–(\d+)", readme, re.MULTILINE)
    return [(title.strip(), question.strip(), range(int(first), int(last) + 1)) for title, question, first, last in rows]


def write(folder: Path, studio: bool = False) -> dict[str, str]:
    """Write every notebook as Sphinx shall read it; the alternative text of each picture, by the SHA-256 of its bytes. studio: whether the site has one."""
    words: dict[str, str] = {}
    for path in notebooks():
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            fold(cell)
            words |= dict(alternatives(cell))
            stand_still(cell, studio)
        nbformat.write(notebook, folder / path.name)
    return words


def fold(cell: NotebookNode) -> None:
    """Code of a solution or a drawing waits behind a line that says so."""
    for tag in FOLDED.keys() & set(cell.metadata.get("tags", ())):
        cell.metadata.tags = [*cell.metadata.tags, "hide-input"]
        cell.metadata.mystnb = {"code_prompt_show": FOLDED[tag], "code_prompt_hide": FOLDED[tag].replace("Show", "Hide")}


def stand_still(cell: NotebookNode, studio: bool) -> None:
    """Below the still picture of a widget: what it is, where it moves, and what it says."""
    shown = [output for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})]
    if "widgets." not in cell.source or not shown:
        return
    live = ' The <a href="studio/index.html">studio</a> of this site is live.' if studio and "widgets.studio(" in cell.source else ""
    words = (f'<p class="still">A widget, standing still: it moves where you <a href="run.html">run the notebook yourself</a>.{live}</p>'
             f"<details><summary>In words</summary>{html.escape(shown[-1].data['text/plain'], quote=False)}</details>")
    cell.outputs.append(new_output("display_data", {"text/html": words}))


def alternatives(cell: NotebookNode) -> Iterator[tuple[str, str]]:
    """(SHA-256, alternative text) of each picture that the cell shows."""
    for output in cell.get("outputs", ()):
        png = output.get("data", {}).get("image/png")
        if png is not None:
            yield hashlib.sha256(base64.b64decode(png)).hexdigest(), output.metadata.get("image/png", {}).get("alt", "")
