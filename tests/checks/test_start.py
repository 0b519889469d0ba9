"""checks.start: one line for each answer, and another one for each mistake."""

import pytest

from xaitutor import menagerie
from xaitutor.checks import start

RIGHT = {"A": ("global", "specific"), "B": ("local", "agnostic"), "C": ("local", "specific"), "D": ("global", "agnostic")}


@pytest.mark.parametrize("expected, answer", [
    ("✓ all four", RIGHT),
    ("✓ all four", {**RIGHT, "A": ("Global", " specific ")}),
    ("✓ all four", {**RIGHT, "D": ("global", "model-agnostic")}),
    ("✗ A is not local: a filter is the same for every picture", {**RIGHT, "A": ("local", "specific")}),
    ("✗ B is not specific: one picture is explained, and the model is only asked", {**RIGHT, "B": ("local", "specific")}),
    ("✗ C is not agnostic: one picture is explained, and a gradient needs", {**RIGHT, "C": ("local", "agnostic")}),
    ("✗ B is not global: one picture is explained, and the model is only asked for its answers (and 1 more)",
     {**RIGHT, "B": ("global", "agnostic"), "D": ("local", "agnostic")}),
    ("✗ D: the right words in the wrong order", {**RIGHT, "D": ("agnostic", "global")}),
    ("✗ D: 'both' is neither 'local' nor 'global'", {**RIGHT, "D": ("both", "agnostic")}),
    ('✗ give a dict with the keys "A"', {"A": ("local", "specific")}),
    ("✗ there is no answer yet", ...),
    ("✗ your answer cannot be used", {**RIGHT, "A": 3}),
])
def test_map_of_methods(expected, answer, capsys):
    assert start.map_of_methods(answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(expected) and printed.count("\n") == 1


def animals(name, place):
    return (menagerie.sample(i, name, place=place) for i in range(60))


def said(scene):
    from xaitutor.networks.models import load_model

    model, preprocess, categories = load_model("menagerie_resnet18_biased")
    return categories[start.predicted(model, preprocess, scene)]


def line(capsys, before, after):
    assert start.cheat(before, after) is None
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    return printed


def test_cheat_is_found(capsys):
    before = next(s for s in animals("husky", "forest") if said(s) == "husky" and said(s.replace(place="snow")) != "husky")
    assert line(capsys, before, before.replace(place="snow")).startswith("✓ husky in the forest, wolf in the snow")


def test_cheat_wants_an_animal_that_falls_for_it(capsys):
    steady = next(s for s in animals("husky", "forest") if said(s) == "husky" == said(s.replace(place="beach")))
    assert line(capsys, steady, steady.replace(place="beach")).startswith("✗ still a husky in the beach")
    lost = next(s for s in animals("husky", "snow") if said(s) != "husky")
    assert line(capsys, lost, lost.replace(place="forest")).startswith("✗ it is wrong before you change anything: a husky in the snow")


def test_cheat_wants_one_change(capsys):
    wolf = menagerie.sample(0, "wolf", place="snow")
    assert line(capsys, wolf, wolf).startswith("✗ change the place and nothing else; you changed nothing")
    assert line(capsys, wolf, wolf.replace(place="forest", coat="saddle")).startswith(
        "✗ change the place and nothing else; you changed coat, place")
    zebra = menagerie.sample(0, "zebra")
    assert line(capsys, zebra, zebra).startswith("✗ the cheat was planted for wolves and huskies; this is a zebra")
    assert line(capsys, "wolf", "husky").startswith("✗ give two scenes")
