"""The tree on factors: a planted rule comes back exactly, its text says so, and a bias shows in it."""

import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeClassifier

from xaitutor.menagerie import CLASSES, Dataset, Scene
from xaitutor.surrogates import factor_table, factor_tree, rules
from xaitutor.surrogates.factor_trees import MEASURED, NAMED

NAMES = list(CLASSES)
HORSE, WOLF, HUSKY, SOFA = (NAMES.index(name) for name in ("horse", "wolf", "husky", "sofa"))


@pytest.fixture(scope="module")
def scenes():
    dataset = Dataset(1200, "train", seed=19)
    return [dataset.scene(i) for i in range(len(dataset))]


def planted(scene):
    """A network with a rule of its own: dogs in snow are wolves, other dogs huskies, large things sofas, the rest horses."""
    if scene.shape == "dog":
        return WOLF if scene.place == "snow" else HUSKY
    return SOFA if scene.size > 1 else HORSE


def test_a_planted_rule_is_found(scenes):
    answers = np.array([planted(scene) for scene in scenes])
    tree = factor_tree(scenes, answers)
    assert tree.factors == {"shape", "place", "size"}
    fresh = Dataset(300, "test", seed=7)
    fresh = [scene for scene in map(fresh.scene, range(300)) if abs(scene.size - 1) > 0.01]  # the threshold lies between two scenes
    assert tree.predict(fresh).tolist() == [planted(scene) for scene in fresh]


def test_the_planted_rule_as_text():
    """Word by word, for scenes with which no other question would do."""
    sizes = [Scene("horse", "plain", "white", "beach", size=size) for size in (0.8, 0.9, 1.1, 1.2)]
    assert factor_tree(sizes, [HORSE, HORSE, SOFA, SOFA]).rules == (
        "if size > 1.00:\n    sofa  (100% of 2)\notherwise:\n    horse  (100% of 2)")
    places = [Scene("dog", "plain", "white", place) for place in ("snow", "beach", "desert", "forest") for _ in range(4)]
    assert factor_tree(places, [WOLF] * 4 + [HUSKY] * 11 + [SOFA], leaves=3).rules == """\
if place is snow:
    wolf  (100% of 4)
otherwise, if place is forest:
    husky  (75% of 4)
otherwise:
    husky  (100% of 8)"""


def test_rules_of_any_tree_and_a_name_for_each_column():
    table = [[1, 0.2], [1, 0.8], [0, 0.2], [0, 0.8]]
    tree = DecisionTreeClassifier(random_state=0).fit(table, [0, 0, 1, 2])
    assert rules(tree, ["tone is golden", "view"], ["lemon", "puck", "golf ball"]) == """\
if tone is golden:
    lemon  (100% of 2)
otherwise, if view > 0.50:
    golf ball  (100% of 1)
otherwise:
    puck  (100% of 1)"""
    with pytest.raises(ValueError, match="2 columns, and 1 have a name"):
        rules(tree, ["tone is golden"], ["lemon", "puck", "golf ball"])


def test_the_first_column_is_a_factor_too():
    scenes = [Scene(shape, "plain", "white", "beach") for shape in list(NAMED["shape"])[:3]]
    assert factor_table(scenes)[1][0] == f"shape is {scenes[0].shape}"
    assert factor_tree(scenes, [WOLF, HUSKY, HUSKY]).factors == {"shape"}


def test_the_table_says_what_a_scene_is(scenes):
    table, names = factor_table(scenes)
    assert table.shape == (1200, len(names)) == (1200, sum(map(len, NAMED.values())) + len(MEASURED))
    for row, scene in list(zip(table, scenes))[:50]:
        said = {name for name, value in zip(names, row) if value == 1 and " is " in name}
        assert said == {f"{factor} is {getattr(scene, factor)}" for factor in NAMED}
        assert [row[names.index(factor)] for factor in MEASURED] == [getattr(scene, factor) for factor in MEASURED]


def test_no_rule_for_a_single_odd_picture(scenes):
    """Right about all but one of 1200: twelve rules, none for the odd one; they name what makes the classes."""
    answers = np.arange(1200) % len(CLASSES)
    answers[7] = HORSE
    tree = factor_tree(scenes, answers)
    assert tree.classifier.get_n_leaves() == len(CLASSES) and tree.factors == {"shape", "coat"}
    assert (tree.predict(scenes) != answers).nonzero()[0].tolist() == [7]


def test_fewer_leaves_fewer_rules(scenes):
    answers = np.arange(1200) % len(CLASSES)
    tree = factor_tree(scenes, answers, leaves=5)
    assert len([line for line in tree.rules.splitlines() if "%" in line]) == 5
    assert (tree.predict(scenes) == answers).mean() == pytest.approx(5 / 12)


def test_scores_are_taken_and_it_is_the_same_each_time(scenes):
    scores = torch.nn.functional.one_hot(torch.arange(1200) % len(CLASSES), len(CLASSES)).float()
    assert factor_tree(scenes, scores).rules == factor_tree(scenes, scores.argmax(dim=1)).rules


@pytest.mark.parametrize("answers, options, message", [
    ([0] * 5, {}, "one answer for each scene, got 5 for 6"), ([1] * 5 + [12], {}, "from 0 to 11, not 1 to 12"),
    ([-1] * 6, {}, "from 0 to 11"), ([0.5] * 6, {}, "whole numbers"), ([0] * 6, {"leaves": 1}, "at least 2 leaves"),
])
def test_bad_input(scenes, answers, options, message):
    with pytest.raises(ValueError, match=message):
        factor_tree(scenes[:6], answers, **options)
