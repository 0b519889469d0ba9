import numpy as np
import pytest

from xaitutor.menagerie import PLACES, sample
from xaitutor.menagerie.dataset import Dataset
from xaitutor.truth import drawing

SCENE = Dataset(12, "test", 7).scene(1)
ALL = 31


@pytest.fixture(scope="module")
def drawn():
    return drawing.coalitions(SCENE, (SCENE.place, "room"))


def test_all_parts_are_the_scene_and_none_the_empty_place(drawn):
    assert drawn.shape == (2, 32, 128, 128, 3) and drawn.dtype == np.uint8
    assert np.array_equal(drawn[0, ALL], SCENE.render().image)
    assert np.array_equal(drawn[1, ALL], SCENE.replace(place="room").render().image)
    assert np.array_equal(drawn[0, ALL ^ 2], SCENE.without("tail").render().image)
    assert np.array_equal(drawn[1, 4], SCENE.replace(place="room").without("legs", "tail", "neck", "head").render().image)
    assert np.array_equal(drawn[0, 0][:40], SCENE.without("object").render().image[:40])  # but for grain and shadow on the ground


def test_a_coalition_shows_nothing_but_its_parts(drawn):
    """Where the body is missing, what is seen is what was behind it."""
    body = drawing.masks(SCENE, SCENE.render())[2] == 1
    assert body.any() and (drawn[0, ALL] != drawn[0, ALL ^ 4])[body].any(axis=1).mean() > 0.9
    legs = drawing.masks(SCENE, SCENE.without("body").render())[0] == 1
    assert np.array_equal(drawn[0, ALL ^ 4][legs], SCENE.without("body").render().image[legs])


@pytest.mark.parametrize("name", ["zebra", "lion", "elephant", "sofa"])
def test_the_regions_are_all_of_the_picture(name):
    scene = sample(5, name)
    rendering = scene.render()
    masks = drawing.masks(scene, rendering)
    assert masks.shape == (6, 128, 128) and len(drawing.parts(scene)) == 5
    np.testing.assert_allclose(masks.sum(axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(1 - masks[-1], rendering.mask, atol=5 / 255)  # five masks, each in steps of 1/255
    assert masks.min() > -0.01


def test_other_places_are_others_seeded_and_nested():
    six = drawing.elsewhere(SCENE, 6)
    assert sorted(six) == sorted(set(PLACES) - {SCENE.place})
    assert drawing.elsewhere(SCENE, 2) == six[:2] == drawing.elsewhere(SCENE)
    assert len({drawing.elsewhere(SCENE, 6, seed) for seed in range(20)}) > 10
    firsts = {drawing.elsewhere(sample(seed, place="snow"))[0] for seed in range(60)}
    assert firsts == set(PLACES) - {"snow"}


@pytest.mark.parametrize("others", [0, 1, 7])
def test_one_place_is_not_enough_and_seven_are_not_there(others):
    with pytest.raises(ValueError, match="others must be 2 to 6 other places"):
        drawing.elsewhere(SCENE, others)


def test_several_processes_draw_the_same_in_the_same_order(monkeypatch):
    monkeypatch.setattr(drawing, "_FEW", 1)
    monkeypatch.setattr(drawing, "parts", lambda scene: ("legs",))  # of this process alone
    scenes = [(sample(seed, "cow"), ("snow",)) for seed in range(2)]
    found = list(drawing.draw(scenes))
    assert [len(pictures[0]) for pictures in found] == [32, 32]
    for (scene, _), pictures in zip(scenes, found):
        assert np.array_equal(pictures[0, ALL], scene.replace(place="snow").render().image)
