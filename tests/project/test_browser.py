"""The notebooks as a student meets them: opened in JupyterLab, in a browser; those with widgets are run, and each widget is moved.

JupyterLab is started by `make lab`, on the students' versions (the solved ones are nbval's) and the homework without
outputs, so that an old output is never taken for a new one. Notebooks without widgets are opened with their stored outputs, and their pictures
looked for: that their cells run is nbval's to say, and that those of the student's version do, `test_unanswered`'s. Of a notebook with widgets the cells
are run that these need; one lesson and one homework are run whole. All are opened in one page, one after another. What a cell printed is read from the
notebook that JupyterLab saves; what a widget answers, from its text. With PHOTOGRAPH=1 in the environment, pictures of all that was to be seen are left in
build/screenshots. Where there is no Chrome or Chromium, all of this is skipped.
"""

import functools
import io
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import time
from itertools import count
from pathlib import Path
from urllib.request import Request, urlopen

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

from tests import names
from tests.browser import BROWSER, FLAGS, MAKE, NO_BROWSER, exercises_are_open
from tools.execute_notebooks import ENVIRONMENT, NOTEBOOKS, ROOT, WIDGET, find
from xaitutor.course import versions

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

SCREENSHOTS = ROOT / "build" / "screenshots"
TOKEN = secrets.token_hex(16)
MANY = 12  # controls
WHOLE = "00_start_here"  # the lesson that is run with all its cells
LONG, PATIENCE = 600, 180  # seconds for a notebook and for a click: on a busy machine all takes twenty times as long
BAR = re.compile(r"\d+%\||it/s")  # a progress bar of tqdm, which a slow machine shows


pytestmark = pytest.mark.skipif(bool(NO_BROWSER), reason=NO_BROWSER)


# The server, the browser and one page


def settings(folder: Path) -> dict[str, str]:
    """Nobody's own settings play a role: each kind of them is looked for in an empty folder."""
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
             "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
    nothing = {name: "" for name in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "JUPYTER_TOKEN")}
    return {**os.environ, **ENVIRONMENT, **MAKE, **nothing, **{name: str(folder / name.lower()) for name in folders}}


def copy_unanswered(folder: Path) -> None:
    """The students' versions of the notebooks, and the homework, which is not for `versions.student`, without outputs; all as they are under `stored`."""
    for path in find():
        notebook = nbformat.read(path, as_version=4)
        if path.parent == NOTEBOOKS:
            notebook = versions.student(notebook)
            if path.stem != WHOLE:
                leave_out_what_no_widget_needs(notebook)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.update(outputs=[], execution_count=None)
        target, stored = folder / path.relative_to(ROOT), folder / "stored" / path.relative_to(ROOT)
        for each in (target, stored):
            each.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)
        shutil.copy(path, stored)


