"""What the site is made of: notebooks, README, docstrings and scores become pages, and nothing is typed twice. (In a browser: test_site.)"""

import base64
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from nbformat.v4 import new_code_cell, new_output

from tools.website import book, finish, methods, reference, roads
from xaitutor.attribution import METHODS
from xaitutor.truth import scoreboard

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAAAAAC4HznGAAAADklEQVR42mNgQAX/UWkAEM0B/xXQqUcAAAAASUVORK5CYII=")


def test_the_parts_are_readmes_and_hold_every_notebook():
    parts = book.parts(README)
    assert [title.split(".")[0] for title, _, _ in parts] == ["I", "II", "III", "IV", "V"]
    assert [number for _, _, numbers in parts for number in numbers] == list(book.lessons())


def test_solutions_and_drawings_are_folded_and_nothing_else():
    solution, drawing, plain = (new_code_cell("1", metadata={"tags": [tag]}) for tag in ("solution", "drawing", "recipe"))
    for cell in (solution, drawing, plain):
        book.fold(cell)
    assert solution.metadata.tags == ["solution", "hide-input"] and solution.metadata.mystnb["code_prompt_show"] == "Show a solution"
    assert drawing.metadata.mystnb["code_prompt_show"] == "Show the drawing" and plain.metadata == {"tags": ["recipe"]}


def test_a_widget_stands_still_and_says_so():
    def outputs(source, studio):
        cell = new_code_cell(source, outputs=[new_output("display_data", {"image/png": "", "text/plain": "A <zebra>."})])
        book.stand_still(cell, studio)
        return [output.data.get("text/html") for output in cell.outputs]

    [_, still] = outputs("widgets.studio()", True)
    assert "standing still" in still and "A &lt;zebra&gt;." in still and 'href="studio/index.html"' in still
    assert "studio" not in outputs("widgets.studio()", False)[1] and "studio" not in outputs("widgets.heatmap(a, b)", True)[1]
    assert outputs("plots.show(figure, alt)", True) == [None]


def test_a_picture_keeps_its_words_and_gets_its_size(tmp_path):
    output = new_output("display_data", {"image/png": base64.b64encode(PNG).decode()}, metadata={"image/png": {"alt": 'A "map" & more.'}})
    words = dict(book.alternatives(new_code_cell("1", outputs=[output])))
    assert words == {hashlib.sha256(PNG).hexdigest(): 'A "map" & more.'}
    (tmp_path / "x.png").write_bytes(PNG)
    tag = finish.picture('<img alt="../x.png" src="x.png" />', tmp_path, words)
    assert tag == '<img alt="A &quot;map&quot; &amp; more." src="x.png" width="3" height="2" loading="lazy">'
    with pytest.raises(ValueError, match="x.png .* has no alternative text"):
        finish.picture('<img alt="../x.png" src="x.png" />', tmp_path, {})
    assert finish.picture('<img src="data:image/png;base64,AA">', tmp_path, {}) == '<img src="data:image/png;base64,AA">'


def test_links_to_files_lead_to_pages():
    assert roads.linked("[a](docs/truth.md) [b](LICENSE) [c](https://x.org) [d](truth.md) ![e](data/e.png) [f](notebooks/recipes.ipynb)") == \
        "[a](truth.md) b [c](https://x.org) [d](truth.md) ![e](data/e.png) [f](recipes.ipynb)"


def test_tables_that_are_written_into_a_page_can_be_sorted():
    assert roads.sortable("a\n<!-- scores -->\n| x |\n<!-- end -->\nb") == "a\n:::{container} sortable\n| x |\n:::\nb"


def test_every_road_of_readme_has_its_page():
    taken = {name for _, wanted in roads.FROM_README.values() for name in wanted}
    assert roads.sections(README).keys() - taken == {"Contents", "Working on the course"}


def test_the_methods_page_is_the_code_and_the_scores():
    text = methods.page()
    stored = scoreboard.read()
    for method in METHODS.values():
        assert f"\n## {method.title}\n" in text and method.paper.title in text
        assert scoreboard.printed(*stored["class_contrast"][method.name]) in text
    rows = re.findall(r'<tr data-network="([^"]+)"( hidden)?>', text)
    assert len(rows) == sum(len(one["class_contrast"]) for one in (stored, *stored["networks"].values()))
    assert {network for network, hidden in rows if not hidden} == {methods.MEAN}


def test_words_of_docstrings_are_no_commands():
    assert methods.escaped("a*b_c `x*y` <z> $1$") == r"a\*b\_c `x*y` \<z\> \$1\$"


def test_the_reference_has_every_public_name():
    pages = reference.pages()
    for room in ("attribution", "truth", "menagerie", "studio"):
        module = getattr(__import__("xaitutor", fromlist=[room]), room)
        for name in module.__all__:
            assert re.search(rf"(\.|^## ){name}\b", pages[room], re.MULTILINE), (room, name)
        assert f"({room}.md)" in pages["index"]
    assert "Sundararajan, Taly and Yan" in pages["attribution"] and "model: nn.Module" in pages["attribution"]


def test_whoever_cites_has_what_citation_cff_says():
    page = roads.cite({"message": "Cite it.", "title": "T", "authors": [{"name": "A"}, {"name": "B"}], "license": "MIT"})
    assert "author  = {{A} and {B}}" in page and "title   = {T}" in page


def test_no_npm_package_comes_from_a_named_server():
    assert "://" not in re.sub(r'"(url|homepage)": "[^"]+"', "", (ROOT / "site" / "package-lock.json").read_text("utf-8"))


def test_without_npm_packages_a_line_says_what_will_be_missing(tmp_path, monkeypatch, capsys):
    from tools.website import __main__ as website

    monkeypatch.setattr(website, "HERE", tmp_path)
    assert website.packages() is None
    assert "without the studio" in capsys.readouterr().err


def test_the_front_page_has_no_door_to_a_studio_that_is_not_there(tmp_path):
    from tools.website import front

    assert "studio/index.html" in front.page(True, tmp_path) and "studio/index.html" not in front.page(False, tmp_path)
    text = front.page(True, tmp_path)
    assert "{{" not in text and all(f"{name}\n" in text for name in book.lessons().values())
    assert {path.name for path in tmp_path.iterdir()} == {"front-picture.png", "front-map.png", "front-truth.png"}


def test_javascript_that_computes():
    """The modules that touch no page, by Node's own test runner."""
    node = shutil.which("node")
    if node is None or int(re.match(r"v(\d+)", subprocess.run([node, "--version"], capture_output=True, text=True).stdout)[1]) < 20:
        pytest.skip("there is no Node, or one before 20")
    run = subprocess.run([node, "--test", "site/tests/"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_the_workflow_publishes_what_was_tested_and_only_from_main():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "site.yml").read_text("utf-8"))["jobs"]
    assert any(step.get("run", "").startswith("make site-test ") for step in jobs["build"]["steps"])
    assert jobs["publish"]["needs"] == "build" and "github.ref == 'refs/heads/main'" in jobs["publish"]["if"]
