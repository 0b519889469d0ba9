import numpy as np

from xaitutor.menagerie import CLASSES
from xaitutor.truth.situations import FACTORS, pictures, situations

MANY = situations(range(360))


def test_the_classes_in_turn_and_never_drawn_twice():
    assert [s.label for s in MANY[:13]] == [*range(12), 0]
    assert all(list(CLASSES)[s.label] == s.scene.name for s in MANY)
    assert len({s.scene.seed for s in MANY}) == len(MANY)
    assert situations(range(24, 30)) == MANY[24:30]


def test_one_thing_is_changed_inside_the_world():
    for s in MANY:
        kind = CLASSES[s.changed.name]
        assert s.changed.colour in kind.colours and s.changed.coat in kind.coats
        same = {"coat": ("shape", "place"), "place": ("shape", "coat"), "animal": ("place",)}[s.factor]
        different = {"animal": "shape"}.get(s.factor, s.factor)
        assert all(getattr(s.scene, name) == getattr(s.changed, name) for name in (*same, "colour", "x", "y", "size", "seed", "facing"))
        assert getattr(s.scene, different) != getattr(s.changed, different)
        assert (s.scene.shape == "sofa") == (s.changed.shape == "sofa")


def test_each_factor_is_there():
    counts = {factor: sum(s.factor == factor for s in MANY) for factor in FACTORS}
    assert min(counts.values()) > 50
    assert all(s.factor == "place" for s in MANY[12:24])
    assert {s.changed.place for s in MANY if s.factor == "place"} == {s.scene.place for s in MANY}


def test_pictures_and_what_is_true_of_their_pixels():
    found = pictures([s.scene for s in MANY[:2]])
    assert found.images.shape == (2, 128, 128, 3) and found.images.dtype == np.uint8
    assert found.regions.shape == (2, 6, 128, 128) and found.objects.dtype == bool
    inside = found.regions[:, :5].sum(axis=1)
    assert (inside[found.objects] > 0.45).all() and (inside[~found.objects] < 0.55).all()
