"""Referees before the truth: who says what the truth says is right, who says the opposite is wrong, and what was written down can be computed again."""

import numpy as np
import pytest
import torch

from xaitutor.referees import faithfulness, judged
from xaitutor.truth import controls, networks, scoreboard
from xaitutor.truth.given import contestant
from xaitutor.truth.situations import pictures, situations

NETWORK = "menagerie_resnet18"


@pytest.fixture
def planted(monkeypatch):
    """A referee that gives each method what `say` makes of its true class contrast."""

    def plant(say):
        truth = scoreboard.read()["values"]
        rows = {network: {name: [say(v / 100) for v in row[: judged.SCENES]] for name, row in scored["class_contrast"].items() if len(row) >= judged.SCENES}
                for network, scored in truth.items()}
        monkeypatch.setattr(judged, "read", lambda: {"values": {network: {"insertion": row} for network, row in rows.items()}})

    return plant


@pytest.mark.parametrize("say, agreement, share", [(lambda v: v, 1, 1), (lambda v: -v, -1, 0), (lambda v: 3 * v + 7, 1, 1), (lambda v: 0.0, 0, 0.5)])
def test_who_says_what_is_true_is_right(planted, say, agreement, share):
    planted(say)
    assert judged.agreement("insertion").value == pytest.approx(agreement, abs=2e-3)  # methods that are equal to the last bit may change places
    assert judged.right_pairs("insertion").value == pytest.approx(share)


def test_less_is_better_where_it_is_said_to_be(monkeypatch):
    truth = scoreboard.read()["values"]
    rows = {network: {"deletion": {name: [-v for v in row[: judged.SCENES]] for name, row in scored["class_contrast"].items()}} for network, scored in truth.items()}
    monkeypatch.setattr(judged, "read", lambda: {"values": rows})
    assert judged.agreement("deletion").value == pytest.approx(1, abs=2e-3)


def test_chance_agrees_with_nobody(planted):
    random = np.random.default_rng(0)
    planted(lambda v: random.normal())
    assert abs(judged.agreement("insertion").value) < 0.35 and 0.3 < judged.right_pairs("insertion").value < 0.7


def test_left_out_are_left_out_and_one_network_is_one():
    everything = judged.agreement("deletion", only=[NETWORK])
    assert judged.by_network("deletion")[NETWORK] == everything
    assert judged.agreement("deletion", only=[NETWORK], without=["gradient", "guided_backprop"]) != everything


def test_each_referee_has_values_for_all_scenes_and_no_method_is_missing():
    for network, found in judged.read()["values"].items():
        assert set(found) == set(judged.REFEREES) and len(found["deletion"]) >= 25
        assert set(controls.CONTROLS) < set(found["gini"])
        assert all(len(row) == judged.SCENES for rows in found.values() for row in rows.values()), network


@pytest.mark.parametrize("name", ["gradient", "gradient_x_input", "sobel"])
def test_what_is_written_down_comes_out_again(name):
    """The first four scenes of a slope, of contributions, and of a control, to rounding; pixels as hot as each other to float32 may change places."""
    cast, network = situations(range(4)), networks.network(NETWORK)
    drawn, labels = pictures([s.scene for s in cast]), torch.tensor([s.label for s in cast])
    x = network.inputs(drawn.images)
    found = judged._values(contestant(name), network, x, labels, faithfulness.falls(network.model, x, labels), torch.from_numpy(drawn.objects))
    stored = judged.read()["values"][NETWORK]
    for referee in judged.REFEREES:
        if referee != "consensus":
            np.testing.assert_allclose(np.asarray(found[referee], float), stored[referee][name][:4], atol=0.02, err_msg=referee)


@pytest.mark.parametrize("call, message", [(lambda: judged.agreement("vote"), "no referee 'vote'"), (lambda: judged.agreement("gini", "beauty"), "no question 'beauty'"),
                                           (lambda: judged.right_pairs("gini", only=["alexnet"]), "no network 'alexnet'")])
def test_unknown_names(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_statistic_is_averaged_over_networks_and_its_interval_is_of_scenes():
    given, true = np.random.default_rng(3).normal(size=(2, 2, 4, 30))
    tables = [judged._Table(["a", "b", "c", "d"], *both) for both in zip(given, true)]
    largest = lambda given, true: given.max(axis=-1) - true.min(axis=-1)  # noqa: E731
    found = judged._over_scenes(tables, [largest, largest])
    assert found.value == pytest.approx(np.mean([largest(one.mean(-1), other.mean(-1)) for one, other in zip(given, true)]))
    assert found.low < found.value < found.high and found.high - found.low < 1
