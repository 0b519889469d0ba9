"""xaitutor.course.slides: what a deck shows, what goes into its notes, and that it asks the network for nothing."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.browser import BROWSER
from tools.execute_notebooks import NOTEBOOKS
from xaitutor import cli
from xaitutor.course import exercises, slides
from xaitutor.files import data_files

MARKED = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if '"slide_type"' in path.read_text("utf-8")]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def marked(kind):
    return {"slideshow": {"slide_type": kind}}


def lecture():
    picture = new_output("display_data", data={"image/png": PIXEL, "text/plain": "A black dot."}, metadata={"image/png": {"alt": "A black dot."}})
    return new_notebook(cells=[
        new_markdown_cell("# 1 · Dots\n\nWhat is a dot? Nobody says.", metadata=marked("slide")),
        new_markdown_cell("A secret for the speaker."),
        new_code_cell("import hidden"),
        new_code_cell("draw()", outputs=[picture], metadata={"tags": ["drawing"], **marked("subslide")}),
        new_code_cell("print(1)", outputs=[new_output("stream", name="stdout", text="1\n")], metadata=marked("-")),
        new_markdown_cell("## Try it"),
        new_code_cell("the_solution = 1", metadata=marked("slide"))])


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Stand-ins for reveal.js and MathJax."""
    folder = tmp_path / "tools" / "slides" / "node_modules"
    for part in slides.PARTS:
        (folder / part if "." not in part.rpartition("/")[2] else (folder / part).parent).mkdir(parents=True, exist_ok=True)
    (folder / "mathjax/es5/tex-svg.js").write_text("//")
    (folder / "reveal.js/dist/reveal.js").write_text("//")
    monkeypatch.setattr(data_files, "REPOSITORY", tmp_path)


@pytest.mark.parametrize("source, expected", [
    ("# 13 · CAM\n\nWhere is it? The others began here.", "# 13 · CAM\n\nWhere is it?"),
    ("**Step 6: the map.** Sum and average may change places:\n\n$$L = \\sum_k w_k.$$", "### Step 6: the map\n\n$$L = \\sum_k w_k.$$"),
    ("**Step 2: maps.** What does `layer4` put out?", "### Step 2: maps\n\nWhat does `layer4` put out?"),
    ("* It is coarse. For once.\n* It has a sign.", "* It is coarse.\n* It has a sign."),
    ("Only prose. It goes into the notes.", ""), ("**Erratum.** The lecture is wrong.", ""), ("* One.\n\n## Try it\n\nWill you?", "* One."),
])
def test_what_is_shown_of_prose(source, expected):
    assert slides.condensed(source) == expected


def test_what_a_deck_holds():
    shown = [(cell.metadata.slideshow.slide_type, cell.source) for cell in slides.deck(lecture()).cells]
    assert shown == [
        ("slide", "# 1 · Dots\n\nWhat is a dot?"), ("notes", "# 1 · Dots\n\nWhat is a dot? Nobody says."), ("notes", "A secret for the speaker."),
        ("subslide", "# 1 · Dots\n\n"), ("-", "draw()"), ("-", "print(1)")]


def test_the_page_asks_the_network_for_nothing(programs, tmp_path, capsys):
    nbformat.write(lecture(), tmp_path / "dots.ipynb")
    assert cli.main(["slides", str(tmp_path / "dots.ipynb"), "--to", str(tmp_path / "to")]) == 0
    page = (tmp_path / "to" / "dots.slides.html").read_text("utf-8")
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|@import|import\s+\w+\s+from""", re.sub(r"/\*.*?\*/", "", page, flags=re.DOTALL))
    wanted = set(re.findall(r'(?:src|href)="((?:reveal\.js|mathjax)/[^"]+)"', page))
    assert {"reveal.js/dist/reveal.js", "reveal.js/plugin/notes/notes.js", "mathjax/tex-svg.js"} <= wanted
    assert (tmp_path / "to" / "mathjax" / "tex-svg.js").is_file() and (tmp_path / "to" / "reveal.js" / "dist" / "reveal.js").is_file()
    assert 'alt="A black dot."' in page and "draw()" not in page and "the_solution" not in page and "import hidden" not in page
    assert re.search(r'<aside class="notes">(?:(?!</aside>).)*A secret for the speaker', page, re.DOTALL)


def test_what_is_missing_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data_files, "REPOSITORY", tmp_path)
    nbformat.write(lecture(), tmp_path / "dots.ipynb")
    nbformat.write(new_notebook(cells=[new_markdown_cell("# 1")]), tmp_path / "plain.ipynb")
    for name, told in {"dots": "reveal.js and MathJax are not there yet. Get them once, with Node.js: npm ci", "plain": "has no slides: give cells a slide type"}.items():
        assert cli.main(["slides", str(tmp_path / f"{name}.ipynb"), "--to", str(tmp_path / "to")]) == 1
        assert told in capsys.readouterr().err and not (tmp_path / "to").exists()


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.stem)
def test_a_deck_of_the_course_has_slides_with_headings_and_no_solution(path):
    notebook = nbformat.read(path, as_version=4)
    cells = slides.deck(notebook).cells
    begins = [cell.source for cell in cells if cell.metadata.slideshow.slide_type in ("slide", "subslide")]
    assert 5 <= len(begins) <= 40 and all(source.startswith("#") for source in begins)
    assert not any(exercise.solution in cell.source for exercise in exercises.find(notebook) for cell in cells)


@pytest.mark.skipif(BROWSER is None or not (data_files.REPOSITORY / "tools" / "slides" / "node_modules").is_dir(), reason="no browser, or make slides was never run")
def test_a_browser_without_internet_shows_the_whole_deck(tmp_path):
    """One of them: making each takes seconds."""
    sync_api = pytest.importorskip("playwright.sync_api")
    page_of_13 = slides.write(NOTEBOOKS / "13_cam_and_grad_cam.ipynb", tmp_path)
    with sync_api.sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"]).new_context(offline=True).new_page()
        wrong = []
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(page_of_13.as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady() && document.querySelectorAll('mjx-container svg').length > 3")
        count = page.evaluate("Reveal.getTotalSlides()")
        heights = [page.evaluate("(Reveal.next(), Reveal.getCurrentSlide().scrollHeight)") for _ in range(count - 1)]
    assert wrong == [] and count >= 10 and max(heights) <= 576
