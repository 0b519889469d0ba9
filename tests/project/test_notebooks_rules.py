"""The rules of CONTRIBUTING.md that every notebook obeys.

A rule is a function that takes a notebook and its path and yields a complaint for each breach. Each is tried on a good
notebook and on broken copies of it, then on all notebooks of the course.
"""

import copy
import re
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.execute_notebooks import NOTEBOOKS, WIDGET, find
from xaitutor.course import exercises, versions

ENDINGS = ["What we have seen", "Try it", "Sources"]
MACHINE_PATH = re.compile(r"(?<![\w.])/(home|Users|root|tmp|work|opt|var|mnt|content)/|\b[A-Z]:\\|site-packages")
NETWORK = re.compile(r"https?://|\burllib\b|\brequests\b|\burlopen\b|load_state_dict_from_url|[!%]pip|[!%]conda|\bwget\b|\bcurl\b")


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def open_cells(notebook):
    """The code that a reader sees: not solutions, and not what only draws."""
    return [cell for cell in code_cells(notebook) if not exercises.is_folded(cell)]


def markdown(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def texts(output):
    """All that an output says in words."""
    return [output.get("text", ""), *output.get("traceback", []), output.get("data", {}).get("text/plain", ""),
            output.get("data", {}).get("text/html", "")]


def is_lesson(path):
    return path.stem[:2].isdigit() and path.stem[:2] != "00"


def is_homework(path):
    return path.parent.name == "homework"


# The rules


def cells_are_executed_in_order(notebook, path):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"its code cells are numbered {counts}, not 1, 2, 3, …: run make notebooks NOTEBOOKS={path}"


def outputs_hold_no_error(notebook, path):
    for cell in code_cells(notebook):
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"cell In [{cell.execution_count}] shows an error"


def warnings_are_not_shown(notebook, path):
    for cell in code_cells(notebook):
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"cell In [{cell.execution_count}] shows a warning (stderr), which readers take for an error"


def widget_views_are_stripped(notebook, path):
    if any(WIDGET in output.get("data", {}) for output in outputs(notebook)) or "widgets" in notebook.metadata:
        yield f"it holds live widgets, which no viewer shows: run make notebooks NOTEBOOKS={path}"


def something_is_checked(notebook, path):
    if not any(exercises.is_checked(cell) and cell.outputs for cell in code_cells(notebook)):
        yield f"no cell with the tag {exercises.CHECKED} prints something"


def checks_are_not_switched_off(notebook, path):
    switches = ("NBVAL_SKIP", "NBVAL_RAISES_EXCEPTION", "nbval-skip", "raises-exception")
    for cell in code_cells(notebook):
        for switch in switches:
            if switch in cell.source or switch in cell.metadata.get("tags", []):
                yield f"cell In [{cell.execution_count}] has {switch}: every cell runs, and none fails"


def code_comes_in_small_cells(notebook, path):
    parts = [part for cell in code_cells(notebook) for part in cell.source.split("### BEGIN HIDDEN TESTS")]  # which are read apart
    lengths = [len(part.strip().splitlines()) for part in parts]
    if 0 in lengths:
        yield "it has an empty code cell"
    if max(lengths, default=0) > 25:
        yield f"a code cell has {max(lengths)} lines; at most 25"
    seen = [len(cell.source.strip().splitlines()) for cell in open_cells(notebook)]
    if seen and median(seen) > 6 and not is_homework(path):  # half of it is hidden tests, which no student reads
        yield f"the median code cell that is open has {median(seen)} lines; at most 6"


def lines_of_code_are_short(notebook, path):
    for cell in code_cells(notebook):
        for line in cell.source.splitlines():
            if len(line) > 88:
                yield f"cell In [{cell.execution_count}] has a line of {len(line)} columns; at most 88: {line.strip()[:40]} …"


def code_that_draws_is_folded(notebook, path):
    """At most a twentieth of the open lines; where drawing is the lesson, the cell says so by the tag "recipe"."""
    cells = [cell for cell in open_cells(notebook) if "recipe" not in cell.metadata.get("tags", [])]
    lines = sum(len(cell.source.splitlines()) for cell in cells)
    drawn = sum(versions.lines_that_draw(cell.source) for cell in cells)
    if is_lesson(path) and drawn > 0.05 * lines:
        yield f"{drawn} of its {lines} open lines of code draw; at most a twentieth: fold them, in cells of their own"


def folded_cells_say_why(notebook, path):
    for cell in code_cells(notebook):
        if exercises.is_folded(cell) and not {"solution", "drawing"} & set(cell.metadata.get("tags", [])):
            yield f"cell In [{cell.execution_count}] is folded, but is neither a solution nor tagged as a drawing"


def exercises_have_a_hint(notebook, path):
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("### Exercise") and "<details><summary>Hint</summary>" not in cell.source:
            yield f"{cell.source.splitlines()[0]!r} has no hint: <details><summary>Hint</summary> … </details>"


def length_and_share_of_code_are_right(notebook, path):
    code = len(open_cells(notebook))
    count = len(notebook.cells) - sum("drawing" in cell.metadata.get("tags", []) for cell in code_cells(notebook))
    if is_lesson(path) and count < 35:
        yield f"it has {count} cells; at least 35"
    if count > 95:  # notebook 14 is the longest: it closes a part, and asks what "right" means
        yield f"it has {count} cells; at most 95"
    if 2 * code >= count and not is_homework(path):
        yield f"{code} of its {count} cells are code; under half"


def pictures_have_alternative_texts(notebook, path):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            alt = data.get("text/plain", "").strip()
            if "image/png" in data and (len(alt) < 10 or alt.startswith("<")):
                yield f"a picture of cell In [{cell.execution_count}] has the alternative text {alt!r}: plots.show(figure, alt=…)"


def it_opens_with_a_question(notebook, path):
    first = notebook.cells[0].source if notebook.cells and notebook.cells[0].cell_type == "markdown" else ""
    if not first.startswith("# ") or "?" not in first:
        yield "it does not open with a title and the question it answers"


def it_closes_as_all_do(notebook, path):
    if is_homework(path):
        return
    headings = re.findall(r"^## (.+?)\s*$", "\n\n".join(markdown(notebook)), re.MULTILINE)
    closing = [heading for heading in headings if heading in ENDINGS]
    if closing != ENDINGS or headings[-1:] != ENDINGS[-1:]:
        yield f"it closes with {closing}, not with {ENDINGS}"


def the_summary_is_short(notebook, path):
    summary = next((source for source in markdown(notebook) if source.startswith("## What we have seen")), None)
    bullets = len(re.findall(r"^[-*] ", summary or "", re.MULTILINE))
    if summary is not None and not 3 <= bullets <= 6:
        yield f"'What we have seen' has {bullets} points; 3 to 6, in one cell"


def exercises_follow_the_convention(notebook, path):
    try:
        found = exercises.find(notebook)
    except ValueError as error:
        yield str(error)
        return
    if is_lesson(path):
        expected = [f"{int(path.stem[:2])}.{i}" for i in range(1, len(found) + 1)]
        if [exercise.number for exercise in found] != expected:
            yield f"its exercises are numbered {[e.number for e in found]}, not {expected}"
        if not 2 <= len(found) <= 4:
            yield f"it has {len(found)} exercises; 2 to 4"


def exercises_are_solved(notebook, path):
    for cell in code_cells(notebook):
        if any("✗" in text for output in cell.outputs for text in texts(output)):
            yield f"cell In [{cell.execution_count}]: the solution does not pass its own check"


def no_machine_is_named(notebook, path):
    for cell in notebook.cells:
        for text in [cell.source, *(text for output in cell.get("outputs", []) for text in texts(output))]:
            if match := MACHINE_PATH.search(text):
                yield f"it names a folder of one machine: {text[max(0, match.start() - 20):match.end() + 40]!r}"


def code_uses_no_network(notebook, path):
    for cell in code_cells(notebook):
        if match := NETWORK.search(cell.source):
            yield f"cell In [{cell.execution_count}] reaches for the network: {match[0]!r}"


def headings_do_not_skip_levels(notebook, path):
    levels = [len(marks) for marks in re.findall(r"^(#{1,6}) ", "\n\n".join(map(without_code, markdown(notebook))), re.MULTILINE)]
    for above, below in pairwise(levels):
        if below > above + 1:
            yield f"a heading of level {below} follows one of level {above}"


def without_code(source):
    """Markdown without its code blocks, in which # begins a comment."""
    return re.sub(r"^```.*?^```", "", source, flags=re.MULTILINE | re.DOTALL)


RULES = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == __name__
         and value.__code__.co_varnames[: value.__code__.co_argcount] == ("notebook", "path")]