def leave_out_what_no_widget_needs(notebook) -> None:
    """Put `pass` in the place of the cells that no widget needs; a notebook without widgets stays whole."""
    sources = {number: cell.source for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
    widgets = {number for number, source in sources.items() if "widgets." in source}
    for number in set(sources) - names.needed(sources, widgets | {min(sources)}) if widgets else ():
        notebook.cells[number].source = "pass"


# Both end with this file: while playwright runs, the rest of the tests could start no event loop of their own.
@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of JupyterLab, started as a student starts it, and the folder that it shows."""
    place = tmp_path_factory.mktemp("lab")
    folder = place / "course"
    copy_unanswered(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = (f"--no-browser --port={port} --ServerApp.port_retries=0 --IdentityProvider.token={TOKEN} --LabApp.expose_app_in_browser=True "
               f"--ServerApp.root_dir={shlex.quote(str(folder))}")
    with (place / "log").open("w") as log:
        server = subprocess.Popen(["make", "lab", f"LAB_ARGS={options}"], cwd=ROOT, env=settings(place), stdout=log,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        address = f"http://localhost:{port}"
        until(lambda: server.poll() is not None or api(address, "status"), LONG)
        assert api(address, "status"), (place / "log").read_text("utf-8")
        yield address, folder
    finally:
        stop(server)


def stop(server) -> None:
    """End make and all that it started; JupyterLab first ends its kernels."""
    for end in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, end)
            until(lambda: server.poll() is not None and os.killpg(server.pid, 0), 30)
        except ProcessLookupError:
            return


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def jupyterlab(browser, lab):
    """A page of a fresh profile, as large as a projector's, with JupyterLab as `make lab` opens it; `page.outside` lists what it asked others for."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE * 1000)
    inside = re.compile(rf"(http|ws)://(localhost|127\.0\.0\.1):{lab[0].split(':')[-1]}/|data:|blob:|about:")
    page = context.new_page()
    page.outside = []
    context.on("request", lambda request: inside.match(request.url) or page.outside.append(request.url))
    context.route(lambda url: not inside.match(url), lambda route: route.abort())
    context.route_web_socket(lambda url: not inside.match(url), lambda ws: (page.outside.append(ws.url), ws.close()))
    page.goto(f"{lab[0]}/lab/tree/notebooks/{WHOLE}.ipynb?reset&token={TOKEN}")
    page.wait_for_function("window.jupyterapp && jupyterapp.restored.then(() => true)")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    assert page.outside == []  # JupyterLab itself asks nobody else
    close(page, lab)
    yield page
    context.close()


@pytest.fixture
def page(jupyterlab, lab):
    """JupyterLab with no notebook open, in which nothing was asked of others yet."""
    jupyterlab.outside.clear()
    yield jupyterlab
    close(jupyterlab, lab)


def close(page, lab) -> None:
    """Whatever is open, with what was not saved; and end the kernels, so that never two networks are in memory."""
    page.evaluate("() => [...jupyterapp.shell.widgets('main')].forEach(widget => widget.dispose())")
    for session in api(lab[0], "sessions") or ():
        api(lab[0], f"sessions/{session['id']}", "DELETE")


def api(address: str, what: str, method: str = "GET"):
    """What Jupyter's server answers; nothing, while it does not."""
    request = Request(f"{address}/api/{what}", method=method, headers={"Authorization": f"token {TOKEN}"})
    try:
        with urlopen(request, timeout=LONG) as answer:
            return json.loads(answer.read() or "null")
    except OSError:
        return None


def until(condition, seconds: float, pause=lambda milliseconds: time.sleep(milliseconds / 1000)) -> bool:
    """Whether `condition` comes true in time. (A page lives only while playwright waits: its pause is its own.)"""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        pause(250)
    return True


# What a reader does


def run_all(page, lab, name: str) -> dict:
    """Open the notebook `name`, run all of its cells, and give what JupyterLab saves when the kernel has done them."""
    show(page, path=name)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    assert until(lambda: idle(lab[0]), PATIENCE, page.wait_for_timeout), "the kernel does not start"
    end = time.monotonic() + LONG
    # On a fresh server a kernel that says it is idle may still forget all cells but the first: then once more.
    while not page.evaluate(DONE) and time.monotonic() < end:
        choose(page, "Run", "Run All Cells")
        rested = time.monotonic()
        while not page.evaluate(DONE) and time.monotonic() < min(end, rested + 20):
            page.wait_for_timeout(250)
            rested = rested if idle(lab[0]) else time.monotonic()
    page.evaluate("() => jupyterapp.shell.currentWidget.context.save()")
    return json.loads((lab[1] / name).read_text("utf-8"))


# Each cell was run, or one failed; and the kernel has nothing more to say.
DONE = """() => {
  const panel = jupyterapp.shell.currentWidget, cells = [...panel.content.model.cells].filter(cell => cell.type === "code");
  const failed = cells.some(cell => Array.from({length: cell.outputs.length}, (_, i) => cell.outputs.get(i).type).includes("error"));
  return (failed || cells.every(cell => cell.executionCount)) && panel.sessionContext.session?.kernel?.status === "idle";
}"""


def show(page, **what) -> None:
    page.evaluate("what => jupyterapp.commands.execute('docmanager:open', what).then(widget => widget.revealed)", what)


def idle(address: str) -> bool:
    """Whether the page is connected with a kernel that has nothing to do."""
    kernels = api(address, "kernels")
    return bool(kernels) and all(k["execution_state"] == "idle" and k["connections"] for k in kernels)


def choose(page, menu: str, entry: str) -> None:
    page.locator(".lm-MenuBar-itemLabel").get_by_text(menu, exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()


def scroll(page, path: Path) -> None:
    """Screen after screen, from the first cell to the last, with a picture of each where these are wanted."""
    folder = SCREENSHOTS / path.relative_to(NOTEBOOKS).with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    scroller = page.locator(".jp-Notebook:visible .jp-WindowedPanel-outer")
    scroller.evaluate("e => e.scrollTop = 0")
    for number in count():
        page.wait_for_function("[...document.images].every(image => image.complete)")
        if os.environ.get("PHOTOGRAPH"):
            page.screenshot(path=folder / f"{number:02}.png")
        if not scroller.evaluate("e => { const before = e.scrollTop; e.scrollTop += 0.9 * e.clientHeight; return e.scrollTop - before; }"):
            return


def move_widgets(page, lab, notebook: dict, patience: float = PATIENCE) -> int:
    """Move the controls of every widget, and see that its text changes each time; the number of widgets."""
    data = [output.get("data", {}) for cell in code_cells(notebook) for output in cell["outputs"]]
    number = sum(WIDGET in each and not BAR.search("".join(each["text/plain"])) for each in data)
    views = page.locator(".jp-OutputArea-output:has(> .jupyter-widgets):not(:has(.widget-hprogress))")
    assert views.count() == number, f"of {number} widgets {views.count()} are to be seen"
    for view in views.all():
        view.scroll_into_view_if_needed()
        controls = view.locator("[role=slider], select, input, textarea, button")
        controls.first.wait_for()
        for control in those_to_move(controls.all()):
            caption = view.locator(".widget-html-content").last
            assert answered(page, lab, control, caption, patience), f"nothing answers to {control}"
    return number


def those_to_move(controls: list) -> list:
    """All; of a studio's many, one of each kind: that each of them answers is its unit test's to say."""
    return list({kind(control): control for control in reversed(controls)}.values()) if len(controls) > MANY else controls


def kind(control) -> str:
    return control.evaluate("e => e.getAttribute('role') || (e.matches('.widget-upload') ? 'upload' : e.type)")


def answered(page, lab, control, caption, patience: float) -> bool:
    """Whether `caption` changes when `control` is moved, if need be more than once: one step may change no number. (A photo takes its time.)"""
    until(lambda: idle(lab[0]), patience, page.wait_for_timeout)  # with what the last control asked for
    before, end = caption.text_content(), time.monotonic() + patience
    for attempt in count():
        move(control, attempt)
        if until(lambda: caption.text_content() != before, patience if kind(control) == "upload" else 2**attempt, page.wait_for_timeout):
            return True
        if time.monotonic() > end:
            return False


@functools.cache
def photo() -> dict:
    """Somebody's own, and as large as telephones make them: more than ten megabytes, which Jupyter takes only where it was told to."""
    noise, file = np.random.default_rng(0).integers(0, 256, (1500, 3000, 3), dtype=np.uint8), io.BytesIO()
    Image.fromarray(noise).save(file, "png", compress_level=0)
    return {"name": "photo.png", "mimeType": "image/png", "buffer": file.getvalue()}


def move(control, attempt: int) -> None:
    """As with a keyboard or a mouse: a slider one step, later to its ends; a menu to its next entry; a photo is chosen."""
    what = kind(control)
    if what == "slider":
        control.press(("ArrowRight", "ArrowLeft", "End", "Home")[attempt % 4])
    elif what == "select-one":
        control.select_option(index=control.evaluate("e => (e.selectedIndex + 1) % e.length"))
    elif what == "upload":
        with control.page.expect_file_chooser() as chooser:
            control.click()
        chooser.value.set_files(photo())
    elif what in ("checkbox", "button", "submit"):
        control.click()
    elif what == "radio":  # the one that is chosen answers to nothing, so whichever is not
        control.locator("xpath=ancestor::*[contains(@class, 'radio-box')]").locator("input:not(:checked)").first.click()
    else:
        control.press("ArrowUp" if what == "number" else "1")


# What has to be true


def code_cells(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def errors(notebook: dict) -> list[str]:
    """What went wrong, by cell. A progress bar is no error."""
    found = []
    for number, cell in enumerate(code_cells(notebook), 1):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                found.append(f"code cell {number}: {output['ename']}: {output['evalue']}")
            if output.get("name") == "stderr":
                lines = re.split(r"[\r\n]+", "".join(output["text"]))
                found += [f"code cell {number}, stderr: {line}" for line in lines if line and not BAR.search(line)]
        if cell["execution_count"] is None:
            found.append(f"code cell {number} did not run")
    return found


def has_widgets(path: Path) -> bool:
    """Whether one is there also without the weights of a real network, which are not here."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code" and "weights" not in cell.metadata.get("tags", [])]
    return any("widgets." in cell.source for cell in cells)


RUN = [path for path in find() if has_widgets(path)]
READ = [path for path in find() if path not in RUN]
named = {"ids": lambda path: path.relative_to(NOTEBOOKS).with_suffix("").as_posix()}


@pytest.mark.parametrize("path", READ, **named)
def test_a_notebook_is_to_be_read(path, page):
    """With the outputs that are stored: all pictures are there, and nothing is asked of anybody else."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    pictures = [output for cell in cells for output in cell.get("outputs", ()) if "image/png" in output.get("data", {})]
    show(page, path=f"stored/{path.relative_to(ROOT).as_posix()}", kernelPreference={"shouldStart": False})
    scroll(page, path)
    shown = page.locator(".jp-Notebook:visible .jp-OutputArea-output img")
    assert until(lambda: shown.count() >= len(pictures), PATIENCE, page.wait_for_timeout), f"of {len(pictures)} pictures {shown.count()} are shown"
    assert page.outside == []


@pytest.mark.parametrize("path", RUN, **named)
def test_a_notebook_runs_and_its_widgets_answer(path, page, lab):
    notebook = run_all(page, lab, path.relative_to(ROOT).as_posix())
    scroll(page, path)
    assert code_cells(notebook) and errors(notebook) == []
    if path.stem == WHOLE:
        exercises_are_open(notebook, path)
    move_widgets(page, lab, notebook)
    assert page.outside == []


# That each of these would be noticed


def plant(lab, name: str, *cells) -> str:
    """A notebook of these cells beside those of the course."""
    kernel = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    cells = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in ("1 + 1", *cells, "2 + 2")]
    nbformat.write(new_notebook(cells=cells, metadata=kernel), lab[1] / f"{name}.ipynb")
    return f"{name}.ipynb"


WIDGET_CELL = """import ipywidgets as w
import matplotlib.pyplot as plt
from xaitutor.figures import widgets

def draw(**values):
    return plt.figure(figsize=(1, 1)), TEXT

widgets.explore(draw, a=w.FloatSlider(), b=w.SelectionSlider(options="xyz"), c=w.Dropdown(options="xy"),
                d=w.Checkbox(), e=w.RadioButtons(options="xy"), f=w.BoundedIntText(), g=w.Text(), h=w.ToggleButton(),
                i=w.IntRangeSlider(), j=w.FileUpload())"""


def test_a_good_notebook_passes(page, lab):
    """Also one with progress bars, as a slow machine shows them."""
    bars = "import tqdm, tqdm.auto\nfor _ in tqdm.tqdm(tqdm.auto.tqdm(range(3))): pass"
    notebook = run_all(page, lab, plant(lab, "good", bars, WIDGET_CELL.replace("TEXT", "str(values)")))
    assert errors(notebook) == [] and [cell["execution_count"] for cell in code_cells(notebook)] == [1, 2, 3, 4]
    assert move_widgets(page, lab, notebook) == 1
    assert page.outside == []


def test_a_widget_that_is_not_shown_or_does_not_answer_is_noticed(page, lab):
    notebook = run_all(page, lab, plant(lab, "deaf", WIDGET_CELL.replace("TEXT", "'always this'")))
    with pytest.raises(AssertionError, match="nothing answers to .*slider"):
        move_widgets(page, lab, notebook, patience=5)
    code_cells(notebook)[0]["outputs"] += [{"data": {WIDGET: {}, "text/plain": "VBox()"}}]
    with pytest.raises(AssertionError, match="of 2 widgets 1 are to be seen"):
        move_widgets(page, lab, notebook)


def test_a_failing_cell_is_noticed(page, lab):
    notebook = run_all(page, lab, plant(lab, "failing", "import sys\nprint('oh', file=sys.stderr)", "1 / 0"))
    assert errors(notebook) == ["code cell 2, stderr: oh", "code cell 3: ZeroDivisionError: division by zero",
                                "code cell 4 did not run"]


def test_a_request_to_another_machine_is_noticed_and_stopped(page, lab):
    failed = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    html = "<img src=https://example.org/2.png><script>new WebSocket('wss://example.org/3')</script>"
    picture = new_markdown_cell("![a picture](https://example.org/1.png)")
    run_all(page, lab, plant(lab, "outside", picture, f"from IPython.display import HTML\nHTML({html!r})"))
    assert set(page.outside) == {"https://example.org/1.png", "https://example.org/2.png", "wss://example.org/3"}
    assert set(failed) >= {"https://example.org/1.png", "https://example.org/2.png"}
