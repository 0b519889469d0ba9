import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import xaitutor
from tests.helpers import fingerprint
from xaitutor.menagerie import CLASSES
from xaitutor.menagerie.networks import build
from xaitutor.units import Crossing, Responses, census, crossing, judge, responses, selectivity
from xaitutor.units.counterfactuals import FACTORS, independent_scenes
from xaitutor.units.sensitivity import interval, total_effects, variance
from xaitutor.units.verdicts import KINDS, LARGE, _related

BASE = independent_scenes(48)


def planted(respond, scenes=BASE) -> Responses:
    """The responses of one unit whose formula is known: respond(scene) → a number."""
    def values(factor, levels):
        return np.array([[[respond(scene.replace(**{factor: level}))] for level in levels] for scene in scenes], float)

    return Responses(scenes, {factor: values(factor, levels) for factor, levels in FACTORS.items()})


def crossed(respond, scenes=BASE[:24]) -> Crossing:
    values = [[[[respond(scene.replace(shape=shape, coat=coat))] for coat in FACTORS["coat"]]
               for shape in FACTORS["shape"]] for scene in scenes]
    return Crossing(scenes, ("shape", "coat"), np.array(values, dtype=float))


def verdict(respond):
    return judge(planted(respond), 0, crossed(respond))


def of_first_unit(measured):
    return {factor: response[..., 0] for factor, response in measured.values.items()}


# The scenes and what is measured


def test_scenes_are_independent_and_uniform():
    """χ² of each factor, and of each pair of factors, stays under its 99.9 % quantile (normal approximation)."""
    scenes = independent_scenes(4000, seed=3)
    names = list(FACTORS)
    indices = np.array([[FACTORS[f].index(getattr(scene, f)) for f in names] for scene in scenes])
    for i, first in enumerate(names):
        for j, second in enumerate(names[i:], start=i):
            cells = len(FACTORS[first]) * (len(FACTORS[second]) if j > i else 1)
            joint = indices[:, i] if i == j else indices[:, i] * len(FACTORS[second]) + indices[:, j]
            chi2 = ((np.bincount(joint, minlength=cells) - 4000 / cells) ** 2).sum() / (4000 / cells)
            assert chi2 < cells - 1 + 3.1 * np.sqrt(2 * (cells - 1)) + 5, (first, second)
    assert any(scene.name is None for scene in scenes) and len(set(scenes)) == 4000


def test_the_first_scenes_stay_and_another_seed_gives_others():
    assert independent_scenes(50)[:48] == BASE
    assert not set(independent_scenes(48, seed=1)) & set(BASE)


class Colours(nn.Module):
    """Unit c of "maps" is colour channel c; "sums" adds them up."""

    def __init__(self):
        super().__init__()
        self.maps, self.sums = nn.Identity(), nn.Linear(3, 1, bias=False)
        nn.init.ones_(self.sums.weight)

    def forward(self, x):
        return self.sums(self.maps(x).mean((2, 3)))


def test_responses_are_those_to_the_pictures():
    model = Colours().eval()
    before = fingerprint(model)
    found = responses(model, ["maps", "sums"], lambda x: 2 * x, scenes=3, progress=False)
    largest = responses(model, "maps", lambda x: x, scenes=3, by="max", progress=False)["maps"]
    pairs = crossing(model, "maps", lambda x: x, scenes=2, first="colour", second="place", progress=False)["maps"]
    assert fingerprint(model) == before
    assert list(found) == ["maps", "sums"] and found["sums"].values["coat"].shape == (3, 6, 1)
    for factor, levels in FACTORS.items():
        i, level = 1, len(levels) - 1
        image = BASE[i].replace(**{factor: levels[level]}).render().image / 255
        np.testing.assert_allclose(found["maps"].values[factor][i, level], 2 * image.mean((0, 1)), rtol=1e-5)
        np.testing.assert_allclose(largest.values[factor][i, level], image.max((0, 1)), rtol=1e-5)
        own, shape = ([FACTORS[f].index(getattr(scene, f)) for scene in BASE[:3]] for f in (factor, "shape"))
        as_it_is = found["maps"].values["shape"][range(3), shape]  # whichever factor is asked about
        np.testing.assert_allclose(found["maps"].values[factor][range(3), own], as_it_is, rtol=1e-5)
    assert pairs.values.shape == (2, 5, 7, 3) and pairs.table(0).shape == (5, 7)
    image = BASE[1].replace(colour="brown", place="beach").render().image / 255
    np.testing.assert_allclose(pairs.values[1, 2, 5], image.mean((0, 1)), rtol=1e-5)


