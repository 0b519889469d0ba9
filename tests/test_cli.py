"""The command `xaitutor`: what it prints, and its exit status."""

import os
import subprocess
import sys

import pytest

from xaitutor import cli, environment, models


@pytest.mark.parametrize(
    "results, status, last",
    [([True, True], 0, "OK    1"), ([True, False], 1, "1 of these needs attention."),
     ([False, False], 1, "2 of these need attention.")],
)
def test_check(monkeypatch, capsys, results, status, last):
    monkeypatch.setattr(environment, "check", lambda: (environment.Line(ok, str(i)) for i, ok in enumerate(results)))
    assert cli.main(["check"]) == status
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [["OK" if ok else "FAIL", str(i)] for i, ok in enumerate(results)]
    assert lines[-1] == last


def test_check_helps_where_torch_is_broken(tmp_path):
    """The whole command, in a Python whose torch raises as soon as it is imported."""
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch_cpu.so: undefined symbol')")
    run = subprocess.run([sys.executable, "-m", "xaitutor.cli", "check"], capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": str(tmp_path)}, timeout=300)
    assert run.returncode == 1, run.stderr
    assert "FAIL  torch does not load: libtorch_cpu.so: undefined symbol" in run.stdout
    assert "OK    numpy" in run.stdout and "GPU" in run.stdout and run.stderr == ""


def test_download_prints_where_the_file_is(monkeypatch, capsys, tmp_path):
    asked = []
    monkeypatch.setattr(models, "download", lambda name: asked.append(name) or tmp_path / "resnet18.pth")
    assert cli.main(["download", "resnet18"]) == 0
    assert asked == ["resnet18"]
    assert capsys.readouterr().out.strip() == str(tmp_path / "resnet18.pth")


@pytest.mark.parametrize("error", [ValueError("no such network"), ConnectionError("no network"), OSError("disk is full")])
def test_download_says_what_went_wrong(monkeypatch, capsys, error):
    def fail(name):
        raise error

    monkeypatch.setattr(models, "download", fail)
    assert cli.main(["download", "resnet18"]) == 1
    assert capsys.readouterr().err.strip() == str(error)


@pytest.mark.parametrize("arguments", [[], ["paint"], ["download"], ["check", "everything"]])
def test_a_wrong_command_is_explained(arguments, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(arguments)
    assert exit.value.code == 2
    assert "usage: xaitutor" in capsys.readouterr().err


def test_the_package_is_light():
    """`import xaitutor`, and the command's own modules, load nothing heavy."""
    code = ("import sys, xaitutor, xaitutor.cli, xaitutor.environment, xaitutor.exercises\n"
            "print(*sorted({'torch', 'torchvision', 'matplotlib', 'ipywidgets', 'numpy', 'IPython'} & set(sys.modules)))")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == ""
