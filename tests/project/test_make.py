"""The Makefile: what is installed when, tried with a Python that only writes down what it is asked for."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None or os.name == "nt", reason="this system has no make")

# Makes a .venv of scripts that append what they are called with to log; pip fails while the file "offline" exists.
PYTHON = f"""#!/bin/sh
if [ "$1" = -c ]; then exec {sys.executable} "$@"; fi
echo "python $*" >>log
mkdir -p .venv/bin
for name in python pip jupyter xaitutor; do
  printf '#!/bin/sh\\necho "%s $*" >>log\\n[ "$2" != pip ] || [ ! -e offline ]\\n' $name >.venv/bin/$name
  chmod +x .venv/bin/$name
done
"""


# What the make that runs these tests may have been given itself.
NOT_PASSED_ON = ("MAKEFLAGS", "MAKELEVEL", "LAB_ARGS", "STUDENTS", "TEST_ARGS", "NOTEBOOKS", "BENCH_ARGS")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tools").mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml", "tools/jupyterlab_overrides.json"):
        shutil.copy(ROOT / name, tmp_path / name)
        os.utime(tmp_path / name, (1e9, 1e9))
    (tmp_path / "fake").write_text(PYTHON)
    (tmp_path / "fake").chmod(0o755)
    return tmp_path


def make(folder, *arguments, status=0):
    """Run make; the calls that it led to, and all that it printed."""
    (folder / "log").write_text("")
    run = subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, timeout=600,
                         env={**os.environ, "PYTHON": "./fake", **dict.fromkeys(NOT_PASSED_ON, ""), "WEIGHTS": "squeezenet1_0"})
    assert run.returncode == status, run.stdout + run.stderr
    return (folder / "log").read_text().splitlines(), run.stdout + run.stderr


def installs(calls):
    return [call for call in calls if "pip install" in call]


def test_the_weights_for_real_photos_are_offered_once(folder):
    calls, _ = make(folder, "lab")
    assert "xaitutor download squeezenet1_0 --seconds 60" in calls and calls[-1].startswith("jupyter lab")
    again, _ = make(folder, "lab")
    assert not any("download" in call for call in again)


def test_without_weights_or_network_the_course_opens_all_the_same(folder):
    calls, _ = make(folder, "lab", "WEIGHTS=none")
    assert not any("download" in call for call in calls) and calls[-1].startswith("jupyter lab")
    (folder / ".venv" / ".weights").unlink()
    (folder / ".venv" / "bin" / "xaitutor").write_text("#!/bin/sh\nexit 1\n")
    calls, said = make(folder, "lab")
    assert "keeps its stored pictures" in said and calls[-1].startswith("jupyter lab")


def test_the_first_run_installs_and_opens_the_first_notebook(folder):
    calls, _ = make(folder, "lab")
    assert calls[0] == "python -m venv .venv"
    assert len(installs(calls)) == 2 and all("--constraint requirements.lock" in call for call in installs(calls))
    assert "--editable .[test]" in calls[2]
    assert calls[-1].startswith("jupyter lab") and "notebooks/00_start_here.ipynb" in calls[-1]


def test_the_second_run_installs_nothing(folder):
    make(folder, "lab")
    calls, _ = make(folder, "lab")
    assert len(calls) == 1 and calls[0].startswith("jupyter lab")


def test_options_are_passed_on(folder):
    calls, _ = make(folder, "lab", "LAB_ARGS=--no-browser --port 8890")
    assert calls[-1].endswith("--no-browser --port 8890")
    calls, _ = make(folder, "test", "TEST_ARGS=-k xor")
    assert calls == ["python -m ruff check --quiet .", "python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=10 -k xor"]
    calls, _ = make(folder, "notebooks", "NOTEBOOKS=notebooks/03_convolution.ipynb")
    assert calls == ["python tools/execute_notebooks.py notebooks/03_convolution.ipynb"]


def test_jupyterlab_asks_the_network_for_nothing(folder):
    calls, _ = make(folder, "lab")
    assert "extension_manager=readonly" in calls[-1]
    assert any(call.startswith("jupyter labextension disable @jupyterlab/apputils-extension:announcements") for call in calls)


# Four large tensors, again and again; how many pages the system had to give for them. (Pages are larger on some systems.)
PAGES = """import resource
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    tensors = [b"x" * 20_000_000 for _ in range(4)]
    del tensors
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_memory_is_kept_for_the_next_tensors():
    def pages(**settings):
        nothing = dict.fromkeys(("MAKEFLAGS", "MAKELEVEL"), "")
        recipe = ["make", "--silent", "--eval", "pages: ; @$(PYTHON) -c \"$$CODE\"", "pages", f"PYTHON={sys.executable}"]
        env = {key: value for key, value in os.environ.items() if key != "GLIBC_TUNABLES"} | nothing | {"CODE": PAGES} | settings
        return int(subprocess.run(recipe, cwd=ROOT, capture_output=True, text=True, check=True, env=env).stdout)

    assert pages() < pages(GLIBC_TUNABLES="glibc.malloc.check=0") / 3  # whoever sets something else gets that


def test_long_lines_of_code_wrap(folder):
    make(folder, "lab")
    [settings] = (folder / ".venv").rglob("settings/overrides.json")
    assert '"lineWrap": true' in settings.read_text()


def test_students_see_nothing_of_nbgrader(folder):
    calls, _ = make(folder, "lab")
    for extension in ("@jupyter/nbgrader", "@jupyter-notebook/lab-extension"):
        assert f"jupyter labextension disable {extension}" in calls
    assert sum(call.startswith("jupyter server extension disable --sys-prefix nbgrader.") for call in calls) == 4


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_change_is_installed_on_top(folder, changed):
    make(folder, "test")
    os.utime(folder / changed, (4e9, 4e9))
    calls, _ = make(folder, "test")
    assert len(installs(calls)) == 2 and "python -m venv .venv" not in calls


@pytest.mark.parametrize("was_ready", [False, True])
def test_an_interrupted_install_is_thrown_away(folder, was_ready):
    if was_ready:
        make(folder, "test")
        os.utime(folder / "requirements.lock")  # now
        os.utime(folder / ".venv" / ".ready", (1e9, 1e9))
    (folder / "offline").touch()
    calls, _ = make(folder, "test", status=2)
    assert not any("pytest" in call for call in calls)
    (folder / ".venv" / "half").touch()
    (folder / "offline").unlink()
    calls, printed = make(folder, "test")
    assert "interrupted" in printed and calls[0] == "python -m venv .venv" and calls[-1].startswith("python -m pytest")
    assert not (folder / ".venv" / "half").exists()


def test_an_environment_made_by_hand_is_kept(folder):
    """So that a CPU build of torch, installed before, stays."""
    subprocess.run(["./fake", "-m", "venv", ".venv"], cwd=folder, check=True)
    (folder / ".venv" / "torch").touch()
    calls, _ = make(folder, "test")
    assert "python -m venv .venv" not in calls and (folder / ".venv" / "torch").exists()


def test_an_old_python_is_refused(folder):
    old = 'if [ "$1" = -c ]; then exec {} -c "import sys; sys.version_info = (3, 9, 18); $2"; fi'
    script = PYTHON.splitlines()
    script[1] = old.format(sys.executable)
    (folder / "fake").write_text("\n".join(script))
    calls, printed = make(folder, "lab", status=2)
    assert calls == [] and "needs Python 3.11 or newer" in printed and "make lab PYTHON=python3.12" in printed
