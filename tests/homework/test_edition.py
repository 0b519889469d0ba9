"""xaitutor.homework.edition: a student can install it and work with it, and finds no answer in it."""

import json
import os
import re
import subprocess
import sys
import zipfile

import nbformat
import pytest

from tests.homework import secrets
from tests.homework.handed_in import filled, solutions
from tools.execute_notebooks import execute
from xaitutor import cli
from xaitutor.course import exercises
from xaitutor.files import data_files
from xaitutor.homework import assignments, edition

NAMES = assignments.names()
PICTURE = re.compile("[A-Za-z0-9+/=]{500,}")  # in base64: most of the text, and no line of code


@pytest.fixture(scope="session")
def handed_out(tmp_path_factory):
    pytest.importorskip("nbgrader", reason="nbgrader is not installed (the extra 'homework')")
    return edition.write(tmp_path_factory.mktemp("edition") / "students")


@pytest.fixture(scope="session")
def site(handed_out, tmp_path_factory):
    """What the wheel puts into site-packages."""
    folder, [wheel] = tmp_path_factory.mktemp("site"), handed_out.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", folder, wheel], check=True)
    return folder


def texts(folder):
    """All files by name, those in the wheel and in other archives, too."""
    for path in filter(lambda path: path.is_file(), folder.rglob("*")):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{path.name}/{name}", archive.read(name).decode("utf-8", "replace")) for name in archive.namelist())
        else:
            yield path.relative_to(folder).as_posix(), path.read_text("utf-8", "replace")


def found(secret, folder, of):
    """Which secrets stand in which files: as they are, or as JSON writes them. `of` says which files."""
    forms = {form: line for line in secret for form in (line, json.dumps(line)[1:-1], json.dumps(line, ensure_ascii=False)[1:-1])}
    without_pictures = ((name, PICTURE.sub("", text)) for name, text in texts(folder) if of(name))
    return {(name, line) for name, text in without_pictures for form, line in forms.items() if form in text}


def pairs(source):
    """A solution, or a test, as the package would hold it: two lines that follow one another."""
    lines = [line.strip() for line in source.splitlines() if line.strip() and "###" not in line]
    return {pair for pair in zip(lines, lines[1:]) if len("".join(pair)) > 2 * secrets.LONG}



def test_no_file_holds_a_line_of_a_solution_or_of_a_hidden_test(handed_out):
    lessons = "\n".join(cell.source for path in (handed_out / "notebooks").glob("*.ipynb") for cell in nbformat.read(path, as_version=4).cells)
    homework = set().union(*(secrets.of_hidden_tests(name) | secrets.of_solutions(name) for name in NAMES))
    secret = secrets.of_exercises() | {line for line in homework if line not in lessons}  # what a lesson shows is none
    assert len(secret) > 600
    assert found(secret, handed_out, lambda name: not name.endswith(".py")) == set()


@pytest.mark.parametrize("name", NAMES)
def test_the_package_holds_no_solution_and_no_hidden_test_of_the_homework(handed_out, name):
    hidden = [cell.source.partition("### BEGIN HIDDEN TESTS")[2] for cell in nbformat.read(assignments.source(name), as_version=4).cells]
    asked = set().union(*map(pairs, [*solutions(name).values(), *hidden]))
    code = {file: "\n".join(line.strip() for line in text.splitlines()) for file, text in texts(handed_out) if file.endswith(".py")}
    assert len(asked) > 40 and len(code) > 100
    assert {(file, pair) for file, text in code.items() for pair in asked if "\n".join(pair) in text} == set()
    assert not [file for file in code if file.endswith("homework/key.py")]


def test_what_leaks_is_found(tmp_path):
    line = 'says "no", or é'
    (tmp_path / "notes.txt").write_text(f"a\n  {line}", "utf-8")
    (tmp_path / "a.ipynb").write_text(json.dumps([line]), "utf-8")
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
        archive.writestr("b.json", json.dumps([line], ensure_ascii=False))
    assert {name for name, _ in found({line, "another one"}, tmp_path, lambda name: True)} == {"notes.txt", "a.ipynb", "a.whl/b.json"}


