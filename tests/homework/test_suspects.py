"""xaitutor.homework.suspects: each name has a fault that its owner can find and repair, and nothing that is handed out says which."""

import functools
from collections import Counter

import nbformat
import pytest
import torch

from tests.homework.handed_in import at
from xaitutor import menagerie
from xaitutor.checks.verdict import Wrong
from xaitutor.homework import assignments, key, suspects

CELLS = nbformat.read(assignments.source("part_5"), as_version=4).cells


@pytest.fixture(autouse=True, scope="module")
def few_scenes():
    """All names get the same scenes, which are drawn once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suspects, "SEEDS", 1)
        patch.setattr(menagerie.Scene, "render", functools.cache(menagerie.Scene.render))
        yield


@functools.cache
def of_each_fault():
    """A name for each fault."""
    return {key.fault(f"student {i}"): f"student {i}" for i in range(60)}


def test_names_spread_over_all_faults_and_every_name_has_one():
    found = Counter(key.fault(f"student {i}") for i in range(700))
    assert set(found) == set(suspects.FAULTS) and min(found.values()) > 70
    assert all(key.fault(name) in suspects.FAULTS for name in ("Ö", "李", "a" * 10_000, "O'Neill-Žižek"))


def test_the_same_name_gets_the_same_bits():
    one, two, other = (suspects.for_student(*who) for who in (("Ada  Lovelace ",), ("ada lovelace",), ("Ada Lovelace", 1)))
    assert torch.equal(one.x, two.x) and torch.equal(one.labels, two.labels) and one.model.training == two.model.training
    assert all(torch.equal(a, b) for a, b in zip(one.model.state_dict().values(), two.model.state_dict().values()))
    assert not torch.equal(one.x, other.x) and sorted(one.labels.tolist()) == sorted(other.labels.tolist())


def test_printing_does_not_tell():
    assert len({repr(suspects.for_student(name).model) for name in of_each_fault().values()}) == 1
    assert len({type(suspects.for_student(name).preprocess) for name in of_each_fault().values()}) == 1


@pytest.mark.parametrize("name", ["", "  ", "123"])
def test_a_name_has_letters(name):
    with pytest.raises(ValueError, match="write your own"):
        suspects.for_student(name)


@pytest.mark.parametrize("fault", suspects.FAULTS)
def test_the_homeworks_solution_finds_and_repairs_it_and_nothing_done_is_not_enough(fault):
    code = [cell.source for cell in CELLS[:at(CELLS, "test-audit-evidence") + 1] if cell.cell_type == "code" and "nbgrader" not in cell.metadata]
    names = {"__name__": "__main__"}
    for source in (code[0], *code[-2:]):  # imports; the student's case; how sure and how right
        exec(source.replace('"Clever Hans"', repr(of_each_fault()[fault])), names)
    tests = [CELLS[at(CELLS, f"test-audit-{test}")].source for test in ("verdict", "repaired", "evidence")]
    for source in (CELLS[at(CELLS, "audit")].source, *tests):
        exec(source, names)
    assert names["verdict"] == fault
    names["repaired"] = lambda model, x, labels: (model, x, labels)
    with pytest.raises(Wrong):
        exec(tests[1], names)
