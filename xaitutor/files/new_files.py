"""Files for people to work in: written where there is none, and never over somebody's work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write(files: Mapping[Path, str]) -> None:
    """Write each text to its path; folders are made where they are missing.

    Raises FileExistsError, before anything is written, where another text is there already.
    """
    for path, text in files.items():
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise FileExistsError(f"{path} exists and is another: it may hold somebody's work. "
                                  "Move it away, or choose another folder")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
