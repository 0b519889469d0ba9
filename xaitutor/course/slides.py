"""Slides of a notebook: its questions, pictures, formulas and code, as reveal.js shows them, without internet.

Cells that are shown carry a slide type, as JupyterLab's property inspector gives it: "slide" and "subslide" begin a new one, "fragment" and "-" go on with it.
Of a cell of prose the slide keeps the heading, the questions, the formulas and the lists; all of it goes into the speaker's notes, as does the prose of cells without a type.
Of a cell that only draws it keeps the picture. The deck ends before the exercises.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from xaitutor.files import data_files, new_files

SHOWN = ("slide", "subslide", "fragment", "-")
END = "## Try it"
PARTS = {"reveal.js/dist": "reveal.js/dist", "reveal.js/plugin/notes": "reveal.js/plugin/notes", "mathjax/es5/tex-svg.js": "mathjax/tex-svg.js"}
GET_THEM = "npm ci --ignore-scripts --prefix tools/slides"


def write(path: str | Path, folder: str | Path) -> Path:
    """Write the slides of the notebook at `path` into `folder`, which is made where it is missing, with all that they need beside them; the page's path.

    The notebook is not run: its outputs are shown. Raises ValueError for a notebook without marks, FileNotFoundError where reveal.js and MathJax are missing,
    FileExistsError where another page of that name is there.
    """
    import nbformat

    path, folder = Path(path), Path(folder)
    slides = deck(nbformat.read(path, as_version=4))
    if not slides["cells"]:
        raise ValueError(f"{path} has no slides: give cells a slide type, in JupyterLab's property inspector")
    programs = _programs()
    page = folder / f"{path.stem}.slides.html"
    new_files.write({page: _html(slides, path.stem)})
    for source, target in PARTS.items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        if (programs / source).is_dir():
            shutil.copytree(programs / source, folder / target, dirs_exist_ok=True)
        else:
            shutil.copy(programs / source, folder / target)
    return page


def deck(notebook):
    """The cells of the slides, and of the notes to them, as a notebook; none where nothing is marked."""
    from nbformat.v4 import new_markdown_cell, new_notebook

    cells, heading = [], ""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and cell["source"].startswith(END):
            break
        kind = cell["metadata"].get("slideshow", {}).get("slide_type", "")
        text = condensed(cell["source"]) if cell["cell_type"] == "markdown" else ""
        heading = next((line for line in cell["source"].splitlines() if text and line.startswith("#")), heading)
        if kind in ("slide", "subslide") and not text.startswith("#"):  # one that goes on says with what
            text = f"{heading}\n\n{text}"
        if kind in SHOWN and text:
            cells.append(new_markdown_cell(text, metadata={"slideshow": {"slide_type": kind}}))
        if cell["cell_type"] == "code" and kind in SHOWN:
            cell["metadata"]["slideshow"] = {"slide_type": "-" if text else kind}
            cells.append(cell)
        if cell["cell_type"] == "markdown" and cells:
            cells.append(new_markdown_cell(cell["source"], metadata={"slideshow": {"slide_type": "notes"}}))
    return new_notebook(cells=cells, metadata=notebook["metadata"])


def condensed(source: str) -> str:
    """Of a cell's prose what a slide shows: its heading, or the bold words at its beginning, its questions, formulas, and lists."""
    blocks = []
    for block in re.split(r"\n\s*\n", source.partition(f"\n{END}")[0].strip()):
        if block.startswith("#"):
            blocks.append(block)
        elif block.startswith("$$"):
            blocks.append(block.rstrip(",."))
        elif re.match(r"[*-] ", block):
            blocks.append("\n".join(_sentences(line)[0] for line in block.splitlines()))
        else:
            blocks += _leading_words(block) + [sentence for sentence in _sentences(block) if sentence.endswith("?")]
    return "\n\n".join(blocks)


def _leading_words(paragraph: str) -> list[str]:
    """**Step 6: the map.** becomes a heading; an erratum is for the notes."""
    lead = re.match(r"\*\*([^*]+?)[.:]?\*\*", paragraph)
    return [f"### {lead[1]}"] if lead and lead[1] != "Erratum" else []


def _sentences(text: str) -> list[str]:
    without_lead = re.sub(r"^\*\*[^*]+\*\*\s*", "", text.replace("\n", " "))
    return re.split(r"(?<=[.?!])\s+(?=[A-Z$*`\"])", without_lead.strip())


def _html(slides, title: str) -> str:
    from jinja2 import FileSystemLoader
    from nbconvert.exporters import SlidesExporter
    from traitlets.config import Config

    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"drawing"}
    config.SlidesExporter.update(exclude_input_prompt=True, exclude_output_prompt=True, reveal_url_prefix="reveal.js", reveal_theme="white", template_file="slides.html.j2")
    exporter = SlidesExporter(config=config, extra_loaders=[FileSystemLoader(Path(__file__).parent)])
    return exporter.from_notebook_node(slides, resources={"metadata": {"name": title}})[0]


def _programs() -> Path:
    """The folder with reveal.js and MathJax."""
    if data_files.REPOSITORY is None:
        raise FileNotFoundError("slides are made in the repository, where reveal.js and MathJax are: clone it, and run the command there")
    folder = data_files.REPOSITORY / "tools" / "slides" / "node_modules"
    if not all((folder / part).exists() for part in PARTS):
        raise FileNotFoundError(f"reveal.js and MathJax are not there yet. Get them once, with Node.js: {GET_THEM}")
    return folder
