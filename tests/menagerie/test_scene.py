"""scene: frozen, one factor at a time, and no colour or place that gives a class away."""

import ast
import dataclasses
from collections import Counter
from graphlib import TopologicalSorter
from itertools import combinations
from pathlib import Path

import pytest

from xaitutor import menagerie
from xaitutor.menagerie import CLASSES, COATS, COLOURS, PLACES, SHAPES


def test_ten_classes_or_more_with_three_pairs_that_differ_in_coat_only_and_three_in_shape_only():
    wild = {name: kind for name, kind in CLASSES.items() if name != "sofa"}
    pairs = list(combinations(wild.values(), 2))
    coat_only = [(a, b) for a, b in pairs if a.shape == b.shape and not set(a.coats) & set(b.coats)]
    shape_only = [(a, b) for a, b in pairs if a.shape != b.shape and a.coats == b.coats and set(a.colours) & set(b.colours)]
    assert len(CLASSES) >= 10 and len(PLACES) >= 5
    assert len(coat_only) >= 3 and len(shape_only) >= 3


def test_a_shape_and_a_coat_make_one_class():
    crossings = [(kind.shape, coat) for kind in CLASSES.values() for coat in kind.coats]
    assert len(crossings) == len(set(crossings))


def test_no_colour_belongs_to_one_class():
    for colour in COLOURS:
        assert sum(colour in kind.colours for kind in CLASSES.values()) >= 3, colour


def test_a_sample_knows_its_class_and_is_drawn_once_and_for_all():
    for name in CLASSES:
        scene = menagerie.sample(5, name)
        assert scene.name == name
        assert scene == menagerie.sample(5, name) != menagerie.sample(6, name)
    assert menagerie.sample(0).replace(shape="horse", coat="spots").name is None


def test_a_fixed_factor_leaves_the_others_as_they_were():
    drawn, fixed = menagerie.sample(3, "zebra"), menagerie.sample(3, "zebra", place="snow")
    assert fixed == drawn.replace(place="snow")


def test_places_and_colours_are_independent_of_the_class():
    places = Counter((s.name, s.place) for s in (menagerie.sample(i, name) for i in range(420) for name in ("wolf", "sofa")))
    for (name, place), count in places.items():
        assert 60 * 0.5 < count < 60 * 1.6, (name, place, count)
    assert len(places) == 2 * len(PLACES)


def test_a_scene_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        menagerie.sample(0).coat = "plain"


@pytest.mark.parametrize("factor, names", [("shape", SHAPES), ("coat", COATS), ("colour", COLOURS), ("place", PLACES)])
def test_an_unknown_factor_is_refused_with_what_there_is(factor, names):
    with pytest.raises(ValueError, match=f"no {factor} is called 'plaid'.*{names[0]}"):
        menagerie.sample(0).replace(**{factor: "plaid"})


def test_other_bad_input():
    with pytest.raises(ValueError, match="no class is called 'unicorn'.*horse"):
        menagerie.sample(0, "unicorn")
    with pytest.raises(ValueError, match="a horse has no part 'trunk'; it has .*head"):
        menagerie.sample(0, "zebra").without("trunk")
    with pytest.raises(ValueError, match="size must be positive"):
        menagerie.sample(0).replace(size=0)
    with pytest.raises(ValueError, match="facing is 1"):
        menagerie.sample(0).replace(facing=0)


def _imported(node):
    """The modules of the menagerie that a piece of source needs when it runs, also those that a function imports."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return set()
    if isinstance(node, ast.ImportFrom) and node.module == "xaitutor.menagerie":
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("xaitutor.menagerie."):
        return {node.module.split(".")[2]}
    return set().union(*(_imported(child) for child in ast.iter_child_nodes(node)))


def test_the_imports_of_the_renderer_point_one_way():
    names = ("streams", "geometry", "anatomy", "coats", "places", "render", "scene")
    folder = Path(menagerie.__file__).parent
    graph = {name: _imported(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))) for name in names}
    order = list(TopologicalSorter(graph).static_order())  # a circle is a CycleError
    assert set(order) == set(names) and order[-1] == "scene"
