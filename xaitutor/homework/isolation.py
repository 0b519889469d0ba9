"""What keeps students' code away from the rest of the machine: bubblewrap, another user, the container that this is, or nothing.

A worker, and all that it starts, runs behind the first of these that works here. It writes into a room of its own, and reads what it grades.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing import process
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[2]
CONTAINERS = ("/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io")


class Isolation(NamedTuple):
    """command(room, readable): the words before the command of a worker, for the folder that it may write to and those that it has to read.

    says: what it is. nothing: students' code has all of your rights.
    """

    command: Callable[[Path, Sequence[Path]], list[str]]
    says: str
    nothing: bool = False


@cache
def choose() -> Isolation:
    """The best that works here."""
    for isolation in (BUBBLEWRAP, NOBODY):
        if _works(isolation):
            return isolation
    if any(map(os.path.exists, CONTAINERS)):
        return Isolation(lambda room, readable: [], "the container that this is: all that is in it is within their reach")
    return Isolation(lambda room, readable: [], "none. Students' code has all of your rights here: install bubblewrap, or use a container or an account with nothing to lose", True)


def _bubblewrap(room: Path, readable: Sequence[Path]) -> list[str]:
    hidden = [path for path in (Path("/home"), Path.home(), Path(tempfile.gettempdir())) if path.is_dir() and path != Path("/")]
    weights, program = os.environ.get("XAITUTOR_WEIGHTS_DIR"), getattr(sys.modules["__main__"], "__file__", None)
    needed = [sys.prefix, sys.base_prefix, PACKAGE, *filter(None, [weights, program]), *readable]  # a new process loads the program that started it
    shown = dict.fromkeys(str(Path(path).resolve()) for path in needed if Path(path).exists())
    here = process.ORIGINAL_DIR  # where it begins
    return ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
            *(word for path in hidden for word in ("--tmpfs", str(path))),
            *(["--dir", here] if any(Path(here).is_relative_to(path) for path in hidden) else []),
            *(word for path in shown for word in ("--ro-bind", path, path)),
            "--bind", str(room.resolve()), str(room.resolve()), "--chdir", str(room.resolve())]


def _nobody(room: Path, readable: Sequence[Path]) -> list[str]:
    import pwd

    nobody = pwd.getpwnam("nobody")
    os.chown(room, nobody.pw_uid, nobody.pw_gid)
    room.parent.chmod(0o711)  # to be passed, not to be read
    return ["env", f"HOME={room}", "setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]


BUBBLEWRAP = Isolation(_bubblewrap, "bubblewrap: no network, no other processes, no home folders, and nothing to write to but a folder of its own")
NOBODY = Isolation(_nobody, "the user nobody, who reads what everybody may read, and has the network")


def _works(isolation: Isolation) -> bool:
    """Does Python come up behind it, with the course, and can write where it has to?"""
    python = (sys.prefix, sys.base_prefix, sys.version)  # where a user may not read this one, another may come up
    code = (f"import sys; assert (sys.prefix, sys.base_prefix, sys.version) == {python!r}; sys.path.insert(0, {str(PACKAGE)!r}); "
            "import psutil, xaitutor.homework; open(sys.argv[1], 'w')")
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder, "room")
        room.mkdir()
        try:
            command = [*isolation.command(room, []), sys.executable, "-c", code, str(room.resolve() / "here")]
            return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
        except (OSError, KeyError, ImportError, subprocess.TimeoutExpired):  # no such program, no such user, no right to become one
            return False
