"""Builds the course's site into build/site: python -m tools.website (make site)

The book comes from the notebooks as they are stored, from README and docs/, and from the code. The studio and the formulas need two npm packages,
which make fetches; without them the site is built without these, and a line says so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.website import book, finish, front, methods, reference, roads
from xaitutor.files import data_files
from xaitutor.menagerie import SHAPES
from xaitutor.studio import export, truths
from xaitutor.truth import cache

ROOT = Path(__file__).resolve().parents[2]
SITE, SOURCE, SCRATCH, STUDIO = (ROOT / "build" / name for name in ("site", "site-source", "site-doctrees", "studio"))
HERE = ROOT / "site"
COPIED = {  # out of the npm packages: from, to
    "mathjax/tex-chtml.js": "_static/mathjax/tex-chtml.js", "mathjax/a11y/assistive-mml.js": "_static/mathjax/a11y/assistive-mml.js",
    "mathjax/input/tex": "_static/mathjax/input/tex",
    **{f"onnxruntime-web/dist/{name}": f"studio/runtime/{name}" for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")},
    "@mathjax/mathjax-newcm-font/chtml": "_static/mathjax/newcm/chtml", "@mathjax/mathjax-newcm-font/chtml.js": "_static/mathjax/newcm/chtml.js",
}


def main(shapes: Sequence[str] = SHAPES, site: Path = SITE) -> int:
    """Build the site into a folder, whatever was there before; the exit status. `shapes`: what can be built in the studio."""
    modules = packages()
    words = lay_out(studio=modules is not None)
    shutil.rmtree(site, ignore_errors=True)
    environment = {**os.environ, "XAITUTOR_SITE_STUDIO": str(int(modules is not None))}
    code = subprocess.run([sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "--jobs", "2", "-d", str(SCRATCH),
                           str(SOURCE), str(site)], env=environment, cwd=ROOT).returncode
    if code:
        return code
    if modules is not None:
        shutil.copytree(exported(shapes), site / "studio")
        shutil.copytree(HERE / "studio", site / "studio", dirs_exist_ok=True)
        copy(modules, site)
    finish.finish(site, words)
    (site / ".nojekyll").touch()  # GitHub would leave out what begins with an underscore
    print(f"The site is in {site}. make site-open shows it.")
    return 0


def exported(shapes: Sequence[str]) -> Path:
    """What the studio needs of Python; it stays in build/studio until something that it depends on has changed."""
    weights = [data_files.sha256(data_files.DATA / "models" / f"{name}.safetensors") for name in truths.NETWORKS.values()]
    folder = STUDIO / str(len(shapes)) / cache.name_of(cache.code("xaitutor.studio.export"), weights, data_files.sha256(data_files.DATA / truths.FILE), shapes)
    if not folder.exists():
        shutil.rmtree(folder.parent, ignore_errors=True)
        export.main(folder.parent / "unfinished", shapes)
        (folder.parent / "unfinished").rename(folder)
    return folder


def lay_out(studio: bool) -> dict[str, str]:
    """Write what Sphinx reads into build/site-source; the alternative texts of the notebooks' pictures."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    for source, target in ((HERE / "static", "_static"), (HERE / "templates", "_templates")):
        shutil.copytree(source, SOURCE / target)
    shutil.copy(HERE / "conf.py", SOURCE)
    words = book.write(SOURCE, studio)
    roads.write(SOURCE)
    (SOURCE / "methods.md").write_text(methods.page(), "utf-8")
    (SOURCE / "reference").mkdir()
    for name, text in reference.pages().items():
        (SOURCE / "reference" / f"{name}.md").write_text(text, "utf-8")
    (SOURCE / "index.md").write_text(front.page(studio, SOURCE / "_static"), "utf-8")
    return words


def packages() -> Path | None:
    """The npm packages that `make site` fetched, or None, with a line that says what will be missing."""
    modules = HERE / "node_modules"
    if not all((modules / source).exists() for source in COPIED):
        print("The npm packages of site/package-lock.json are not there: the site is built without the studio, and formulas stay as they are "
              "typed. With Node and a network, `make site` fetches them.", file=sys.stderr)
        return None
    return modules


def copy(modules: Path, site: Path) -> None:
    for source, target in COPIED.items():
        (site / target).parent.mkdir(parents=True, exist_ok=True)
        if (modules / source).is_dir():
            shutil.copytree(modules / source, site / target)
        else:
            shutil.copy(modules / source, site / target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=SHAPES, help="what can be built in the studio (all); fewer are quicker")
    parser.add_argument("--to", type=Path, default=SITE, help="the folder (build/site)")
    arguments = parser.parse_args()
    sys.exit(main(tuple(arguments.shapes), arguments.to.resolve()))
