"""Three hundred odd calls of every public function that asks a network: each is right or refused clearly. `make hostile` makes three thousand.

A failure prints its seed: `from tests.hostile.cases import call, outcome; outcome(call(seed))` does it again.
"""

import pytest
import torch

from tests.hostile import cases, right
from tests.hostile.networks import CHANNELS, ODD, TORCHVISION, network
from xaitutor.attribution import METHODS

CASES, CHUNK = 300, 60


@pytest.mark.parametrize("first", range(0, CASES, CHUNK))
def test_odd_calls_are_right_or_refused(first, capsys):
    failures = []
    counts = cases.tally(range(first, first + CHUNK), failures.append)
    with capsys.disabled():
        print(f" [{', '.join(f'{count} {verdict}' for verdict, count in sorted(counts.items()))}] ", end="")
    assert not failures, "\n" + "\n".join(failures)
    assert counts["right"] > CHUNK / 10 and counts["refused"] > CHUNK / 4


@pytest.mark.parametrize("name", TORCHVISION)
def test_the_gradient_of_each_family_is_right(name):
    size = TORCHVISION[name][0]
    of = cases.Call(1, "gradient", name, x=torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(5)), target=2)
    verdict, words = cases.outcome(of)
    assert verdict == "right", words


def test_calls_are_of_all_kinds():
    drawn = [cases.call(seed) for seed in range(3000)]
    assert {of.function for of in drawn} == set(right.CHECKS) >= set(METHODS)
    assert {of.network for of in drawn} == {*TORCHVISION, *ODD} and {of.made for of in drawn} == set(cases.MADE)
    assert str(cases.call(7)) == str(cases.call(7))


# The harness itself: planted faults are found


def plant(monkeypatch, function, ask):
    monkeypatch.setitem(right.CHECKS, function, right.CHECKS[function]._replace(ask=ask))
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return cases.outcome(cases.Call(0, function, "plain", x=x, target=1))


def honest(name, change=lambda found: found):
    return lambda model, x, target, options: change(METHODS[name].function(model, x, target, **options))


def test_a_right_answer_is_right(monkeypatch):
    for name in ("gradient", "gradient_x_input", "occlusion", "grad_cam"):
        assert plant(monkeypatch, name, honest(name)) == ("right", "")


@pytest.mark.parametrize("name, change", [
    ("gradient", lambda g: 1.5 * g), ("gradient", lambda g: -g), ("gradient", lambda g: g.flip(0)), ("gradient", lambda g: g.transpose(2, 3)), ("gradient_x_input", lambda a: a.abs()),
    ("occlusion", lambda a: a.flip(2)), ("grad_cam", lambda a: a.mean(dim=(2, 3), keepdim=True)), ("smoothgrad", lambda a: a + a.mean()), ("lrp", lambda a: a / 2),
    ("gradient", lambda g: g.requires_grad_()), ("gradient", lambda g: g * torch.nan)])
def test_a_wrong_answer_is_silent(monkeypatch, name, change):
    assert plant(monkeypatch, name, honest(name, change))[0] == "silent"


def test_an_answer_where_there_is_none_is_silent(monkeypatch):
    x = torch.full((1, 3, 8, 8), torch.nan)
    monkeypatch.setitem(right.CHECKS, "gradient", right.CHECKS["gradient"]._replace(ask=lambda *given: torch.zeros(1, 3, 8, 8)))
    assert cases.outcome(cases.Call(0, "gradient", "plain", x=x, must_refuse=["nan"])) == ("silent", "answered in spite of nan")


def raising(error):
    def ask(*given):
        raise error
    return ask


@pytest.mark.parametrize("ask", [raising(RuntimeError("sizes of tensors must match")), raising(ValueError("raised by somebody else, in one clear line")), lambda *_: {}["a"]])
def test_somebody_elses_error_is_raw(monkeypatch, ask):
    assert plant(monkeypatch, "gradient", ask)[0] == "raw"


def test_a_trace_is_found(monkeypatch):
    def ask(model, x, target, options):
        model.zero_grad()
        model(x).sum().backward()
        return METHODS["gradient"].function(model, x, target)

    assert plant(monkeypatch, "gradient", ask)[0] == "trace"
    network.cache_clear()
    assert plant(monkeypatch, "gradient", lambda model, x, target, options: METHODS["gradient"].function(model, x.add_(1), target))[0] == "trace"
    assert plant(monkeypatch, "gradient", lambda model, x, target, options: (torch.rand(1), METHODS["gradient"].function(model, x, target))[1])[0] == "trace"


def test_channels_of_the_odd_networks():
    assert all(network(name).conv1.in_channels == channels for name, channels in CHANNELS.items())
