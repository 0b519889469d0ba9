"""xaitutor.course.environment: each thing that can be wrong is found, named and explained."""

import hashlib
import platform
from collections import namedtuple

import psutil
import pytest

from xaitutor.course import environment
from xaitutor.files import data_files


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An own data folder with two files and their sums."""
    monkeypatch.setattr(data_files, "DATA", tmp_path)
    (tmp_path / "models").mkdir()
    contents = {"models/net.safetensors": b"weights" * 100, "photo.png": b"pixels"}
    lines = []
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    (tmp_path / data_files.SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")
    return tmp_path


def failures(lines):
    return [line.text for line in lines if not line.ok]


def test_this_machine_is_ready(data):
    lines = list(environment.check())
    assert failures(lines) == []
    texts = "\n".join(map(str, lines))
    for expected in (f"OK    Python {platform.python_version()}", "OK    torch 2", "OK    embedded files: 2", "OK    GPU"):
        assert expected in texts


def test_a_line_says_ok_or_fail():
    assert str(environment.Line(True, "Python 3.12")) == "OK    Python 3.12"
    assert str(environment.Line(False, "Python 3.9")) == "FAIL  Python 3.9"


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(platform, "python_version", lambda: "3.9.18")
    line = environment.python()
    assert not line.ok and "3.9.18" in line.text and ">=3.11" in line.text


def test_missing_and_old_packages(monkeypatch):
    asked = ["numpy>=1", "numpy>=99", "no-such-package>=1.5", "scipy>=99; extra == 'test'"]
    monkeypatch.setattr(environment.metadata, "requires", lambda name: asked)
    fine, old, missing = environment.packages()
    assert fine.ok and fine.text.startswith("numpy ")
    assert not old.ok and "the course needs numpy>=99" in old.text and "make lab" in old.text
    assert not missing.ok and "no-such-package is missing" in missing.text and "make lab" in missing.text


@pytest.mark.parametrize("broken, module", [("torch", "torch"), ("torchvision", "xaitutor.vision")])
def test_a_build_that_does_not_load(monkeypatch, broken, module):
    def import_module(name):
        if name == module:
            raise OSError("libcudart.so.13: cannot open shared object file\nand more")

    monkeypatch.setattr(environment, "import_module", import_module)
    line = environment.loads_torch()
    assert not line.ok and line.text.startswith(f"{broken} does not load: libcudart.so.13: cannot open shared object file;")


def test_without_torch_the_other_lines_still_come(monkeypatch, data):
    def import_module(name):
        if name == "torch":
            raise ImportError

    monkeypatch.setattr(environment, "import_module", import_module)
    lines = list(environment.check())
    assert len(failures(lines)) == 1 and "torch does not load: ImportError" in failures(lines)[0]
    assert lines[-1].text.startswith("GPU") and any("embedded files" in line.text for line in lines)


def test_without_packaging_the_other_lines_still_come(monkeypatch, data):
    def import_module(name):
        if name == "packaging":
            raise ImportError("No module named 'packaging'")

    monkeypatch.setattr(environment, "import_module", import_module)
    lines = list(environment.check())
    assert len(failures(lines)) == 1 and "packaging" in failures(lines)[0]
    assert any("memory" in line.text for line in lines)


def test_whole_files(data):
    assert [line.text for line in environment.files()] == ["embedded files: 2, each with its SHA-256"]


def change(path):
    path.write_bytes(path.read_bytes().replace(b"weights", b"WEIGHTS", 1))


def cut_off(path):
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize("damage, word", [(change, "changed"), (cut_off, "cut off"), (lambda path: path.unlink(), "missing")])
def test_a_damaged_file(data, damage, word):
    damage(data / "models" / "net.safetensors")
    lines = list(environment.files())
    assert len(lines) == 1 and not lines[0].ok
    assert "net.safetensors" in lines[0].text and word in lines[0].text and "git checkout" in lines[0].text


def test_two_damaged_files_have_a_line_each(data):
    cut_off(data / "models" / "net.safetensors")
    (data / "photo.png").unlink()
    assert len(failures(environment.files())) == 2


@pytest.mark.parametrize("content, word", [(None, "missing"), ("", "names none"), ("not a sum\n", "line 1")])
def test_a_damaged_list_of_sums(data, content, word):
    sums = data / data_files.SUMS
    sums.unlink() if content is None else sums.write_text(content)
    lines = list(environment.files())
    assert len(lines) == 1 and not lines[0].ok and word in lines[0].text


def test_little_memory(monkeypatch):
    Memory = namedtuple("Memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(available=environment.MEMORY // 4))
    line = environment.memory()
    assert not line.ok and "0.5 GB free, the course needs 2" in line.text
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(available=environment.MEMORY))
    assert environment.memory().ok


def test_no_gpu_is_fine():
    assert environment.gpu(torch_loads=False) == environment.Line(True, "GPU: none, and none is needed")


def test_a_gpu_is_named(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Fast 1000")
    assert environment.gpu(torch_loads=True) == environment.Line(True, "GPU: Fast 1000")
