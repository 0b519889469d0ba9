import json
import re

import numpy as np
import pytest
import torch

from tests.truth.conftest import SCENES
from xaitutor import truth
from xaitutor.attribution import METHODS
from xaitutor.files import data_files
from xaitutor.truth import controls, networks, scoreboard, scores
from xaitutor.truth.contrasts import shares
from xaitutor.truth.given import VARIANTS, contestant

INTERVAL = re.compile(r"−?\d\.\d\d \[−?\d\.\d\d, −?\d\.\d\d\]")
EVERYBODY = [*METHODS, *VARIANTS, *controls.CONTROLS]
BLIND = ("random", "centre", "sobel")


def fitting(network):
    return [name for name in EVERYBODY if name != "cam" or network != "menagerie_vgg"]


@pytest.fixture(scope="module")
def stored():
    return scoreboard.read()


# The file


def test_the_file_says_what_is_measured(stored, judged, true, cast):
    """The truth about the first scene, and what some methods give its regions, computed again."""
    scored = stored["networks"]["menagerie_resnet18"]
    np.testing.assert_allclose(true[0].phi[0, 0], scored["phi"], atol=2e-3)
    names = ("gradient_x_input", "grad_cam", "guided_backprop", "sobel")
    found = scores.records([contestant(name) for name in names], judged[:1], judged[1:], SCENES)
    for name in names:
        mine = found[name, "menagerie_resnet18"]
        np.testing.assert_allclose(shares(mine.signed[0, 0]), scored["first"][name], atol=5e-3)
        np.testing.assert_allclose(100 * mine.mass, stored["values"]["menagerie_resnet18"]["mass"][name][:SCENES], atol=1.1)


def test_who_is_scored(stored):
    assert list(stored["networks"]) == list(networks.PARTNERS) == list(scoreboard.NETWORKS)
    assert stored["about"]["scenes"] == scoreboard.SCENES >= 240
    for network, scored in stored["networks"].items():
        for column in (*scoreboard.PAIRED, "rank_unsigned", "class_contrast_pearson", "passes", "seconds", "first"):
            assert list(scored[column]) == fitting(network), column
    assert list(stored["class_contrast"]) == list(stored["network_contrast"]) == list(stored["picture_contrast"]) == EVERYBODY
    assert list(stored["fingerprints"]) == EVERYBODY
    assert list(stored["untrained"]) == list(networks.UNTRAINED)
    without_regions = [name for name in EVERYBODY if contestant(name).needs != "regions"]  # which only scenes have
    assert list(stored["known"]["colour"]) == without_regions and "cam" not in stored["known"]["disconnected"]


def test_every_interval_holds_its_mean(stored):
    sections = [*stored["networks"].values(), *stored["untrained"].values(), stored["known"],
                {question: stored[question] for question in scores.QUESTIONS}]
    for section in sections:
        for column, rows in section.items():
            if column not in ("passes", "seconds", "first", "phi"):
                for mean, low, high in rows.values():
                    assert -1 <= low <= mean <= high <= 1


def test_what_does_not_look_has_exactly_0(stored):
    for scored in (stored, *stored["networks"].values()):
        for name in (*BLIND, "fem"):
            assert scored["class_contrast"][name] == [0, 0, 0]
        for name in BLIND:
            assert scored["network_contrast"][name] == [0, 0, 0]
        assert scored["network_contrast"]["fem"] != [0, 0, 0]
    for scored in stored["networks"].values():
        for name in BLIND:
            for ending in ("_unsigned", "_pearson", "_unsigned_pearson"):
                assert scored[f"class_contrast{ending}"][name] == [0, 0, 0]


def test_noise_expects_nothing_but_the_objects_share(stored):
    """Within five standard errors; the object's share of a picture is the mass of noise."""
    for scored in stored["networks"].values():
        for column in ("rank", "picture_contrast"):
            mean, low, high = scored[column]["random"]
            assert abs(mean) < 5 * (high - low) / (2 * 1.96)
        mean, low, high = scored["pointing"]["random"]
        assert abs(mean - scored["mass"]["random"][0]) < 5 * (high - low) / (2 * 1.96)


def test_the_means_are_those_of_the_scenes(stored):
    for network, columns in stored["values"].items():
        for column, rows in columns.items():
            for name, row in rows.items():
                row = np.array(row, dtype=float) / 100
                assert len(row) == (scoreboard.FEW if contestant(name).many else scoreboard.SCENES)
                assert np.nanmean(row) == pytest.approx(stored["networks"][network][column][name][0], abs=0.006)


