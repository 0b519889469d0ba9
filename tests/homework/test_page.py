"""docs/homework.md: its commands, as they stand there, take a class's archives to pages that Moodle takes back."""

import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat

from tests.homework.handed_in import filled, solutions
from xaitutor import cli

PAGE = (Path(__file__).parents[2] / "docs" / "homework.md").read_text("utf-8")
NAME = "Ada Lovelace_12345_assignsubmission_file"


def commands(beginning):
    """The indented commands of the page that begin so, as lists of words."""
    blocks = re.findall(r"(?:^ {4}.*\n)+", PAGE, re.MULTILINE)
    found = [shlex.split("".join(line[4:] for line in block.splitlines(keepends=True))) for block in blocks]
    return [words for words in found if words[0].endswith(beginning)]


def test_the_round_trip_by_the_pages_own_words(released, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    unpack, give_back = [[sys.executable, *words[1:]] for words in commands("python")]
    [grade] = [words[1:] for words in commands("xaitutor") if "grade" in words]
    handed_in = Path("handed_in", NAME)
    handed_in.mkdir(parents=True)
    nbformat.write(filled(released["part_1"], {"field": solutions("part_1")["field"]}), "part_1.ipynb")
    with zipfile.ZipFile(handed_in / "homework.zip", "w") as archive:
        archive.write("part_1.ipynb")
    subprocess.run(unpack, check=True)
    assert cli.main(grade) == 0 and f"{NAME}     4  no answer: neurons, one-of-three, convolve, correlate, window" in capsys.readouterr().out
    table = Path("graded", "part_1.csv")
    by_hand = table.read_text("utf-8").replace(",4.0,20.0,", ",5.0,20.0,")
    table.write_text(by_hand, "utf-8")
    shutil.copytree(handed_in, "handed_in/late", ignore=lambda folder, names: names)
    assert cli.main(grade) == 0 and table.read_text("utf-8").startswith(by_hand)
    subprocess.run(give_back, check=True)
    with zipfile.ZipFile("returned.zip") as archive:
        assert f"{NAME}/{NAME}.html" in archive.namelist()
