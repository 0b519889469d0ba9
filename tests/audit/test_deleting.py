"""Deletion: the right map, the wrong one, and too few pictures."""

import torch

from xaitutor import audit
from xaitutor.audit.deleting import elsewhere
from xaitutor.audit.findings import ALARM, DOUBT, FINE, UNKNOWN
from xaitutor.menagerie import Dataset

QUESTION = "Does deleting what it marks matter more?"


def ask(method, count=6, fault="nothing"):
    model, x, _, _ = audit.planted(fault, count=count)
    return audit.audit(model, x, method=method, questions=[QUESTION])[0]


def things(model, x, target):
    """Where the animals are."""
    data = Dataset(6, "test", 1000)
    return torch.from_numpy(data.scene(0).render().mask)[None, None].float() if len(x) == 1 else torch.stack(
        [torch.from_numpy(data.scene(index).render().mask)[None].float() for index in range(len(x))])


def test_the_truth_is_better_than_elsewhere_and_the_background_worse():
    assert ask(things).verdict == FINE
    assert ask(lambda *given: 1 - things(*given)).verdict == ALARM


def test_one_picture_is_one_picture():
    finding = ask(things, count=1)
    assert finding.verdict == UNKNOWN and finding.numbers["difference"] > 0


def test_where_nothing_matters():
    assert ask(things, fault="random head").verdict == DOUBT


def test_elsewhere_is_the_same_map_in_another_place():
    heat = torch.zeros(3, 16, 24)
    heat[:, 8, 12] = 1
    rolled = elsewhere(heat, 3)
    assert torch.equal(rolled.flatten(1).sort().values, heat.flatten(1).sort().values) and torch.equal(rolled, elsewhere(heat, 3))
    for one in rolled:
        row, column = divmod(int(one.argmax()), 24)
        assert abs(row - 8) >= 4 and abs(column - 12) >= 6