def test_a_picture_is_shown_once():
    shown = []

    class Counting(nn.Module):
        def forward(self, x):
            shown.extend(image.numpy().tobytes() for image in x)
            return x.mean((2, 3))

    responses(nn.Sequential(Counting()).eval(), "0", lambda x: x, scenes=3, progress=False)
    assert len(shown) == len(set(shown)) == 3 * (1 + sum(len(levels) - 1 for levels in FACTORS.values()))


def test_wrong_arguments():
    model = Colours().eval()
    with pytest.raises(ValueError, match="at least two of them, not scenes=1"):
        responses(model, "maps", lambda x: x, scenes=1, progress=False)
    with pytest.raises(ValueError, match='by=\'sum\': .* "mean" or the "max"'):
        responses(model, "maps", lambda x: x, by="sum", progress=False)
    with pytest.raises(ValueError, match="no layer 'map'; did you mean 'maps'"):
        responses(model, "map", lambda x: x, progress=False)
    with pytest.raises(ValueError, match="training mode"):
        crossing(Colours(), "maps", lambda x: x, progress=False)
    for pair in (("shape", "shape"), ("shape", "pose")):
        with pytest.raises(ValueError, match="two different factors of shape, coat, colour, place"):
            crossing(model, "maps", lambda x: x, first=pair[0], second=pair[1], progress=False)
    with pytest.raises(IndexError, match="no unit 1: it has 1 units"):
        judge(planted(lambda scene: 0), 1)
    colours = crossing(model, "maps", lambda x: x, scenes=2, first="colour", second="place", progress=False)["maps"]
    with pytest.raises(ValueError, match="one of shape and coat; this crossing is of colour and place"):
        judge(planted(lambda scene: scene.size), 0, colours)


# The index


def number(scene, factor):
    return FACTORS[factor].index(getattr(scene, factor))


def test_additive_units_have_the_shares_of_the_variance():
    """Var of k equally likely numbers 0 … k − 1 is (k² − 1) / 12; with nothing else in it, the shares add up to 1."""
    weights = {"shape": 1.0, "coat": 2.0, "colour": -3.0, "place": 0.5}
    truth = {factor: weights[factor] ** 2 * (len(levels) ** 2 - 1) / 12 for factor, levels in FACTORS.items()}
    scenes = independent_scenes(4000)
    measured = planted(lambda scene: sum(w * number(scene, factor) for factor, w in weights.items()), scenes)
    shares = total_effects(of_first_unit(measured))
    total = variance(of_first_unit(measured))(np.full(4000, 1 / 4000))
    assert total == pytest.approx(sum(truth.values()), rel=0.03)
    for factor, share in shares.items():
        assert share.value * total == pytest.approx(truth[factor], rel=1e-9)  # exact in every scene
        assert share.value == pytest.approx(truth[factor] / sum(truth.values()), rel=0.03)
    assert sum(share.value for share in shares.values()) == pytest.approx(1, rel=0.03)


def test_a_pure_interaction_counts_for_both():
    """±1 by shape times ±1 by coat, half of the levels each: neither does anything on average, and each decides all."""
    measured = planted(lambda scene: (-1) ** (number(scene, "shape") + number(scene, "coat")), independent_scenes(4000))
    shares = total_effects(of_first_unit(measured))
    assert shares["shape"].value == shares["coat"].value == pytest.approx(1, abs=0.02)
    assert shares["colour"] == shares["place"] == (0, 0, 0)


def test_what_the_factors_do_not_decide_lowers_the_shares():
    """Size is uniform on [0.72, 1.12] in `sample`: variance 0.4² / 12."""
    measured = planted(lambda scene: 2 * (scene.coat == "stripes") + 5 * scene.size, independent_scenes(4000))
    coat = 4 * (1 / 6) * (5 / 6)
    expected = coat / (coat + 25 * 0.4**2 / 12)
    assert total_effects(of_first_unit(measured))["coat"].value == pytest.approx(expected, rel=0.03)


