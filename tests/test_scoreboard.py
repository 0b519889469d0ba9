import json
import re

import numpy as np
import pytest
import torch

from xaitutor import load_model, metrics, scoreboard
from xaitutor.attribution import METHODS
from xaitutor.files import data_files
from xaitutor.menagerie import CLASSES

INTERVAL = re.compile(r"−?\d\.\d\d \[−?\d\.\d\d, −?\d\.\d\d\]")


@pytest.fixture(scope="module")
def first():
    """The first scenes of the score, for the network with all the methods."""
    model, preprocess, _ = load_model("menagerie_resnet18")
    true = scoreboard.truth(range(scoreboard.BATCH), preprocess)
    return model, preprocess, true, metrics.part_effects(model, true.x, true.removed, true.y)


@pytest.mark.parametrize("name", ["gradient_x_input", "cam", "sobel"])
def test_the_file_says_what_is_measured(first, name):
    model, _, true, effects = first
    who = scoreboard.contestants("menagerie_resnet18", model, model)["trained", name]
    stored = scoreboard.read()["networks"]["menagerie_resnet18"]["first"][name]
    # Written with three digits; another order of summing may swap two pixels of a thousand.
    np.testing.assert_allclose(scoreboard.score(who, true, effects), stored, atol=0.002)


def test_the_truth_is_one_scene_of_each_class_in_parts_that_do_not_overlap(first):
    _, _, true, effects = first
    assert true.y.tolist() == list(range(len(CLASSES)))
    assert true.parts.shape == (12, 5, 128, 128) and true.removed.shape == (12, 5, 3, 128, 128)
    together = true.parts.sum(dim=1)
    rounding = 5 * 0.5 / 255  # each of the five masks is drawn in steps of 1/255
    assert together.max() <= 1 + rounding + 1e-6
    assert (together[true.mask] > 0.5 - 2 * rounding).all()  # and leave nothing of the object out
    assert (together[~true.mask] < 0.5 + 2 * rounding).all()
    changed = (true.removed != true.x[:, None]).any(dim=2)
    near = torch.nn.functional.max_pool2d(true.parts, 3, stride=1, padding=1) > 0
    assert not (changed & ~near).any()  # taking a part out changes nothing elsewhere, but for a pixel at its edge
    assert torch.equal(changed.any(dim=3).any(dim=2), (true.parts > 0).any(dim=3).any(dim=2))
    assert effects.std() > scoreboard.SPREAD


@pytest.mark.parametrize("network", scoreboard.NETWORKS)
def test_the_untrained_network_is_random_but_always_the_same(network):
    trained, preprocess, _ = load_model(network)
    state = torch.get_rng_state()
    first, second = (scoreboard.untrained(network, preprocess) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    assert not any(module.training for module in first.modules())
    values = first.state_dict()
    assert values.keys() == trained.state_dict().keys()
    assert all(torch.allclose(value, second.state_dict()[name]) for name, value in values.items())
    weights = [name for name, value in values.items() if value.ndim > 1]
    assert not any(torch.equal(values[name], trained.state_dict()[name]) for name in weights)
    other = scoreboard.untrained(network, preprocess, seed=1).state_dict()
    assert not any(torch.equal(values[name], other[name]) for name in weights)


def test_who_is_scored():
    networks = scoreboard.read()["networks"]
    assert list(networks) == list(scoreboard.NETWORKS)
    for network, scored in networks.items():
        names = [name for name in METHODS if name != "cam" or network not in scoreboard.NO_CAM]
        assert list(scored["untrained"]) == list(scored["beats"]) == names
        assert list(scored["trained"]) == list(scored["first"]) == [*names, *metrics.BASELINES]
        assert scored["scenes"] >= scored["ranked"] >= 500
    assert scoreboard.NO_CAM == ("menagerie_vgg",)
    model, preprocess, _ = load_model("menagerie_vgg")
    with pytest.raises(ValueError, match="CAM needs a network that averages"):
        METHODS["cam"].function(model, torch.zeros(1, 3, 128, 128), 0)


def test_every_interval_holds_its_mean():
    for scored in scoreboard.read()["networks"].values():
        for values in [*scored["trained"].values(), *scored["untrained"].values()]:
            assert list(values) == list(scoreboard.METRICS)
            for mean, low, high in values.values():
                assert -1 <= low <= mean <= high <= 1


def test_noise_has_the_share_of_the_object():
    """Against the mask all expect the object's share of the picture, against the parts 0; within five standard errors."""
    for scored in scoreboard.read()["networks"].values():
        noise = scored["trained"]["random"]
        assert noise["rank"][0] == pytest.approx(noise["mass"][0], abs=0.005)
        for metric, expected in (("pointing", noise["mass"][0]), ("correlation", 0)):
            mean, low, high = noise[metric]
            assert abs(mean - expected) < 5 * (high - low) / (2 * 1.96)


def test_integrated_gradients_of_an_untrained_vgg_are_gradient_x_input():
    """Without biases a network of ReLUs is homogeneous: the gradient is the same all the way from zero."""
    untrained = scoreboard.read()["networks"]["menagerie_vgg"]["untrained"]
    for metric in scoreboard.METRICS:
        assert untrained["integrated_gradients"][metric] == pytest.approx(untrained["gradient_x_input"][metric], abs=0.003)


@pytest.mark.parametrize("network", scoreboard.NETWORKS)
def test_the_table_is_ready_to_print(network):
    scored = scoreboard.read()["networks"][network]
    for untrained, kind in ((False, "trained"), (True, "untrained")):
        rows = scoreboard.table(network, untrained)
        assert [row.title for row in rows] == [scoreboard.titles()[name] for name in scored[kind]]
        assert all(INTERVAL.fullmatch(cell) for row in rows for cell in row[1:])
        mean = float(rows[0].correlation.split()[0].replace("−", "-"))
        assert mean == pytest.approx(scored[kind]["gradient"]["correlation"][0], abs=0.005)


def test_an_unknown_network_is_named():
    with pytest.raises(ValueError, match="no scores of 'resnet18'; there are of menagerie_resnet18, menagerie_vgg"):
        scoreboard.table("resnet18")


def test_summary_by_hand(monkeypatch):
    """What beats what is decided by the differences, scene by scene; unclear scenes have no correlation."""
    generator = np.random.default_rng(0)
    scenes = generator.random((5, 40))  # what is hard for one is hard for all
    scored = {("trained", name): scenes + 0.01 * level
              for level, name in enumerate(["gradient", "random", "centre", "sobel"])}
    scored["untrained", "gradient"] = scenes - 0.01
    effects = np.zeros((40, 5))
    effects[:30, 2] = scoreboard.SPREAD
    scored["trained", "gradient"][3:, 30:] = 1e6
    result = scoreboard.summarise(scored, effects)
    assert (result["scenes"], result["ranked"]) == (40, 30)
    assert result["beats"] == {"gradient": dict.fromkeys(scoreboard.METRICS, ["untrained"])}
    assert result["trained"]["gradient"]["correlation"][0] == pytest.approx(scenes[3, :30].mean(), abs=0.001)
    assert result["trained"]["gradient"]["mass"][0] == pytest.approx(scenes[1].mean(), abs=0.001)
    assert result["first"]["sobel"][2] == pytest.approx(scenes[2, :12] + 0.03, abs=0.0006)


def test_the_file_is_small_and_regular():
    text = data_files.verify(scoreboard.FILE).read_text(encoding="utf-8")
    assert len(text) < 30_000
    assert scoreboard._compact(json.loads(text)) == text
