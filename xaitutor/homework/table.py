"""The table of scores: a CSV file to which rows are added. What is there is never changed: it may be corrected."""

from __future__ import annotations

import csv
import os
from pathlib import Path


def students(path: Path, columns: list[str]) -> list[str]:
    """Who has a row already; nobody where there is no such file. Raises as `rows` does."""
    return [row[columns[0]] for row in rows(path, columns)]


def rows(path: Path, columns: list[str]) -> list[dict[str, str]]:
    """The rows by column; none where there is no such file.

    Raises ValueError for a file that is another table, and for a row of another length (of a full disk, for example).
    """
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8-sig", errors="backslashreplace") as file:
        header, *lines = list(csv.reader(file)) or [[]]
    if header != columns:
        raise ValueError(f"{path} is another table: its first line is {','.join(header)!r:.200}, "
                         f"expected {','.join(columns)!r}. Move it away, or choose another folder")
    lines = [line for line in lines if line]
    for line in lines:
        if len(line) != len(columns):
            raise ValueError(f"{path}: the row of {line[0]!r} has {len(line)} values, expected {len(columns)}. "
                             "Mend it, or delete it")
    return [dict(zip(columns, line)) for line in lines]


def add(path: Path, columns: list[str], row: list) -> None:
    """Add a row, on the disk before this returns; and the first line, where there is none."""
    with open(path, "a+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        if size and file.read() != b"\n":  # some editors leave the last line open
            file.write(b"\r\n")
    with open(path, "a", newline="", encoding="utf-8", errors="backslashreplace") as file:
        csv.writer(file).writerows([row] if size else [columns, row])
        file.flush()
        os.fsync(file.fileno())
