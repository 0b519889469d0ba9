"""tools/execute_notebooks.py, and that `make test` notices a notebook whose outputs are not true."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import execute_notebooks

ROOT = Path(__file__).resolve().parents[2]
CELLS = [
    "print(6 * 7)",
    "import matplotlib.pyplot as plt\nfrom xaitutor import plots\n\nplots.use_style()",
    "figure, axes = plt.subplots()\nplots.show(figure, alt='An empty plot.')",
    """from ipywidgets import FloatSlider
from xaitutor.figures import widgets

def draw(a):
    figure, axes = plt.subplots()
    axes.plot([0, a])
    return figure, f"A line up to {a}."

widgets.explore(draw, a=FloatSlider(1.0))""",
    "sorted('cab')",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> Path:
    """A notebook with all that the course's notebooks hold: text, a figure and a widget, executed."""
    path = tmp_path_factory.mktemp("executed") / "sample.ipynb"
    write(path, CELLS)
    assert execute_notebooks.main([str(path)]) == 0
    return path


def write(path: Path, cells: list[str]) -> None:
    code = [new_code_cell(source, id=f"c{i}") for i, source in enumerate(cells)]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Sample", id="title"), *code]), path)


def test_outputs_are_stored_without_widget_views_and_state(executed):
    notebook = nbformat.read(executed, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4, 5]
    assert code[0].outputs[0].text == "42\n"
    assert code[2].outputs[0].data["text/plain"] == "An empty plot."
    assert set(code[3].outputs[0].data) == {"image/png", "text/plain"}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    nbformat.validate(notebook)


def test_executing_again_gives_the_same_file(executed):
    before = executed.read_bytes()
    assert execute_notebooks.main([str(executed)]) == 0
    assert executed.read_bytes() == before


def test_a_failing_cell_is_named_and_leaves_the_file_alone(tmp_path, capsys):
    path = tmp_path / "broken.ipynb"
    write(path, ["1 + 1", "1 / 0"])
    before = path.read_bytes()
    assert execute_notebooks.main([str(path)]) == 1
    message = capsys.readouterr().err
    assert "broken.ipynb" in message and "In [2]" in message and "ZeroDivisionError" in message
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["broken.ipynb"]


def test_a_missing_notebook_is_named(tmp_path, capsys):
    assert execute_notebooks.main([str(tmp_path / "none.ipynb")]) == 1
    assert "none.ipynb" in capsys.readouterr().err


@pytest.mark.parametrize("folder", [None, Path("here")])
def test_cells_that_need_weights_keep_their_outputs_where_there_are_none(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(execute_notebooks, "real_weights", lambda: folder)
    path = tmp_path / "weights.ipynb"
    write(path, ["print('anew')", "print('anew')"])
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata.tags = ["weights"]
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="stored\n")]
    nbformat.write(notebook, path)
    assert execute_notebooks.main([str(path)]) == 0
    said = [cell.outputs[0].text for cell in nbformat.read(path, as_version=4).cells[1:]]
    assert said == ["stored\n" if folder is None else "anew\n", "anew\n"]


def test_kernels_have_no_network(tmp_path):
    path = tmp_path / "network.ipynb"
    write(path, ["from urllib.request import urlopen\nurlopen('https://example.org', timeout=20)"])
    with pytest.raises(RuntimeError, match="Connection refused|refused"):
        execute_notebooks.execute(path)


# What `make test` makes of notebooks whose outputs are not true


def nothing_wrong(code):
    pass


def a_wrong_number(code):
    code[0]["outputs"][0]["text"] = ["43\n"]


def a_wrong_result(code):
    code[4]["outputs"][0]["data"]["text/plain"] = ["['a', 'b', 'd']"]


def a_wrong_text_beside_a_figure(code):
    code[2]["outputs"][0]["data"]["text/plain"] = ["A full plot."]


def a_wrong_text_beside_a_widget(code):
    code[3]["outputs"][0]["data"]["text/plain"] = ["A line up to 2.0."]


def a_lost_output(code):
    code[0]["outputs"] = []


def a_cell_that_never_ran(code):
    code[0] |= {"execution_count": None, "outputs": []}


LIES = {  # which cell has to fail
    nothing_wrong: None,
    a_wrong_number: 0,
    a_wrong_result: 4,
    a_wrong_text_beside_a_figure: 2,
    a_wrong_text_beside_a_widget: 3,
    a_lost_output: 0,
    a_cell_that_never_ran: 0,
}


@pytest.fixture(scope="module")
def verdicts(executed, tmp_path_factory) -> dict[str, list[tuple[str, int]]]:
    """For each lie the cells that passed and that failed, from one run of pytest with the course's settings."""
    folder = tmp_path_factory.mktemp("lies")
    for lie in LIES:
        notebook = json.loads(executed.read_text(encoding="utf-8"))
        lie([cell for cell in notebook["cells"] if cell["cell_type"] == "code"])
        (folder / f"{lie.__name__}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--color=no", "-rpf", "-p", "no:cacheprovider", "--rootdir", ROOT,
               "-c", ROOT / "pyproject.toml", "--confcutdir", ROOT, "-p", "conftest", folder]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert run.returncode == 1, run.stdout + run.stderr
    found = re.findall(r"^(PASSED|FAILED) .*?(\w+)\.ipynb::Cell (\d+)", run.stdout, re.MULTILINE)
    return {lie.__name__: sorted((verdict, int(cell)) for verdict, name, cell in found if name == lie.__name__) for lie in LIES}


@pytest.mark.parametrize("lie, wrong", LIES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_an_untrue_notebook_fails_where_it_is_untrue(verdicts, lie, wrong):
    assert verdicts[lie.__name__] == sorted(("FAILED" if cell == wrong else "PASSED", cell) for cell in range(len(CELLS)))