def test_all_that_a_student_needs_is_there_and_nothing_else(handed_out):
    [wheel] = handed_out.glob("*.whl")
    files = {path.relative_to(handed_out).as_posix() for path in handed_out.rglob("*") if path.is_file()}
    lessons = {f"notebooks/{path.name}" for path in data_files.folder("notebooks").glob("*.ipynb")}
    assert files == {"README.md", "requirements.lock", wheel.name, *lessons, *(f"homework/{name}.ipynb" for name in NAMES)}
    readme = (handed_out / "README.md").read_text("utf-8")
    assert f"python -m pip install --constraint requirements.lock {wheel.name}\n" in readme and "xaitutor.whl" not in readme


def test_a_lesson_can_be_worked_through(handed_out, site, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(site))
    name = "01_perceptron_and_xor.ipynb"
    notebook = nbformat.read(handed_out / "notebooks" / name, as_version=4)
    first, *others = exercises.find(nbformat.read(data_files.folder("notebooks") / name, as_version=4))
    notebook.cells[first.index + 1].source = first.solution
    notebook.cells.append(nbformat.v4.new_code_cell("import xaitutor\nprint(xaitutor.__file__)"))
    nbformat.write(notebook, tmp_path / name)
    cells = execute(tmp_path / name).cells
    said = [cells[exercise.index + 2].outputs[0].text for exercise in (first, *others)]
    assert said[0].startswith("✓") and all(line.startswith("✗ ") for line in said[1:])
    assert cells[-1].outputs[0].text.startswith(str(site))


def test_homework_runs_to_its_end_with_open_tasks(handed_out, site, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(site))
    name = "part_1"
    notebook = nbformat.read(handed_out / "homework" / f"{name}.ipynb", as_version=4)
    nbformat.write(filled(notebook, {"convolve": solutions(name)["convolve"]}), tmp_path / f"{name}.ipynb")
    outputs = {cell.metadata.nbgrader.grade_id: cell.outputs for cell in execute(tmp_path / f"{name}.ipynb").cells
               if cell.metadata.get("nbgrader", {}).get("grade")}
    assert [output.name for output in outputs.pop("test-convolve")] == ["stdout"]
    assert {output.ename for shown in outputs.values() for output in shown} <= {"NotImplementedError", "NameError"} and all(outputs.values())


def test_a_fresh_copy_is_the_students(handed_out, site, tmp_path):
    code = "from xaitutor.course import start; start.lay_out('fresh')"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)})
    for path in (handed_out / "notebooks").glob("*.ipynb"):
        assert (tmp_path / "fresh" / path.name).read_bytes() == path.read_bytes()


def test_what_to_do_where_something_is_missing_needs_no_repository(site, tmp_path):
    code = "from xaitutor.course import environment; from xaitutor.files import data_files; print(environment.AGAIN, data_files.BACK)"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": str(site)}).stdout
    assert said.count("pip install") == 2 and "make lab" not in said and "git" not in said


def test_nothing_is_written_over(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert cli.main(["edition", "--for", "students", "--to", str(tmp_path)]) == 1
    assert "exists and is not empty" in capsys.readouterr().err and [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_without_the_repository_a_line_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data_files, "REPOSITORY", None)
    assert cli.main(["edition", "--for", "students", "--to", str(tmp_path / "new")]) == 1
    assert "is made in the repository: clone it" in capsys.readouterr().err and not (tmp_path / "new").exists()


def test_a_zip_file_holds_one_folder(handed_out, tmp_path, monkeypatch):
    def lay_out(folder):
        (folder / "notebooks").mkdir(parents=True)

    def build(folder, readme, source):
        (folder / "xaitutor-1.whl").touch()
        return folder / "xaitutor-1.whl"

    monkeypatch.setattr(edition, "_write_notebooks", lay_out)
    monkeypatch.setattr(edition, "_build_wheel", build)
    with zipfile.ZipFile(edition.write(tmp_path / "deep" / "course.zip")) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    assert names == {f"xaitutor_students/{name}" for name in ("README.md", "requirements.lock", "xaitutor-1.whl")}