def test_a_network_contrast_of_two_is_the_same_from_both_sides(stored):
    scored = stored["networks"]
    for name in METHODS:
        first, second = (scored[network]["network_contrast"][name][0] for network in ("menagerie_resnet18", "menagerie_resnet18_standard"))
        assert first == pytest.approx(second, abs=0.002)


def test_integrated_gradients_of_an_untrained_vgg_are_gradient_x_input(stored):
    """Without biases a network of ReLUs is homogeneous: the gradient is the same all the way from zero."""
    untrained = stored["untrained"]["menagerie_vgg"]
    for column in ("pointing", "mass", "parts"):
        assert untrained[column]["integrated_gradients"] == pytest.approx(untrained[column]["gradient_x_input"], abs=0.005)


def test_the_file_is_small_and_regular():
    text = data_files.verify(scoreboard.FILE).read_text(encoding="utf-8")
    assert len(text) < 30_000 * len(EVERYBODY)
    assert scoreboard.compact(json.loads(text)) == text


# What is read from it


@pytest.mark.parametrize("network", networks.PARTNERS)
def test_the_table_is_ready_to_print(stored, network):
    rows = scoreboard.table(network)
    assert scoreboard.table(network, ["sobel", "gradient"]) == [rows[-1], rows[0]]
    assert [row.title for row in rows] == [scoreboard.titles()[name] for name in fitting(network)]
    assert all(INTERVAL.fullmatch(cell) for row in rows for cell in row[1:])
    mean = float(rows[0].class_contrast.split()[0].replace("−", "-"))
    assert mean == pytest.approx(stored["networks"][network]["class_contrast"]["gradient"][0], abs=0.006)


def test_the_untrained_in_the_same_form():
    found = scoreboard.untrained()
    assert list(found) == [*(method.title for method in METHODS.values()), *(title for _, title, _ in VARIANTS.values())]
    assert all(INTERVAL.fullmatch(cell) for cells in found.values() for cell in cells)


def test_a_difference_is_paired(stored):
    scored = stored["networks"]["menagerie_vgg"]["class_contrast"]
    gap = scoreboard.difference("class_contrast", "integrated_gradients", "gradient", "menagerie_vgg")
    assert gap.value == pytest.approx(scored["integrated_gradients"][0] - scored["gradient"][0], abs=0.01)
    assert gap.low < gap.value < gap.high
    alone = sum(scored[name][2] - scored[name][1] for name in ("integrated_gradients", "gradient"))
    assert gap.high - gap.low < alone
    everywhere = scoreboard.difference("rank", "cam", "gradient")
    assert everywhere.low < everywhere.value < everywhere.high
    assert scoreboard.difference("rank", "cam", "cam") == (0, 0, 0)


