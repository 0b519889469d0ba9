"""xaitutor.homework.workers: whatever a job does, there is an answer in time, and nothing is left running."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed (the extra 'homework')")

from tests.homework.odd import posix, wait_for
from xaitutor.homework import workers


@pytest.fixture(scope="module")
def worker():
    with closing(workers.Worker()) as worker:
        yield worker


def answer(worker, job, *arguments, seconds=100):
    worker.begin(job, *arguments, seconds=seconds)
    return wait_for(worker.answer)


def test_a_job_is_done_there(worker):
    assert worker.do(os.getpid) == worker.process.pid != os.getpid()


def test_an_error_comes_back_with_its_traceback(worker):
    error = answer(worker, divmod, 1, 0)
    assert isinstance(error, RuntimeError) and "ZeroDivisionError" in str(error)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        worker.do(divmod, 1, 0)


def test_a_job_that_exits_is_answered(worker):
    assert "SystemExit" in str(answer(worker, sys.exit, 1))


def orphan(file):
    """Leave a process running, in a session of its own, whose parent has ended."""
    code = f"import os, time\nos.setsid()\nopen({str(file)!r}, 'w').close()\nif os.fork() == 0: time.sleep(1000)"
    subprocess.run([sys.executable, "-c", code], check=True)
    return True


@posix
def test_what_a_job_has_left_running_is_ended(worker, tmp_path):
    assert answer(worker, orphan, tmp_path / "here") and (tmp_path / "here").exists() and worker.orphans == 1
    assert answer(worker, os.getpid) and worker.orphans == 0
    assert workers.end(worker.mark) == 0


@posix
def test_ctrl_c_is_not_for_a_worker(worker):
    number = worker.do(os.getpid)
    os.kill(number, signal.SIGINT)
    assert worker.do(os.getpid) == number


@posix
def test_a_job_gets_no_more_memory_than_there_is_for_it(worker):
    assert "MemoryError" in str(answer(worker, bytearray, workers.MEMORY))


def too_large(file):
    with open(file, "wb") as file:
        file.truncate(workers.FILE + 1)


@posix
def test_a_job_can_write_no_file_that_fills_the_disk(worker, tmp_path):
    assert "File too large" in str(answer(worker, too_large, tmp_path / "file"))


def test_one_that_does_not_end_is_stopped_and_one_that_ended_is_replaced(worker):
    assert worker.do(os.getpid)
    begun = time.monotonic()
    assert isinstance(answer(worker, time.sleep, 1000, seconds=1), TimeoutError) and time.monotonic() - begun < 300
    assert isinstance(answer(worker, os._exit, 1), EOFError)
    assert worker.do(abs, -1) == 1