def test_the_denominator_is_unbiased():
    """Over many small samples the mean is the variance of the unit, (k² − 1) / 12 for the places, and more."""
    scenes = independent_scenes(6000, seed=5)
    respond = planted(lambda scene: number(scene, "place") * (1 + number(scene, "coat")) + 10 * scene.light, scenes)
    everything = of_first_unit(respond)
    truth = variance(everything)(np.full(6000, 1 / 6000))
    few = [variance({f: v[i : i + 4] for f, v in everything.items()})(np.full(4, 1 / 4)) for i in range(0, 6000, 4)]
    assert abs(np.mean(few) - truth) < 3 * np.std(few) / np.sqrt(len(few))
    assert abs(np.mean(few) * 3 / 4 - truth) > 3 * np.std(few) / np.sqrt(len(few))  # the test can tell such a mistake


def tame(scene):
    return (scene.coat == "stripes") * scene.size + 0.1 * number(scene, "place") * scene.light


TAME = planted(tame), crossed(tame)


@settings(max_examples=25)
@given(st.floats(0.01, 100), st.floats(-100, 100), st.booleans())
def test_free_of_scale_and_offset(scale, offset, negative):
    measured, pairs = TAME
    plain = judge(measured, 0, pairs)
    scale = -scale if negative else scale
    moved = judge(measured._replace(values={f: scale * v + offset for f, v in measured.values.items()}), 0,
                  pairs._replace(values=scale * pairs.values + offset))
    for factor in FACTORS:
        np.testing.assert_allclose(moved.shares[factor], plain.shares[factor], rtol=1e-6, atol=1e-9)
    assert plain.verdict == "stripes detector (coat)"
    assert (moved.verdict == plain.verdict) != negative


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    """200 experiments of 48 scenes. A percentile interval of a ratio is a little narrow: at least 88 % for 95 %."""
    def respond(scene):
        colour = 0.1 * number(scene, "colour") * scene.light
        return (scene.coat == "stripes") * scene.size + 0.2 * (scene.shape == "horse") + colour

    everything = of_first_unit(planted(respond, independent_scenes(200 * 48, seed=2)))
    truth = {factor: share.value for factor, share in total_effects(everything).items()}
    held = {factor: 0 for factor in FACTORS}
    for start in range(0, 200 * 48, 48):
        shares = total_effects({factor: response[start : start + 48] for factor, response in everything.items()})
        for factor, share in shares.items():
            held[factor] += share.low - 1e-12 <= truth[factor] <= share.high + 1e-12
    assert all(0.88 * 200 <= held[factor] <= 0.99 * 200 for factor in ("shape", "coat", "colour")), held
    assert held["place"] == 200 and truth["place"] < 1e-12


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution():
    """In units of the standard error, its ends lie at ±1.96 on average over 40 samples."""
    ends = []
    for values in np.random.default_rng(0).standard_normal((40, 400)):
        found = interval(lambda weights, values=values: weights @ values, 400)
        assert found.value == pytest.approx(values.mean())
        ends.append((np.array(found[1:]) - found.value) / (values.std() / 20))
    np.testing.assert_allclose(np.mean(ends, 0), [-1.96, 1.96], atol=0.05)


# Verdicts on units of a known formula


def horse(scene):
    return scene.shape == "horse"


def stripes(scene):
    return scene.coat == "stripes"


def sized(scene):
    return stripes(scene) * (0.5 + scene.size)


