"""The files that come with the course: where they are, and whether they are still what they were.

`data/SHA256SUMS` holds one line per file in `sha256sum`'s own format, so that
``cd data && sha256sum -c SHA256SUMS`` checks them without Python. ``python -m xaitutor.files.data_files``
writes it anew, after the files were made anew on purpose.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

from xaitutor.files import new_files
from xaitutor.progress import until_interrupted

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").is_file() else None  # a wheel has none
# What brings an embedded file back.
BACK = "git checkout -- data" if REPOSITORY else "python -m pip install --force-reinstall --no-deps xaitutor-….whl"


def folder(name: str) -> Path:
    """The course's folder "data" or "notebooks": the repository's, or, where a wheel was installed, the one in the package."""
    return (REPOSITORY or PACKAGE) / name


DATA = folder("data")
SUMS = "SHA256SUMS"


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sums() -> dict[str, str]:
    """The SHA-256 of each embedded file, by its path relative to `data/` (with forward slashes).

    Raises FileNotFoundError where SHA256SUMS is missing, ValueError for a line that is none.
    """
    path = DATA / SUMS
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; get it back with: {BACK}")
    table = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line)
        if not match:
            raise ValueError(f"{path}, line {number}: expected '<SHA-256>  <path>', got {line!r}; "
                             f"get the file back with: {BACK}")
        table[match[2]] = match[1]
    return table


def verify(path: str | Path) -> Path:
    """The full path of an embedded file, once its SHA-256 is the one in SHA256SUMS.

    `path` is relative to `data/`, or a full path inside it. Raises FileNotFoundError where the file is
    missing, ValueError where it was changed or cut off, or is none of the embedded files.
    """
    path = DATA / path
    if not path.is_relative_to(DATA):
        raise ValueError(f"{path} is no embedded file: those are in {DATA}")
    name = path.relative_to(DATA).as_posix()
    if not path.is_file():
        raise FileNotFoundError(f"the embedded file {path} is missing; get it back with: {BACK} "
                                "(or train the networks anew with: make models)")
    expected = sums().get(name)
    if expected is None:
        raise ValueError(f"{name} is not in {DATA / SUMS}; if you made it on purpose: python -m xaitutor.files.data_files")
    if sha256(path) != expected:
        raise ValueError(f"the embedded file {path} was changed or cut off: it has {path.stat().st_size} bytes and "
                         f"not the SHA-256 that {SUMS} says; get it back with: {BACK} "
                         "(if you made it anew on purpose: python -m xaitutor.files.data_files)")
    return path


def embedded() -> list[str]:
    """The files that SHA256SUMS has to name: all under `data/` but itself, texts (`*.md`) and hidden files."""
    paths = (path.relative_to(DATA) for path in DATA.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths
                  if path.name != SUMS and path.suffix != ".md" and not any(p.startswith(".") for p in path.parts))


def write_sums() -> Path:
    """Write SHA256SUMS anew from the files that are there, and return its path."""
    lines = [f"{sha256(DATA / name)}  {name}\n" for name in embedded()]
    return new_files.put(DATA / SUMS, "".join(lines))


def main() -> None:
    print(f"{write_sums()}: {len(sums())} files")


if __name__ == "__main__":
    sys.exit(until_interrupted(main))