KILOBYTES = 700


# The rules are able to complain


def good_notebook():
    """A notebook of 40 cells that obeys every rule."""
    def code(source, *outputs, **metadata):
        return new_code_cell(source, outputs=list(outputs), metadata=metadata)

    picture = new_output("display_data", {"image/png": "iVBORw0=", "text/plain": "A line that rises from left to right."})
    cells = [new_markdown_cell("# Convolution\n\nWhat does a convolution compute?"),
             code("print(1 + 1)", new_output("stream", name="stdout", text="2\n"), tags=["nbval-check-output"]),
             code("figure, axes = plt.subplots()\nplots.show(figure, alt='A line …')", picture, tags=["drawing"],
                  jupyter={"source_hidden": True})]
    for i in range(9):
        cells += [new_markdown_cell(f"## Step {i}\n\nWe add one."), new_markdown_cell("Then we look."), code("x = 1\nx + 1")]
    cells += [new_markdown_cell("## What we have seen\n\n- one\n- two\n- three"), new_markdown_cell("## Try it")]
    for i in (1, 2):
        cells += [new_markdown_cell(f"### Exercise 3.{i} Add\n\nAdd one to one.\n\n<details><summary>Hint</summary>\n\nCount.\n\n</details>"),
                  code("answer = 2", tags=["solution"], jupyter={"source_hidden": True}),
                  code("checks.add.one(answer)", new_output("stream", name="stdout", text="✓ Right.\n"), tags=["nbval-check-output"])]
    cells += [new_markdown_cell("One more line."), new_markdown_cell("## Sources\n\nhttps://example.org")]
    notebook = new_notebook(cells=cells)
    for number, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = number
    return notebook


