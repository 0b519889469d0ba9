"""With the tests' three scenes, and coalitions of noise in seven places."""

import numpy as np
import pytest

from tests.truth.conftest import SCENES
from xaitutor.files import data_files
from xaitutor.truth import coalitions, doubts, drawing, networks, scores
from xaitutor.truth.given import contestant
from xaitutor.truth.shapley import shapley_values
from xaitutor.truth.situations import pictures

PAIR = ("menagerie_resnet18", "menagerie_resnet18_standard")


@pytest.fixture(scope="module")
def there(cast):
    draw = np.random.default_rng(0)
    values, painted = draw.normal(size=(2, SCENES, 12, 7, 32)), draw.normal(size=(2, SCENES, 12, 64))
    targets = np.array([[[s.label for s in cast], [5] * SCENES]] * 2)
    return doubts.Scenes(cast, pictures([s.scene for s in cast]), values, {"grey": painted}, targets)


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr(doubts, "NETWORKS", PAIR)
    monkeypatch.setattr(doubts, "SCENES", SCENES)


def test_the_truth_in_use_is_the_one_that_scores_use(there):
    for i, s in enumerate(there.cast):
        first = [0, 1, 2]  # its own place, and the first two others
        game = coalitions.with_background(there.values[1, i, s.label][first])
        np.testing.assert_allclose(doubts.truths(there)["in use"][1, 0, i], shapley_values(game))
    other = doubts._others(there, 2, 1)[0, 0, 0]
    order = drawing.elsewhere(there.cast[0].scene, 6)
    chosen = [0, *(1 + order.index(place) for place in drawing.elsewhere(there.cast[0].scene, 2, 1))]
    np.testing.assert_allclose(other, coalitions.with_background(there.values[0, 0, 0][chosen]))


def test_other_truths_agree_with_the_one_in_use_as_far_as_they_are_it(there, two):
    found = doubts.compared(there)[PAIR[0]]
    assert list(found) == ["4 other places", "6 other places", "seed 1", "seed 2", "seed 3", "grey", "one left out", "larger regions"]
    assert found["4 other places"]["change"] < found["grey"]["change"]
    same = there._replace(painted={"grey": doubts._others(there, 2, 0)})
    assert doubts.compared(same)[PAIR[1]]["grey"] == {"rank": [1, 1, 1], "class_contrast": [1, 1, 1], "change": 0}


def test_nothing_is_painted_where_all_is_there(there, judged):
    behind = np.zeros_like(there.drawn.images, dtype=np.float32)
    values = doubts._painted(judged[:1], there.drawn, behind, "black")[0]
    network = judged[0]
    whole = network.model(network.inputs(there.drawn.images)).double().numpy()
    np.testing.assert_allclose(values[:, :, 63], whole, atol=0.05)  # an edge may be rounded otherwise, by 1/255
    black = network.model(network.inputs(behind)).double().numpy()
    np.testing.assert_allclose(values[:, :, 0], black, atol=1e-3)


def test_a_coarse_map_keeps_all_of_it_and_blurs_where(there):
    phi = doubts.truths(there)["in use"][0, 0]
    seen = np.where(there.drawn.regions.sum(axis=(2, 3)) > 1, phi, 0)
    coarse = doubts._coarse(there, seen)
    np.testing.assert_allclose(coarse.sum(axis=1), seen.sum(axis=1), rtol=0.3, atol=0.3)
    assert np.abs(coarse - seen).max() > 0.1


def test_what_survives_has_the_same_sign_by_all_truths():
    draw = np.random.default_rng(0).normal(size=(3, 50)) / 10
    rows = {"in use": {"a": draw[0] + 1, "b": draw[1], "c": draw[2] + 0.5},
            "other": {"a": draw[0] + 1, "b": draw[1], "c": draw[2] + 2}}
    assert doubts._survive(rows) == {"survive": ["a > b", "c > b"], "fall": ["a > c"]}


def test_all_of_it_for_a_few_methods(there, two, judged, true):
    names = ("gradient", "sobel")
    found = scores.records([contestant(name) for name in names], judged, [], SCENES)
    result = doubts.judged(there, found)[PAIR[0]]["class_contrast"]
    assert result["tau"]["in use"] == 1 and set(result["scores"]["grey"]) == set(names)
    assert all(scored["sobel"] == 0 for scored in result["scores"].values())
    lies = doubts.planted(there, found)[PAIR[1]]
    assert all(-1 <= score <= 1 for lie in lies.values() for score in lie.values())
    assert lies["rank"]["only what is seen"] > lies["rank"]["heat"]
    assert set(doubts.hidden(there)) == set(PAIR)


@pytest.mark.skipif(not (data_files.DATA / doubts.FILE).is_file(), reason="the doubts have not been measured yet: make scores")
def test_the_file_says_what_was_measured():
    stored = doubts.read()
    assert list(stored["truths"]) == list(stored["methods"]) == list(stored["planted"]) == list(networks.PARTNERS)
    for scored in stored["methods"].values():
        for question in doubts.ASKED:
            assert scored[question]["tau"]["in use"] == 1
            assert not set(scored[question]["survive"]) & set(scored[question]["fall"])
            for ending in ("class_contrast", "network_contrast"):
                assert all(means["sobel"] == 0 for means in scored[ending]["scores"].values())
    assert (data_files.DATA / doubts.FILE).stat().st_size < 120_000
