"""The wheel, installed into an empty folder, is the whole course: networks, pictures, notebooks and the command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder that holds what the wheel puts into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy: setuptools would take along what an earlier build left in build/
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".venv", ".git", "build", "node_modules", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source], check=True)
    [wheel] = folder.glob("*.whl")
    assert wheel.stat().st_size < 25e6
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", folder / "site", wheel], check=True)
    return folder / "site"


def run(site, place, *command):
    return subprocess.run([sys.executable, *command], cwd=place, capture_output=True, text=True, timeout=600,
                          env={**os.environ, "PYTHONPATH": str(site), "XAITUTOR_CACHE": str(place / "cache")})


def test_networks_pictures_and_scores_come_along(site, tmp_path):
    code = """if True:
        import xaitutor
        model, preprocess, categories = xaitutor.load_model("menagerie_resnet18")
        x = preprocess(xaitutor.load_image("menagerie/zebra"))[None]
        from xaitutor.truth import cache
        print(xaitutor.__file__, categories[model(x).argmax()], cache.FOLDER, xaitutor.homework.names())
        xaitutor.plots.use_style()
    """
    found = run(site, tmp_path, "-c", code)
    file, answer, kept = found.stdout.split()[:3]
    assert found.stderr == "" and (file, answer) == (str(site / "xaitutor" / "__init__.py"), "zebra")
    assert not Path(kept).is_relative_to(site)  # nothing is written into a package


def test_the_commands_work(site, tmp_path):
    explained = run(site, tmp_path, "-m", "xaitutor.cli", "explain", "menagerie/zebra", "--output", "heat.png")
    assert explained.returncode == 0 and (tmp_path / "heat.png").is_file(), explained.stderr
    checked = run(site, tmp_path, "-m", "xaitutor.cli", "check")
    assert "FAIL" not in checked.stdout and checked.returncode == 0, checked.stdout


def test_nothing_that_is_made_anew_is_in_it(site):
    names = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert {"xaitutor/data/SHA256SUMS", "xaitutor/notebooks/00_start_here.ipynb", "xaitutor/attribution/__init__.pyi"} <= names
    assert not any(".ipynb_checkpoints" in name or "/build/" in name for name in names)