GOOD, LESSON = good_notebook(), Path("notebooks/03_convolution.ipynb")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_obeys(rule):
    assert list(rule(copy.deepcopy(GOOD), LESSON)) == []


def broken(change):
    notebook = copy.deepcopy(GOOD)
    change(notebook, code_cells(notebook))
    return notebook


def insert(cell, at=5):
    return lambda notebook, code: notebook.cells.insert(at, cell)


BREACHES = [
    (cells_are_executed_in_order, lambda nb, code: code[3].update(execution_count=None)),
    (cells_are_executed_in_order, lambda nb, code: code[3].update(execution_count=9)),
    (outputs_hold_no_error, lambda nb, code: code[4].outputs.append(new_output("error", ename="E", evalue="", traceback=[]))),
    (warnings_are_not_shown, lambda nb, code: code[4].outputs.append(new_output("stream", name="stderr", text="old"))),
    (widget_views_are_stripped, lambda nb, code: code[1].outputs[0].data.update({WIDGET: {}})),
    (widget_views_are_stripped, lambda nb, code: nb.metadata.update(widgets={})),
    (something_is_checked, lambda nb, code: [cell.metadata.pop("tags", None) for cell in code]),
    (something_is_checked, lambda nb, code: [cell.update(outputs=[]) for cell in code]),
    (checks_are_not_switched_off, lambda nb, code: code[4].update(source="# NBVAL_SKIP\nx")),
    (checks_are_not_switched_off, lambda nb, code: code[4].metadata.update(tags=["raises-exception"])),
    (code_comes_in_small_cells, lambda nb, code: code[4].update(source="x\n" * 26)),
    (code_comes_in_small_cells, lambda nb, code: code[4].update(source=" ")),
    (code_comes_in_small_cells, lambda nb, code: [cell.update(source="x\n" * 7) for cell in code]),
    (lines_of_code_are_short, lambda nb, code: code[4].update(source="x = " + 85 * "1")),
    (code_that_draws_is_folded, lambda nb, code: code[1].metadata.pop("jupyter")),
    (folded_cells_say_why, lambda nb, code: code[1].metadata.pop("tags")),
    (exercises_have_a_hint, lambda nb, code: nb.cells[32].update(source="### Exercise 3.1 Add\n\nAdd one to one.")),
    (length_and_share_of_code_are_right, lambda nb, code: nb.cells.__delitem__(slice(10, 20))),
    (length_and_share_of_code_are_right, lambda nb, code: nb.cells.extend([new_markdown_cell("more")] * 60)),
    (length_and_share_of_code_are_right, lambda nb, code: nb.cells.extend([new_code_cell("x")] * 20)),
    (pictures_have_alternative_texts, lambda nb, code: code[1].outputs[0].data.pop("text/plain")),
    (pictures_have_alternative_texts, lambda nb, code: code[1].outputs[0].data.update({"text/plain": "<Figure size 640x480>"})),
    (it_opens_with_a_question, lambda nb, code: nb.cells[0].update(source="# Convolution\n\nWe convolve.")),
    (it_opens_with_a_question, lambda nb, code: nb.cells.pop(0)),
    (it_closes_as_all_do, lambda nb, code: nb.cells.pop()),
    (it_closes_as_all_do, insert(new_markdown_cell("## Sources"), at=3)),
    (it_closes_as_all_do, lambda nb, code: nb.cells.append(new_markdown_cell("## Further"))),
    (the_summary_is_short, lambda nb, code: nb.cells[30].update(source="## What we have seen\n\n- one")),
    (exercises_follow_the_convention, lambda nb, code: nb.cells[33].metadata.pop("tags")),
    (exercises_follow_the_convention, lambda nb, code: nb.cells[32].update(source="### Exercise 4.1 Add\n\nAdd.")),
    (exercises_follow_the_convention, lambda nb, code: nb.cells.__delitem__(slice(32, 35))),
    (exercises_are_solved, lambda nb, code: code[-1].outputs[0].update(text="✗ One too many.\n")),
    (no_machine_is_named, insert(new_markdown_cell("Look into /home/me/course/data."))),
    (no_machine_is_named, lambda nb, code: code[0].outputs[0].update(text="C:\\Users\\me\n")),
    (code_uses_no_network, lambda nb, code: code[4].update(source="open('https://example.org')")),
    (code_uses_no_network, lambda nb, code: code[4].update(source="!pip install torch")),
    (headings_do_not_skip_levels, insert(new_markdown_cell("#### Deep"))),
]


@pytest.mark.parametrize("rule, change", BREACHES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_breach_is_noticed(rule, change):
    assert list(rule(broken(change), LESSON))


def test_every_rule_has_a_breach():
    assert {rule for rule, _ in BREACHES} == set(RULES)


# The course


@pytest.fixture(scope="module", params=find() or [None], ids=lambda path: path.stem if path else "none")
def path(request):
    return request.param or pytest.skip("there is no notebook yet")


@pytest.fixture(scope="module")
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_course_obeys(rule, notebook, path):
    assert list(rule(notebook, path.relative_to(NOTEBOOKS.parent))) == []


def test_the_file_is_small(path):
    assert path.stat().st_size < KILOBYTES * 1000


def test_the_file_is_a_valid_notebook(notebook):
    nbformat.validate(notebook)
    ids = sorted(cell.id for cell in notebook.cells)
    assert [name for name, group in groupby(ids) if len(list(group)) > 1] == []
