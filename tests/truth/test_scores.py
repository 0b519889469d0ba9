"""The whole way: planted lies, and what does not look."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from tests.truth.conftest import SCENES
from xaitutor.truth import drawing, scores
from xaitutor.truth.coalitions import coalition_values
from xaitutor.truth.given import contestant
from xaitutor.truth.scores import QUESTIONS, score
from xaitutor.truth.shapley import shapley_values
from xaitutor.truth.situations import pictures


@pytest.fixture(scope="module")
def oracle(cast, judged, true):
    """What knows the truth: a map whose regions add up to φ of the class and the network that it is asked about."""
    scenes = [s.scene for s in cast] + [s.changed for s in cast]
    drawn = pictures(scenes)
    keys = {network.inputs(drawn.images[i : i + 1]).numpy().tobytes(): i for network in judged[:1] for i in range(len(scenes))}
    phi = {id(network.model): shapley_values(coalition_values([network], scenes[: len(scenes) if network is judged[0] else SCENES])[0])
           for network in judged}
    masks = drawn.regions.reshape(len(scenes), 6, -1).astype(float)

    def explain(model, x, target):
        maps = []
        for picture, class_ in zip(x, target.tolist()):
            i = keys[picture[None].numpy().tobytes()]
            wanted = phi[id(model)][i, class_]
            maps.append(np.linalg.lstsq(masks[i], wanted, rcond=None)[0].reshape(1, 128, 128))
        return torch.from_numpy(np.stack(maps))

    return explain


@pytest.fixture
def same_networks(judged, monkeypatch):
    """`score` asks the very networks that the oracle knows."""
    monkeypatch.setattr(scores.networks, "network", lambda which: judged[0])
    monkeypatch.setattr(scores.networks, "partner", lambda network: judged[1])


@pytest.mark.parametrize("sign", [1, -1])
def test_who_returns_the_truth_gets_1_and_who_returns_its_opposite_minus_1(oracle, same_networks, sign):
    found = score(lambda model, x, target: sign * oracle(model, x, target), scenes=SCENES)
    for question in QUESTIONS:
        assert getattr(found, question) == pytest.approx((sign, sign, sign)), question


def test_the_pooled_correlation_knows_them_too(oracle, cast, judged):
    found = scores.records([contestant(oracle)], judged[:1], judged[1:], SCENES)
    mine, other = (found[contestant(oracle).name, network.name] for network in judged)
    assert all(scores.pooled(mine, other)[f"{question}_pearson"].value == pytest.approx(1) for question in QUESTIONS)


@pytest.mark.parametrize("name", ["random", "centre", "sobel", "fem"])
def test_what_does_not_look_scores_exactly_0(name):
    found = score(name, scenes=SCENES)
    assert found.class_contrast == (0, 0, 0)
    assert (found.network_contrast == (0, 0, 0)) == (name != "fem")
    assert found.passes == ((1, 0) if name == "fem" else (0, 0))


def test_what_ignores_the_class_only_looks_at_the_network(oracle, same_networks):
    found = score(lambda model, x, target: oracle(model, x, 0 * target), scenes=SCENES)
    assert found.class_contrast == (0, 0, 0) and found.network_contrast != (0, 0, 0)
    assert found.rank.value < 1


def test_columns_by_name(cast, judged):
    found = scores.records([contestant("gradient")], judged[:1], judged[1:], SCENES)
    mine, other = (found["gradient", network.name] for network in judged)
    assert mine.signed.shape == (3, SCENES, 6) and other.signed.shape == (1, SCENES, 6)
    values = scores.columns(mine, other)
    assert list(values) == [*QUESTIONS, *(f"{q}_unsigned" for q in QUESTIONS), "pointing", "mass", "parts"]
    assert all(value.shape == (SCENES,) for value in values.values())
    whole = shapley_values(coalition_values(judged[:1], [s.scene for s in cast])[0])
    assert mine.phi.shape == (3, SCENES, 6)
    np.testing.assert_allclose(mine.phi[0], [whole[i, s.label] for i, s in enumerate(cast)], atol=1e-9)


def test_the_strongest_other_is_never_the_true_class():
    logits = np.array([[5.0, 1, 3], [0, 9, 2], [1, 2, 3]])
    assert scores.strongest_other(logits, np.array([0, 0, 2])).tolist() == [2, 1, 1]


def test_parts_that_cannot_be_told_apart_have_no_order():
    effects = np.array([[0, 0, 0, 0, scores.SPREAD], [0, 0, 0, 0, scores.SPREAD / 2]])
    given = np.array([[0, 0, 0, 0, 1, 9.0]] * 2)
    found = scores.parts_ranking(given, effects)
    assert found[0] == pytest.approx(1) and np.isnan(found[1])


class Tiny(nn.Module):
    """Class 0 looks at the middle of the picture, all others at nothing."""

    def forward(self, x):
        return torch.cat([x[:, :, 40:100].mean(dim=(1, 2, 3))[:, None], torch.zeros(len(x), 11)], dim=1)


def test_a_network_of_ones_own(monkeypatch):
    module = SimpleNamespace(build=Tiny)
    monkeypatch.setitem(sys.modules, "somebodys", module)
    drawn = np.random.default_rng(0).integers(0, 255, (3, 32, 128, 128, 3), dtype=np.uint8)
    monkeypatch.setattr(drawing, "draw", lambda scenes: (drawn for _ in scenes))
    found = score("gradient", "somebodys:build", scenes=2)
    assert (found.network, found.partner, found.scenes) == ("somebodys:build", "menagerie_resnet18", 2)


def test_cam_cannot_be_used_where_there_is_no_linear_head():
    with pytest.raises(ValueError, match="CAM needs a network with a linear head; menagerie_vgg has none"):
        score("cam", "menagerie_vgg")


@pytest.mark.parametrize("scenes", [1, 0, 2.5, True])
def test_an_interval_needs_two_scenes(scenes):
    with pytest.raises(ValueError, match="whole number of at least 2"):
        score("gradient", scenes=scenes)
