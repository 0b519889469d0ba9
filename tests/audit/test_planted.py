"""Planted faults: each is what it says, and the same again."""

import pytest
import torch

from xaitutor import audit


def test_the_same_seed_gives_the_same():
    for fault in ("random weights", "random head"):
        one, two = (audit.planted(fault, count=2, seed=3) for _ in range(2))
        assert torch.equal(one.x, two.x) and torch.equal(one.labels, two.labels)
        assert all(torch.equal(a, b) for a, b in zip(one.model.state_dict().values(), two.model.state_dict().values()))
    assert not torch.equal(one.x, audit.planted("nothing", count=2, seed=4).x)


def test_what_each_fault_changes():
    healthy = audit.planted("nothing", count=2)
    scale = healthy.options["preprocess"]
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (scale.mean, scale.std))
    p = healthy.x * std + mean
    wrong = {fault: audit.planted(fault, count=2) for fault in audit.FAULTS if "weights" not in fault}
    for fault, x in {"not normalised": p, "0-255": 255 * p, "normalised twice": (healthy.x - mean) / std, "BGR": (p.flip(1) - mean) / std}.items():
        torch.testing.assert_close(wrong[fault].x, x, atol=1e-4, rtol=1e-4)
    assert wrong["training mode"].model.training and wrong["wrong layer"].options["layer"] == "layer1"
    assert torch.equal(wrong["labels off by one"].labels, healthy.labels + 1)
    with torch.no_grad():
        torch.testing.assert_close(wrong["softmax inside"].model(healthy.x), healthy.model(healthy.x).softmax(1))
    head, same = (wrong["random head"].model.state_dict(), healthy.model.state_dict())
    assert {name for name in same if not torch.equal(head[name], same[name])} == {"fc.weight", "fc.bias"}


def test_every_fault_belongs_to_a_question():
    assert {question for question in audit.FAULTS.values() if question} <= set(audit.QUESTIONS)


@pytest.mark.parametrize("arguments, said", [(("noise",), "no fault 'noise'"), (("BGR", "resnet18"), "no network 'resnet18'")])
def test_what_is_not_there(arguments, said):
    with pytest.raises(ValueError, match=said):
        audit.planted(*arguments)
