"""A process that does one job after the other, and that can be ended together with all that its jobs have started.

nbgrader always works in such a process: what it logs, and what a student's code does, stays there. As importing it
takes as long as running some notebooks, a worker is kept for the next job.

Kernels live in sessions of their own, and what they start may live on when they end, in yet other sessions. So workers
mark their environment: whatever they start inherits the mark, and is found by it.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import shlex
import signal
import sys
import tempfile
import time
import traceback
import uuid
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import spawn
from pathlib import Path

import psutil

from xaitutor.files import new_files

MARK = "XAITUTOR_WORKER"
BEGUN = "begun"  # what a worker says first of each job: it has left the import of nbgrader behind
MEMORY = max(4 * 2**30, psutil.virtual_memory().total // 4)  # bytes for each process
FILE = 2**30  # bytes for each file that is written
NEED = 1.5 * 2**30  # bytes that a worker and its kernel take in a usual submission, and some room


def how_many() -> int:
    """How many can work at a time: one for each core that this process may use, as far as there is memory for them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(_free() // NEED)))


def _free() -> int:
    """Bytes of memory that are free, in the container, or the job of a batch system, that this is."""
    free = psutil.virtual_memory().available
    with suppress(OSError, ValueError):  # no such limit
        group = Path("/sys/fs/cgroup")
        free = min(free, int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return free


class Worker:
    """A process for jobs. Where it ends, or has to be ended, another takes its place. behind: the words before the command that starts it."""

    def __init__(self, behind: Sequence[str] = ()):
        self.mark, self.process = uuid.uuid4().hex, None
        self.folder = tempfile.TemporaryDirectory()  # out of the reach of its jobs
        self.python = _script([*behind, sys.executable], Path(self.folder.name)) if behind else sys.executable
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, self.mark), daemon=True)
        python = spawn.get_executable()
        spawn.set_executable(self.python)  # it knows one for all processes
        try:
            self.process.start()
        finally:
            spawn.set_executable(python)
        theirs.close()

    def begin(self, job, *arguments, seconds: float = math.inf) -> None:
        """Have `job(*arguments)` done, within so many seconds."""
        if self.process is None or not self.process.is_alive():
            self.close()
            self._start()
        self.seconds, self.end, self.orphans = seconds, math.inf, 0
        with suppress(OSError):  # it has ended this moment: `answer` will tell
            self.connection.send((job, arguments))

    def answer(self):
        """What the job returned; None as long as it goes on. Or an exception: a RuntimeError with the traceback of what
        it raised, EOFError where the worker came to an end, TimeoutError where the time was over."""
        try:
            while self.connection.poll():
                answer = self.connection.recv()
                if answer != BEGUN:
                    self.orphans = end(self.mark)
                    return answer
                self.end = time.monotonic() + self.seconds
            late = time.monotonic() > self.end
            ended = TimeoutError(f"it did not end within {self.seconds:g} seconds") if late else None
        except (EOFError, OSError):
            ended = EOFError("the process that worked on it has ended")
        if ended:
            self.close()
        return ended

    def do(self, job, *arguments):
        """`job(*arguments)` from there, or RuntimeError with the traceback from there."""
        self.begin(job, *arguments)
        while (answer := self.answer()) is None:
            self.connection.poll(1)
        if isinstance(answer, Exception):
            raise RuntimeError(str(answer))
        return answer

    def close(self) -> None:
        """End the process, and whatever it has started."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
            self.process = None
            end(self.mark)


def _script(words: Sequence[str], folder: Path) -> str:
    """A command as one program: multiprocessing takes no more."""
    script = new_files.put(folder / "python", f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    script.chmod(0o700)
    return str(script)


def end(mark: str) -> int:
    """Kill all processes with that mark, and what descends from them; how many there were."""
    killed = set()
    for _ in range(20):  # they may start others meanwhile
        marked = [process for process in psutil.process_iter() if _marked(process, mark)]
        if not marked:
            break
        for process in {*marked, *(child for parent in marked for child in _children(parent))}:
            with suppress(psutil.Error):
                process.kill()
                killed.add(process.pid)
        time.sleep(0.05)
    return len(killed)


def _marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark
    except (psutil.Error, OSError):  # somebody else's, or just gone
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _work(connection, mark: str) -> None:
    """What a worker does: wait for a job, do it, send back what came of it."""
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the process that started us, and it ends us
    # Warnings and progress bars go to stderr, which nbgrader takes for a failed test; each worker has a core.
    os.environ.update({"PYTHONWARNINGS": "ignore", "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1", MARK: mark})
    for output in (1, 2):  # of kernels, too
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    _limit()
    _import_nbgrader()
    while True:
        try:
            job, arguments = connection.recv()
        except EOFError:
            return
        connection.send(BEGUN)
        try:
            answer = job(*arguments)
        except BaseException:  # nbgrader may even exit
            answer = RuntimeError(traceback.format_exc())
        connection.send(answer)


def _import_nbgrader() -> None:
    """In less than half its time."""
    sys.modules.setdefault("rfc3987_syntax", None)  # jsonschema would compile a grammar of web addresses
    import nbgrader.api
    import nbgrader.converters

    # A command would tell it, in seconds, and for the sake of later migrations: our gradebooks live for minutes.
    nbgrader.api.get_alembic_version = lambda: "unknown"


def _limit() -> None:
    """What this process, and each that it starts, may have of memory and write into a file. Not on Windows."""
    try:
        import resource
    except ImportError:
        return
    # Of memory that is a process's own: libraries, which are mapped from files, may be larger.
    for kind, most in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_FSIZE, FILE), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):  # there is a lower limit already
            resource.setrlimit(kind, (most, most))
