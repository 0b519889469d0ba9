"""Checkpoints: the state of a long computation in a file, written whole or not at all, read only by its owner.

The first line is the SHA-256 of the rest, so that a file that was cut off or changed is never taken for a whole one.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import torch

from xaitutor.files import new_files


def write(path: str | os.PathLike, identity: dict, state: dict) -> None:
    """Put `state` (tensors and plain values) into the file; `identity` says to which computation it belongs."""
    buffer = io.BytesIO()
    torch.save({"identity": identity, "state": state}, buffer)
    payload = buffer.getvalue()
    new_files.put(path, _digest(payload) + b"\n" + payload)


def read(path: str | os.PathLike, identity: dict) -> dict | None:
    """The state in the file, or None where there is no file yet.

    Raises ValueError where the file is broken or of another computation (and says in what they differ),
    FileNotFoundError where its folder is missing.
    """
    path = Path(path).expanduser()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cache={str(path)!r}: there is no folder {path.parent}; make it first")
    if not path.exists():
        return None
    if path.is_dir():
        raise ValueError(f"cache={str(path)!r} is a folder; give the path of a file in it")
    digest, _, payload = path.read_bytes().partition(b"\n")
    if digest != _digest(payload):
        raise ValueError(f"cache={str(path)!r} is broken or was never written here; delete it, or give another file")
    kept = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    _compare(path, kept["identity"], identity)
    return kept["state"]


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).hexdigest().encode()


def _compare(path: Path, there: dict, here: dict) -> None:
    keys = [*here, *(key for key in there if key not in here)]
    pairs = [(key, there.get(key), here.get(key)) for key in keys]
    others = [f"another {key} ({old} there, {new} here)" for key, old, new in pairs if old != new]
    if others:
        raise ValueError(f"cache={str(path)!r} belongs to another computation, with {' and '.join(others)}; "
                         "give another file, or delete this one")
