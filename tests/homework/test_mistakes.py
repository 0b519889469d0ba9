"""The tests of the assignments, hidden ones too: right answers pass, a mistake costs its own points and is named."""

import functools

import matplotlib
import pytest
import torch

from tests.homework.handed_in import replaced, run_here, run_mistaken, solutions
from tests.homework.mistakes import MISTAKES
from xaitutor import homework, menagerie
from xaitutor.homework import assignments

matplotlib.use("agg")
NAMES = assignments.names()


@pytest.fixture(autouse=True, scope="module")
def quick():
    """The same scenes are looked at with each mistake: they are drawn once. One thread is enough, and never waits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(menagerie.Scene, "render", functools.cache(menagerie.Scene.render))
        yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_pass(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_here(name, solutions(name)) == dict.fromkeys(homework.maximum(name), "")


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_gets_no_points(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = run_here(name, dict.fromkeys(solutions(name), "raise NotImplementedError"))
    assert set(said) == set(homework.maximum(name)) and all(said.values())


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_costs_its_own_points_and_is_named(mistake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = replaced(solutions(mistake.assignment)[mistake.task], mistake.old, mistake.new)
    said = run_mistaken(mistake.assignment, mistake.task, answer)
    wrong = {test: error for test, error in said.items() if error}
    assert set(wrong) == {mistake.test} and mistake.told in wrong[mistake.test]


def test_each_assignment_and_each_kind_of_mistake_is_there():
    assert len(MISTAKES) >= 12 and {mistake.assignment for mistake in MISTAKES} == set(NAMES)
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)
