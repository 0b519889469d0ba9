"""The students' edition: all that a student needs, and nothing that tells an answer.

    README.md            how to install it, in two commands, and how to work with it
    notebooks/           the course without solutions and outputs
    homework/            the assignments as they are handed out
    xaitutor-….whl       the package; the notebooks in it are these
    requirements.lock    the versions that were tested together

It is made in the repository. What a determined student could still read in it stands in `docs/homework.md`.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from xaitutor.course import versions
from xaitutor.files import data_files, new_files
from xaitutor.homework import assignments, releasing

ANSWERS = ("homework/key.py",)  # of the package: only the hidden tests ask for it
KEPT = ("xaitutor", "data", "pyproject.toml", "LICENSE")  # of the repository, in the students' wheel
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")


def write(to: str | Path) -> Path:
    """Write the students' edition into the folder `to`, or into a zip file where its name ends in .zip, and give its path.

    Raises FileExistsError where there is something already, FileNotFoundError without the repository, ImportError without nbgrader, pip or setuptools,
    OSError where the wheel cannot be built.
    """
    to = Path(to)
    if to.is_file() or to.is_dir() and any(to.iterdir()):
        raise FileExistsError(f"{to} exists and is not empty: move it away, or choose another name")
    _require()
    with tempfile.TemporaryDirectory() as scratch:
        edition = Path(scratch) / "xaitutor_students"
        _write_notebooks(edition)
        readme = (data_files.REPOSITORY / "docs" / "students.md").read_text(encoding="utf-8")
        wheel = _build_wheel(edition, readme, Path(scratch) / "source")
        new_files.put(edition / "README.md", readme.replace("xaitutor.whl", wheel.name))
        shutil.copy(data_files.REPOSITORY / "requirements.lock", edition)
        if to.suffix == ".zip":
            to.parent.mkdir(parents=True, exist_ok=True)
            with new_files.whole(to) as own:
                shutil.move(shutil.make_archive(f"{scratch}/edition", "zip", scratch, edition.name), own)
        else:
            shutil.copytree(edition, to, dirs_exist_ok=True)
    return to


def _require() -> None:
    assignments.require_nbgrader()
    if data_files.REPOSITORY is None:
        raise FileNotFoundError("the students' edition is made in the repository: clone it, and run the command there")
    for name in ("pip", "setuptools"):
        if importlib.util.find_spec(name) is None:
            raise ImportError(f"building the students' wheel needs {name}, which is not installed. Install it with: python -m pip install {name}")


def _write_notebooks(edition: Path) -> None:
    for path in sorted(data_files.folder("notebooks").glob("*.ipynb")):
        versions.write(path, edition / "notebooks", versions.student)
    for name in assignments.names():
        releasing.release(name, edition / "homework")


def _build_wheel(edition: Path, readme: str, source: Path) -> Path:
    """The package with the students' notebooks in the place of its own, and without the answers."""
    source.mkdir()
    for name in KEPT:
        path = data_files.REPOSITORY / name
        shutil.copytree(path, source / name, ignore=LEFT_OUT) if path.is_dir() else shutil.copy(path, source)
    for name in ANSWERS:
        (source / "xaitutor" / name).unlink()
    shutil.copytree(edition / "notebooks", source / "notebooks")
    shutil.copytree(edition / "homework", source / "notebooks" / "homework")
    new_files.put(source / "README.md", readme)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", edition, source]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        raise OSError(f"the students' wheel could not be built: {(built.stderr or built.stdout).strip().splitlines()[-1]}")
    return next(edition.glob("*.whl"))
