"""How files are written: whole or not at all, and never over somebody's work."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = "made by xaitutor"  # stands in each picture that a command has written, and says that it may be written over
_WHY = {
    errno.ENOSPC: "the disk is full; make room, or choose another folder", errno.EDQUOT: "your share of the disk is full; make room, or choose another folder",
    errno.EACCES: "you may not write there; choose another folder", errno.EPERM: "you may not write there; choose another folder",
    errno.EROFS: "the disk can only be read; choose another folder", errno.ENAMETOOLONG: "its name is too long; choose a shorter one",
    errno.ENOENT: "there is no such folder; make it first", errno.ENOTDIR: "there is no such folder; make it first",
    errno.EISDIR: "it is a folder; give the path of a file in it",
}


class NotWritten(OSError):
    """A file that could not be written: which, why, and what to do."""


@contextmanager
def whole(path: str | os.PathLike) -> Iterator[Path]:
    """A path to write to in the block, in the same folder; after it the file stands at `path`, whole.

        with whole("found.npz") as own:
            np.savez(own, …)

    After an exception in the block, Ctrl-C included, nothing is left of it, and what stood at `path` stays. Two processes cannot mix their
    halves. Raises NotWritten, an OSError, where there is no room, no permission, no such folder, or the name is too long.
    """
    path = Path(path).expanduser()
    own = path.with_name(f".{uuid.uuid4().hex[:16]}{path.suffix[:16]}")  # short, since a name has at most 255 bytes
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        yield own
        os.replace(own, path)
    except OSError as error:
        if error.errno not in _WHY:
            raise
        raise NotWritten(f"{path} cannot be written: {_WHY[error.errno]}") from error
    finally:
        with suppress(OSError):
            own.unlink()


def put(path: str | os.PathLike, content: str | bytes) -> Path:
    """Write a text, as UTF-8, or bytes to `path`, whole or not at all, and give the path."""
    with whole(path) as own:
        own.write_bytes(content.encode() if isinstance(content, str) else content)
    return Path(path)


def write(files: Mapping[Path, str]) -> None:
    """Write each text to its path; folders are made where they are missing.

    Raises FileExistsError, before anything is written, where another file is there already.
    """
    for path, text in files.items():
        if path.exists() and (path.is_dir() or path.read_bytes().replace(b"\r\n", b"\n") != text.encode()):
            raise FileExistsError(f"{path} exists and is another: it may hold somebody's work. "
                                  "Move it away, or choose another folder")
    for path, text in files.items():
        if not path.exists():
            _make_folder(path)
            put(path, text)


def require_room(path: str | os.PathLike, force: bool = False) -> None:
    """Raise NotWritten or FileExistsError, before anything is computed, where there is no folder for `path`, it is one itself, or a file is there
    that no command of the course has written, unless `force`."""
    path = Path(path).expanduser()
    if path.is_dir():
        raise NotWritten(f"{path} cannot be written: {_WHY[errno.EISDIR]}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}; make it first")
    if path.exists() and not force and MARK.encode() not in path.read_bytes():
        raise FileExistsError(f"{path} is there already, and this command has not written it; give another name, or --force to write over it")


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = "a file is in the place of its folder; choose another" if isinstance(error, (FileExistsError, NotADirectoryError)) else _WHY.get(error.errno, str(error))
        raise NotWritten(f"{path} cannot be written: {why}") from error
