"""README and CONTRIBUTING name files and commands that exist."""

import re
from pathlib import Path

import pytest
import torch
import torchvision
import yaml

from xaitutor import images

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ["README.md", "CONTRIBUTING.md", "docs/homework.md", "docs/classroom.md"]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TEXTS)
def test_every_file_that_is_linked_is_there(name):
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", read(name)) if "://" not in target]
    assert [target for target in targets if not any((folder / target).exists() for folder in (ROOT, (ROOT / name).parent))] == []


@pytest.mark.parametrize("name", TEXTS)
def test_every_make_command_is_there(name):
    commands = set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", read(name), re.MULTILINE))
    assert commands and commands <= set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))


def test_pictures_have_alternative_texts():
    assert all(len(alt) > 10 for alt in re.findall(r"!\[([^\]]*)\]", read("README.md")))


def test_the_workflow_runs_what_the_readme_says():
    jobs = yaml.safe_load(read(".github/workflows/test.yml"))["jobs"]
    commands = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    assert "python -m pytest" in commands
    [command] = [command for command in commands if command.startswith("make test PYTHON=python")]
    assert "make lab TORCH=cpu" in read("README.md") and "TORCH=" in command and "cpu" in command


def test_its_lines_for_ones_own_network_run(tmp_path, monkeypatch):
    """On a network that was never trained, and one photo."""
    monkeypatch.chdir(tmp_path)
    [code] = re.findall(r"```python\n(.*?)```", read("README.md"), re.DOTALL)
    torch.save(torchvision.models.resnet18(num_classes=3).state_dict(), "mine.pt")
    (tmp_path / "photos").mkdir()
    images.load_image("cat").resize((80, 60)).save("photos/cat.png")
    names = {}
    exec(code, names)
    assert names["heat"].shape == (1, 224, 224)