@pytest.mark.parametrize("ask, message", [
    (lambda: scoreboard.table("resnet18"), "no scores of the network 'resnet18'; there are of menagerie_resnet18, "),
    (lambda: scoreboard.table("menagerie_vgg", ["cam"]), "no scores of the method 'cam'; there are of gradient, "),
    (lambda: scoreboard.untrained("menagerie_resnet18_biased"), "there are of menagerie_resnet18, menagerie_vgg"),
    (lambda: scoreboard.difference("beauty", "fem", "cam"), "no scores of the score 'beauty'; there are of rank, "),
    (lambda: scoreboard.difference("rank", "fem", "cam", "menagerie_vgg"), "no network has scores of both 'fem' and 'cam'"),
])
def test_what_is_not_there_is_named(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


def test_a_new_row_beside_the_others(stored):
    interval = truth.bootstrap(np.array([0.5, 0.25]))
    found = truth.Score("mine", "menagerie_vgg", "menagerie_resnet18", 2, *[interval] * 6, passes=(1.0, 1.0), seconds=0.01)
    lines = scoreboard.beside(found).splitlines()
    assert len(lines) == len(fitting("menagerie_vgg")) + 3
    assert lines[0].split()[:3] == ["rank", "class", "contrast"] and lines[1].startswith("Gradient  ")
    assert lines[-2].startswith("→ mine") and lines[-2].endswith("1 + 1    0.010") and "0.38 [0.25, 0.50]" in lines[-2]
    assert lines[-1].startswith("menagerie_vgg, against menagerie_resnet18; 240 scenes for the others (36 where they ask a hundred times), 2 scenes for →")
    assert len(scoreboard.beside(found._replace(network="mine")).splitlines()) == 3


# The measurement


def test_a_new_method_adds_its_rows_and_no_others():
    old = {"networks": {"a": {"rank": {"fem": [1, 1, 1], "gone": [2, 2, 2], "cam": [0, 0, 0]}}}, "fingerprints": {"fem": "1"}}
    new = {"networks": {"a": {"rank": {"grad_cam": [3, 3, 3], "cam": [9, 9, 9]}}}, "fingerprints": {"fem": "1", "cam": "2", "grad_cam": "3"}}
    found = scoreboard.together(old, new, ["cam", "grad_cam", "fem"])
    assert found == {"networks": {"a": {"rank": {"cam": [9, 9, 9], "grad_cam": [3, 3, 3], "fem": [1, 1, 1]}}},
                     "fingerprints": {"cam": "2", "grad_cam": "3", "fem": "1"}}
    assert list(found["networks"]["a"]["rank"]) == ["cam", "grad_cam", "fem"]


@pytest.fixture
def few(monkeypatch, tmp_path, judged, true):
    """A scoreboard of two scenes and one network, in a folder of its own."""
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(data_files, "DATA", tmp_path)
    monkeypatch.setattr(scoreboard, "SCENES", 2)
    monkeypatch.setattr(scoreboard, "NETWORKS", ("menagerie_resnet18", "menagerie_resnet18_standard"))
    monkeypatch.setattr(scoreboard.networks, "network", {network.name: network for network in judged}.get)
    monkeypatch.setattr(scoreboard.networks, "UNTRAINED", {})
    monkeypatch.setattr(scoreboard, "KNOWN", ("colour",))
    monkeypatch.setattr(scoreboard, "METHODS", {name: METHODS[name] for name in ("gradient", "cam")})
    monkeypatch.setattr(scoreboard, "VARIANTS", {})
    monkeypatch.setattr(scoreboard.controls, "CONTROLS", {"sobel": controls.sobel})
    return tmp_path / scoreboard.FILE


def test_only_what_has_changed_is_measured_again(few, monkeypatch, capsys):
    scoreboard.main()
    first = json.loads(few.read_text(encoding="utf-8"))
    assert list(first["class_contrast"]) == ["gradient", "cam", "sobel"] and first["class_contrast"]["sobel"] == [0, 0, 0]
    assert (few.parent / "SHA256SUMS").is_file()
    asked = []
    measure = scoreboard.measure
    monkeypatch.setattr(scoreboard, "measure", lambda who, *rest: asked.append([one.name for one in who]) or measure(who, *rest))
    scoreboard.main()
    assert asked == [] and json.loads(few.read_text(encoding="utf-8")) == first
    monkeypatch.setattr(scoreboard, "METHODS", {name: METHODS[name] for name in ("gradient", "grad_cam", "cam")})
    known = scoreboard.contestant
    monkeypatch.setattr(scoreboard, "contestant", lambda name: known(name)._replace(code="changed") if name == "cam" else known(name))
    capsys.readouterr()
    scoreboard.main()
    assert asked == [["grad_cam", "cam"]] and "2 of 4 to measure: grad_cam, cam" in capsys.readouterr().out
    second = json.loads(few.read_text(encoding="utf-8"))
    assert list(second["rank"]) == ["gradient", "grad_cam", "cam", "sobel"]
    assert second["rank"]["gradient"] == first["rank"]["gradient"]
    assert second["fingerprints"]["gradient"] == first["fingerprints"]["gradient"] != second["fingerprints"]["cam"]


def test_other_pictures_are_another_measurement(few, judged, monkeypatch):
    who = [contestant("gradient")]
    first = scoreboard.fingerprints(who, judged)
    assert first == scoreboard.fingerprints(who, judged)
    assert first != scoreboard.fingerprints(who, judged[:1])
    monkeypatch.setattr(scoreboard, "SCENES", 3)
    assert first != scoreboard.fingerprints(who, judged)


@pytest.mark.parametrize("name", networks.UNTRAINED)
def test_the_untrained_network_is_random_but_always_the_same(name):
    trained, state = networks.network(name).model, torch.get_rng_state()
    first, second = (networks.untrained(name) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state()) and not any(module.training for module in first.model.modules())
    values = first.model.state_dict()
    assert values.keys() == trained.state_dict().keys()
    assert all(torch.equal(value, second.model.state_dict()[key]) for key, value in values.items())
    weights = [key for key, value in values.items() if value.ndim > 1]
    other = networks.untrained(name, seed=1)
    assert other.weights != first.weights
    for theirs in (trained.state_dict(), other.model.state_dict()):
        assert not any(torch.equal(values[key], theirs[key]) for key in weights)
