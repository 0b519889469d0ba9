"""Files are written whole or not at all, and never over somebody's work; where one cannot be written, it is said why."""

import ast
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from xaitutor.files import new_files


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


NAMES = ["found.txt", "with spaces in it.txt", "Übungsblätter – größte.txt", "-leading-dash.txt", ".hidden", "no suffix", "a" * 200 + ".txt", "two.dots.tar.gz", "日本語.json"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name(tmp_path, name):
    for content in ("first\n", "second: ü\n", b"\x00bytes\r\n"):
        assert new_files.put(tmp_path / name, content) == tmp_path / name
        assert (tmp_path / name).read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert listed(tmp_path) == [name]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError, SystemExit])
def test_what_stood_there_stays_where_the_block_fails(tmp_path, error):
    path = new_files.put(tmp_path / "found", "old")
    with pytest.raises(error), new_files.whole(path) as own:
        own.write_text("half")
        raise error
    assert path.read_text() == "old" and listed(tmp_path) == ["found"]


@pytest.mark.parametrize("number, why", [
    (errno.ENOSPC, "the disk is full; make room"), (errno.EACCES, "you may not write there"), (errno.EROFS, "the disk can only be read"), (errno.EDQUOT, "your share of the disk")])
def test_it_is_said_why_a_file_cannot_be_written(tmp_path, monkeypatch, number, why):
    new_files.put(tmp_path / "found", "old")

    def refuses(self, content):
        with open(self, "wb") as file:
            file.write(content[:2])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", refuses)
    with pytest.raises(new_files.NotWritten, match=f"found cannot be written: {why}"):
        new_files.put(tmp_path / "found", "new text")
    assert (tmp_path / "found").read_text() == "old" and listed(tmp_path) == ["found"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_disk_that_is_full_indeed(tmp_path, monkeypatch):
    monkeypatch.setattr(new_files.Path, "with_name", lambda self, name: Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(new_files.NotWritten, match="the disk is full"):
        new_files.put(tmp_path / "found", "text")
    assert listed(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(new_files.NotWritten, match="you may not write there"):
        new_files.put(tmp_path / "found", "text")
    tmp_path.chmod(0o755)


@pytest.mark.parametrize("name, why", [("nowhere/found", "there is no such folder; make it first"), ("a" * 300, "its name is too long"), ("folder", "it is a folder"),
                                       ("file/found", "there is no such folder")])
def test_a_place_where_there_can_be_none(tmp_path, name, why):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(new_files.NotWritten, match=f"cannot be written: {why}"):
        new_files.put(tmp_path / name, "text")
    assert listed(tmp_path) == ["file", "folder"]


def test_many_files_are_never_written_over_others(tmp_path):
    new_files.write({tmp_path / "a" / "one": "1\n", tmp_path / "b" / "two": "2\n"})
    new_files.write({tmp_path / "a" / "one": "1\n", tmp_path / "c" / "three": "3\n"})
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for there in (tmp_path / "b" / "two", tmp_path / "bytes", tmp_path / "folder"):
        with pytest.raises(FileExistsError, match="exists and is another: it may hold somebody's work"):
            new_files.write({tmp_path / "new": "", there: "another\n"})
    with pytest.raises(new_files.NotWritten, match="a file is in the place of its folder"):
        new_files.write({tmp_path / "file" / "x": "text"})
    assert not (tmp_path / "new").exists()


def test_only_what_a_command_has_written_may_be_written_over(tmp_path):
    theirs = new_files.put(tmp_path / "photo.png", b"somebody's photo")
    with pytest.raises(FileExistsError, match="photo.png is there already, and this command has not written it; give another name, or --force"):
        new_files.require_room(theirs)
    new_files.require_room(theirs, force=True)
    new_files.require_room(new_files.put(tmp_path / "ours.png", b"..." + new_files.MARK.encode() + b"..."))
    new_files.require_room(tmp_path / "none.png")
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere; make it first"):
        new_files.require_room(tmp_path / "nowhere" / "a.png")
    with pytest.raises(new_files.NotWritten, match="it is a folder"):
        new_files.require_room(tmp_path)


WRITES = {"write_text", "write_bytes", "savefig", "savez", "save_file"}
OTHERS = {"files/new_files.py"}  # which is the one


def test_nothing_else_in_the_package_writes_files():
    """`whole` gives the path to whoever writes; a name ending in "own" is its."""
    package, found = Path(new_files.__file__).parents[1], []
    for path in package.rglob("*.py"):
        name = path.relative_to(package).as_posix()
        if name in OTHERS:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else getattr(getattr(node, "func", None), "id", None)
            into = ast.unparse(node) if isinstance(node, ast.Call) else ""
            if called in WRITES and "own" not in into and "buffer" not in into:
                found.append(f"{name}: {into[:80]}")
    assert found == []


def test_ctrl_c_while_a_file_is_written_leaves_none(tmp_path):
    code = ("import signal, sys, time; from pathlib import Path; from xaitutor.files import new_files; from xaitutor.progress import until_interrupted\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background inherits that it is ignored\n"
            "def slow():\n"
            "    with new_files.whole(sys.argv[1]) as own:\n"
            "        own.write_text('half'); print('ready', flush=True); time.sleep(60)\n"
            "sys.exit(until_interrupted(slow))")
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "found")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n" and len(listed(tmp_path)) == 1
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=600)
    assert process.returncode == 130 and error.strip() == "stopped" and listed(tmp_path) == []
