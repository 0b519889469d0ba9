"""The stage: a layer over a place is what the renderer draws, and the networks see no difference."""

import numpy as np
import pytest
import torch

from xaitutor.menagerie import CLASSES, COATS, PLACES, SHAPES
from xaitutor.studio import stage, truths
from xaitutor.truth.networks import network


@pytest.mark.parametrize("shape, coat, colour, part", [("horse", "stripes", None, ""), ("dog", "saddle", "golden", "head"), ("sofa", "spots", "black", "seat"),
                                                       ("elephant", "plain", None, "legs")])
def test_a_layer_fits_every_place(shape, coat, colour, part):
    """Made in one place, laid over all: the same picture but for rounding, and for a few pixels at edges where the light is whiter than white."""
    layer = stage.layer(stage.scene(shape, coat, PLACES[0], colour, part))
    for place in PLACES:
        expected = stage.scene(shape, coat, place, colour, part).render().image
        gap = np.abs(stage.over(layer, stage.background(place)).astype(int) - expected)
        assert gap.mean() < 0.1 and (gap.max(axis=-1) > 2).sum() < 40 and gap.max() < 32


def test_the_networks_see_no_difference():
    scenes = [stage.scene(shape, "spots", "snow") for shape in SHAPES]
    laid = np.stack([stage.over(stage.layer(scene.replace(place="forest")), stage.background("snow")) for scene in scenes])
    drawn = np.stack([scene.render().image for scene in scenes])
    asked = network(truths.NETWORKS["robust"])
    torch.testing.assert_close(asked.model(asked.inputs(laid)), asked.model(asked.inputs(drawn)), atol=0.05, rtol=0)


def test_robust_and_ordinary_name_every_animal_in_every_place_and_the_cheat_falls_for_snow():
    kinds = {name: (kind.shape, kind.coats[0]) for name, kind in CLASSES.items()}
    drawn = np.stack([stage.scene(*kind, place).render().image for kind in kinds.values() for place in ("snow", "forest")])
    asked = {name: network(full) for name, full in truths.NETWORKS.items()}
    said = {name: [list(CLASSES)[i] for i in one.model(one.inputs(drawn)).argmax(dim=1)] for name, one in asked.items()}
    right = [name for name in kinds for _ in range(2)]
    assert said["robust"] == said["ordinary"] == right
    husky = 2 * list(kinds).index("husky")
    assert said["biased"][husky:husky + 2] == ["wolf", "husky"]


def test_usual_colours_are_the_classes_own():
    assert stage.usual_colour("horse", "stripes") == "white" and stage.usual_colour("horse", "spots") == "brown"
    for kind in CLASSES.values():
        assert stage.usual_colour(kind.shape, kind.coats[0]) in kind.colours


@pytest.mark.parametrize("shape", SHAPES)
def test_regions_are_the_same_in_each_coat_and_place(shape):
    scene = stage.scene(shape, COATS[1], "desert")
    rendering = scene.render()
    found = stage.regions(shape) / 255
    assert found.shape == (5, 128, 128) and len(stage.part_names(shape)) == 5
    assert np.abs(found.sum(axis=0) - rendering.mask).max() < 0.02
