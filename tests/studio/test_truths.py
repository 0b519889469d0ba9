"""The stored truths are the exact Shapley values of the studio's scenes, of the networks as they are."""

import numpy as np
import pytest

from xaitutor.files import data_files
from xaitutor.menagerie import CLASSES, COATS, PLACES, SHAPES
from xaitutor.studio import stage, truths
from xaitutor.truth import coalition_values, shapley_values
from xaitutor.truth.networks import network


@pytest.fixture(scope="module")
def stored():
    return truths.read()


def test_every_scene_has_its_truth(stored):
    assert stored["classes"] == list(CLASSES) and list(stored["values"]) == list(truths.NETWORKS)
    names = {f"{shape} {coat} {place}" for shape in SHAPES for coat in COATS for place in PLACES}
    for values in stored["values"].values():
        assert values.keys() == names
        assert {np.shape(phi) for phi in values.values()} == {(12, 6)}


def test_they_belong_to_these_networks(stored):
    assert stored["weights"] == {name: data_files.sha256(data_files.DATA / "models" / f"{name}.safetensors") for name in truths.NETWORKS.values()}


def test_a_scene_measured_anew_by_the_ordinary_road_is_as_stored(stored):
    """By `coalition_values`, which draws the two other places only; a hundredth of a logit is what rounding may do on another processor."""
    for name in ("robust", "biased"):
        found = shapley_values(coalition_values([network(truths.NETWORKS[name])], [stage.scene("dog", "saddle", "snow")])[0, 0])
        assert np.abs(100 * found - stored["values"][name]["dog saddle snow"]).max() < 1.5


def test_what_the_page_says_of_its_situations_is_true(stored):
    """The biased network's wolf is made of snow; the robust one's zebra hardly rests on the background."""
    classes, values = stored["classes"], stored["values"]
    wolf = values["biased"]["dog saddle snow"][classes.index("wolf")]
    assert np.argmax(wolf) == 5 and wolf[5] > 3 * max(wolf[:5])
    for name in ("robust", "ordinary"):
        zebra = values[name]["horse stripes savanna"][classes.index("zebra")]
        assert zebra[5] < 0.1 * sum(np.abs(zebra))
