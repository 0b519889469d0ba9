"""Can the course be opened in a browser here? And what a student's version says once it was run."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat

from tools.execute_notebooks import ROOT
from xaitutor.course import exercises

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
# As root, and in containers, there is no sandbox. The rest keeps the browser itself from asking the network.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
MAKE = {"MAKEFLAGS": "", "MAKELEVEL": ""}  # the tests themselves run under make


def _no_browser() -> str:
    """Why the course cannot be opened here, or nothing."""
    if BROWSER is None:
        return "there is no Chrome or Chromium"
    if find_spec("playwright") is None:
        return "playwright is not installed"
    if shutil.which("make") is None or os.name == "nt":
        return "this system has no make"
    if Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
        return "the tests run outside .venv, and make lab would install a second environment"
    question = ["make", "--question", ".venv/.ready"]
    if subprocess.run(question, cwd=ROOT, env={**os.environ, **MAKE}, capture_output=True).returncode:
        return "make lab would first install something"
    return ""


NO_BROWSER = _no_browser()


def exercises_are_open(done: dict, source: Path) -> None:
    """In the student's version of `source` that was run, each check says that there is no answer yet."""
    for exercise in exercises.find(nbformat.read(source, as_version=4)):
        [output] = done["cells"][exercise.index + 2]["outputs"]
        assert "".join(output["text"]) in ("✗ there is no answer yet: a value is still None or …\n", "✗ the function is still empty\n")
