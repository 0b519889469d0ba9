"""Builds the course's site into build/site: python -m tools.website (make site)

The book comes from the notebooks as they are stored, from README and docs/, and from the code. The studio and MathJax need two npm packages;
without Node or its registry the site is built without them, and a line says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.website import book, finish, methods, reference, roads

ROOT = Path(__file__).resolve().parents[2]
SITE, SOURCE, SCRATCH = ROOT / "build" / "site", ROOT / "build" / "site-source", ROOT / "build" / "site-doctrees"
HERE = ROOT / "site"
MATHJAX = {  # what is copied out of the npm packages: from, to
    "mathjax/tex-chtml.js": "_static/mathjax/tex-chtml.js", "mathjax/a11y/assistive-mml.js": "_static/mathjax/a11y/assistive-mml.js",
    "mathjax/input/tex": "_static/mathjax/input/tex",
    "@mathjax/mathjax-newcm-font/chtml": "_static/mathjax/newcm/chtml", "@mathjax/mathjax-newcm-font/chtml.js": "_static/mathjax/newcm/chtml.js",
}


def main() -> int:
    modules = packages()
    words = lay_out(studio=modules is not None)
    shutil.rmtree(SITE, ignore_errors=True)
    environment = {**os.environ, "XAITUTOR_SITE_STUDIO": str(int(modules is not None))}
    code = subprocess.run([sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "--jobs", "2", "-d", str(SCRATCH),
                           str(SOURCE), str(SITE)], env=environment, cwd=ROOT).returncode
    if code:
        return code
    if modules is not None:
        copy(modules, MATHJAX)
    finish.finish(SITE, words)
    (SITE / ".nojekyll").touch()  # GitHub would leave out what begins with an underscore
    print(f"The site is in {SITE.relative_to(ROOT)}. make site-open shows it.")
    return 0


def lay_out(studio: bool) -> dict[str, str]:
    """Write what Sphinx reads into build/site-source; the alternative texts of the notebooks' pictures."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    for source, target in ((HERE / "static", "_static"), (HERE / "templates", "_templates")):
        shutil.copytree(source, SOURCE / target)
    shutil.copy(HERE / "conf.py", SOURCE)
    words = book.write(SOURCE)
    roads.write(SOURCE)
    (SOURCE / "methods.md").write_text(methods.page(), "utf-8")
    (SOURCE / "reference").mkdir()
    for name, text in reference.pages().items():
        (SOURCE / "reference" / f"{name}.md").write_text(text, "utf-8")
    (SOURCE / "index.md").write_text(roads.front(studio), "utf-8")
    return words


def packages() -> Path | None:
    """The npm packages of site/package-lock.json, or None, with a line that says why they are not to be had."""
    if shutil.which("npm") is None:
        print("There is no Node (npm): the site is built without the studio, and formulas stay as they are typed. https://nodejs.org has it.", file=sys.stderr)
        return None
    lock, done = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        run = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, capture_output=True, text=True)
        if run.returncode:
            print(f"npm could not fetch what site/package-lock.json names; the site is built without the studio:\n{run.stderr.strip()}", file=sys.stderr)
            return None
    return HERE / "node_modules"


def copy(modules: Path, what: dict[str, str]) -> None:
    for source, target in what.items():
        (SITE / target).parent.mkdir(parents=True, exist_ok=True)
        if (modules / source).is_dir():
            shutil.copytree(modules / source, SITE / target)
        else:
            shutil.copy(modules / source, SITE / target)


if __name__ == "__main__":
    sys.exit(main())
