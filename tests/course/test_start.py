"""xaitutor.course.start: the notebooks laid out in a folder of one's own, never over somebody's work."""

import subprocess

from xaitutor import cli
from xaitutor.course import start
from xaitutor.files import data_files


def test_all_notebooks_are_laid_out_and_none_of_the_homework(tmp_path):
    first = start.lay_out(tmp_path / "my course")
    assert first.name == "00_start_here.ipynb" and first.is_file()
    there = sorted(path.name for path in first.parent.rglob("*"))
    assert there == sorted(path.name for path in data_files.folder("notebooks").glob("*.ipynb")) and len(there) >= 15


def test_what_somebody_changed_stays_and_what_is_missing_comes_back(tmp_path):
    first = start.lay_out(tmp_path)
    first.write_text("my notes", "utf-8")
    (tmp_path / "03_convolution.ipynb").unlink()
    start.lay_out(tmp_path)
    assert first.read_text("utf-8") == "my notes" and (tmp_path / "03_convolution.ipynb").is_file()


def test_the_command_opens_the_first_one_in_its_folder(tmp_path, monkeypatch, capsys):
    asked = []

    class Lab:
        """JupyterLab, which asks after the first Ctrl-C whether it is meant, and ends after the second."""

        def __init__(self, command):
            asked.append(command)
            self.interrupts = 2

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def wait(self):
            self.interrupts -= 1
            if self.interrupts >= 0:
                raise KeyboardInterrupt
            return 3

    monkeypatch.setattr(subprocess, "Popen", Lab)
    assert cli.main(["start", str(tmp_path)]) == 3
    assert f"--ServerApp.root_dir={tmp_path.resolve()}" in asked[0] and "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in asked[0]
    assert str(tmp_path) in capsys.readouterr().out


def test_a_folder_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["start", str(tmp_path / "file" / "inside")]) == 1
    assert "file" in capsys.readouterr().err