VERDICTS = {
    "nothing": (lambda s: 0.0, "silent", "silent"),
    "a constant, and rounding": (lambda s: 3.0 + 1e-6 * stripes(s), "silent", "silent"),
    "stripes": (sized, "coat", "stripes detector (coat)"),
    "stripes and a bit of spots": (lambda s: sized(s) + 0.3 * (s.coat == "spots"), "coat", "stripes detector (coat)"),
    "falls for stripes": (
        lambda s: -sized(s), "coat", "coat, no single level: plain, spots, patches, blotches, saddle"),
    "two coats": (lambda s: s.coat in ("stripes", "spots"), "coat", "coat, no single level: stripes, spots"),
    "a shape": (lambda s: (s.shape == "giraffe") + 0.1 * s.light, "shape", "giraffe detector (shape)"),
    "snow": (lambda s: s.place == "snow", "place", "snow detector (place)"),
    "black": (lambda s: s.colour == "black", "colour", "black detector (colour)"),
    "zebra": (lambda s: horse(s) and stripes(s), "conjunction", "zebra detector (shape × coat)"),
    "a little for half of it": (
        lambda s: (horse(s) + stripes(s)) ** 3, "conjunction", "zebra detector (shape × coat)"),
    "nobody's class": (
        lambda s: s.shape == "cow" and s.coat == "spots", "conjunction", "spots cow detector (shape × coat)"),
    "zebra, but colour does more": (
        lambda s: (horse(s) and stripes(s)) + number(s, "colour"), "colour", "colour, no single level: black, grey"),
    "horse plus stripes": (lambda s: horse(s) + stripes(s), "undecided", "undecided"),
    "sofa or stripes": (
        lambda s: s.shape == "sofa" or stripes(s), "polysemantic", "polysemantic: stripes or sofa"),
    "snow or stripes": (
        lambda s: (s.place == "snow") + stripes(s), "polysemantic", "polysemantic: stripes or snow"),
    "snow and stripes together": (lambda s: s.place == "snow" and stripes(s), "undecided", "undecided"),
    "pose": (lambda s: s.head + s.light, "undecided", "undecided"),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_verdicts(case):
    respond, kind, words = VERDICTS[case]
    found = verdict(respond)
    assert (found.kind, found.verdict) == (kind, words)
    assert kind in KINDS


def test_what_colour_moves_as_much_is_no_zebra_detector():
    found = verdict(lambda s: (horse(s) and stripes(s)) + 0.3 * (s.colour == "black"))
    assert found.conjunction.surplus.low > 0 and found.conjunction.share.value > 0.5
    assert found.kind != "conjunction"


def test_two_causes_that_need_each_other_are_not_two():
    """Each raises the unit by more than a large effect, the interval says; without the other, neither does."""
    found = judge(planted(lambda s: s.place == "snow" and stripes(s), independent_scenes(3000)), 0)
    assert found.effects["place"]["snow"].low > LARGE and found.effects["coat"]["stripes"].low > LARGE
    assert found.kind != "polysemantic"


def test_without_a_crossing_no_conjunction_is_claimed():
    zebra = planted(lambda s: horse(s) and stripes(s))
    found = judge(zebra, 0)
    assert found.kind == "undecided" and found.conjunction is None


def test_conjunction_by_hand():
    """1 for neither, 2 more for the shape, 3 more for the coat, 10 more for both."""
    joint = verdict(lambda scene: 1 + 2 * (scene.shape == "horse") + 3 * (scene.coat == "stripes")
                    + 5 * (scene.shape == "horse" and scene.coat == "stripes")).conjunction
    assert joint.levels == ("horse", "stripes")
    assert (joint.both, joint.first, joint.second) == pytest.approx((10, 2, 3))
    assert joint.surplus == pytest.approx((4, 4, 4)) and joint.share.value == pytest.approx(1)


def test_levels_and_effects_by_hand():
    found = verdict(lambda scene: 4 + 3 * (scene.coat == "stripes"))
    assert found.levels["coat"]["stripes"] == pytest.approx((7, 7, 7))
    assert found.levels["coat"]["spots"] == pytest.approx((4, 4, 4))
    deviation = np.sqrt(9 * (1 / 6) * (5 / 6) / found.shares["coat"].value)  # the share is the coat's over the unit's
    assert found.effects["coat"]["stripes"].value == pytest.approx(3 / deviation)
    assert found.effects["coat"]["stripes"].value == pytest.approx(-5 * found.effects["coat"]["spots"].value)
    assert found.effects["place"]["snow"] == (0, 0, 0)


def test_a_verdict_needs_scenes():
    """The same units and four scenes: what chance can do as well is not named."""
    scenes = independent_scenes(4)
    noisy = planted(lambda scene: (scene.coat == "stripes") + 3 * scene.head + (scene.place == "snow"), scenes)
    assert judge(noisy, 0).kind == "undecided"


def test_related():
    assert _related(("shape", "horse"), ("coat", "stripes")) and _related(("coat", "stripes"), ("shape", "cat"))
    assert _related(("shape", "lion"), ("colour", "golden"))
    assert not _related(("shape", "sofa"), ("coat", "stripes"))  # a sofa wears anything
    assert not _related(("shape", "lion"), ("coat", "stripes"))
    assert not _related(("shape", "lion"), ("place", "savanna"))


# Networks


class Pixels(nn.Module):
    """Known functions of the pixels: how blue, how much a Gabor filter (in quadrature) finds upright stripes, one."""

    def __init__(self):
        super().__init__()
        self.units = nn.Identity()
        y, x = torch.meshgrid(torch.arange(-5.0, 6), torch.arange(-5.0, 6), indexing="ij")
        waves = torch.exp(-(x**2 + y**2) / 12) * torch.stack([torch.cos(1.2 * x), torch.sin(1.2 * x)])
        self.register_buffer("gabor", (waves - waves.mean((1, 2), keepdim=True))[:, None])

    def forward(self, x):
        blue = (x[:, 2] - (x[:, 0] + x[:, 1]) / 2).mean((1, 2))
        energy = nn.functional.conv2d(x.mean(1, keepdim=True), self.gabor).square().sum(1)
        striped = (energy - 1).relu().mean((1, 2))
        return self.units(torch.stack([blue, striped, torch.ones_like(blue)], 1))


def test_units_that_compute_something_known():
    measured = responses(Pixels().eval(), "units", lambda x: x, scenes=8, progress=False)["units"]
    blue, striped, constant = (judge(measured, unit) for unit in range(3))
    assert blue.kind == "place" and set(blue.verdict.split(": ")[1].split(", ")[:2]) == {"snow", "beach"}
    coats = striped.effects["coat"]
    assert max(coats, key=lambda coat: coats[coat].value) == "stripes" and coats["stripes"].low > 0
    assert constant.kind == "silent" and constant.shares["coat"] == (0, 0, 0)


def untrained():
    """As built, but for batch norm's statistics: without them hardly anything would reach the last layers."""
    torch.manual_seed(0)
    model = build("resnet18", len(CLASSES)).train()
    images = np.stack([scene.render().image for scene in independent_scenes(32, seed=9)])
    images = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        for _ in range(10):
            model(images)
    return model.eval()


def test_the_trained_network_has_selective_units_and_the_untrained_one_has_none_for_the_animal():
    trained, preprocess, _ = xaitutor.load_model("menagerie_resnet18")
    found = census(trained, ["layer1", "layer4"], preprocess, scenes=8, progress=False)
    by_chance = census(untrained(), "layer4", preprocess, scenes=8, progress=False)["layer4"]
    assert list(by_chance) == list(KINDS) and sum(by_chance.values()) == sum(found["layer4"].values()) == 128
    assert by_chance["conjunction"] == by_chance["shape"] == by_chance["coat"] == 0
    assert found["layer4"]["shape"] > 20 and found["layer4"]["place"] == 0
    assert found["layer1"]["place"] > found["layer1"]["shape"] == 0


def test_a_unit_for_stripes_whoever_wears_them():
    """Unit 28 of layer4: whatever the shape, the striped one raises it most, a sofa too."""
    model, preprocess, _ = xaitutor.load_model("menagerie_resnet18")
    table = crossing(model, "layer4", preprocess, scenes=8, progress=False)["layer4"].table(28)
    assert (table.argmax(1) == FACTORS["coat"].index("stripes")).all()
    one = selectivity(model, "layer4", 28, preprocess, scenes=8, progress=False)
    pairs = crossing(model, "layer4", preprocess, scenes=8, progress=False)["layer4"]
    assert one == judge(responses(model, "layer4", preprocess, scenes=8, progress=False)["layer4"], 28, pairs)
    assert max(one.effects["coat"], key=lambda coat: one.effects["coat"][coat].value) == "stripes"
