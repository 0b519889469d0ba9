"""What a basis knows: closed forms on responses made by hand."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from xaitutor.concepts import common, contributions, recovered
from xaitutor.concepts.meanings import LEVELS, effects
from xaitutor.units.counterfactuals import FACTORS, Responses


def made(features, scenes=8, seed=0):
    """Responses of features that are 1 for one level, (factor, level), and noise elsewhere."""
    generator = np.random.default_rng(seed)
    values = {factor: 0.1 * generator.random((scenes, len(levels), len(features))) for factor, levels in FACTORS.items()}
    for i, (factor, level) in enumerate(features):
        values[factor][:, FACTORS[factor].index(level), i] += 1
    return Responses(tuple(range(scenes)), values)


KNOWN = [("coat", "stripes"), ("place", "snow"), ("shape", "sofa")]


def test_what_is_there_is_recovered():
    found = recovered(made(KNOWN))
    assert list(found) == list(LEVELS) and len(LEVELS) == 26
    assert [found[level].feature for level in KNOWN] == [0, 1, 2] and all(found[level].auc == 1 for level in KNOWN)
    assert np.mean([found[level].auc for level in LEVELS if level not in KNOWN]) < 0.7


def test_the_auc_is_scikit_learns():
    measured = made([("coat", "spots")], 12, seed=3)
    measured.values["coat"][:] = np.random.default_rng(1).normal(size=(12, 6, 1)).round(1)  # with ties
    values = measured.values["coat"][6:, :, 0]
    theirs = roc_auc_score((np.arange(6) == 2)[None].repeat(6, 0).ravel(), values.ravel())
    assert recovered(measured)["coat", "spots"].auc == pytest.approx(theirs)


def test_an_effect_is_a_difference_of_means():
    measured = made(KNOWN)
    table = measured.values["place"]
    by_hand = table[3, 2] - table[3, [0, 1, 3, 4, 5, 6]].mean(0)
    assert np.allclose(effects(measured, "place", "snow")[3], by_hand)


def test_the_worth_of_a_level_in_logits():
    directions = torch.tensor([[1.0, 0], [0, 1], [1, 1]])
    weights = torch.tensor([[2.0, -1], [0, 3]])
    measured = made(KNOWN)
    found = contributions(measured, directions, weights)
    assert found.shape == (8, 26, 2)
    snow = LEVELS.index(("place", "snow"))
    assert np.allclose(found[:, snow], effects(measured, "place", "snow")[:, [1]] * np.array([[-1, 3]]))


def test_a_complete_basis_gives_the_network_its_logits_back():
    """Of a linear head the contributions of all features of a level are the change of the logit."""
    generator = np.random.default_rng(4)
    values = {factor: generator.random((4, len(levels), 5)) for factor, levels in FACTORS.items()}
    weights = torch.from_numpy(generator.random((3, 5)))
    logits = Responses(tuple(range(4)), {factor: table @ weights.numpy().T for factor, table in values.items()})
    whole = effects(Responses(tuple(range(4)), values), "shape", "cat") @ weights.numpy().T
    assert np.allclose(whole, effects(logits, "shape", "cat"))


def test_what_two_bases_have_in_common():
    one = made(KNOWN)
    scaled = Responses(one.scenes, {factor: 3 * table[..., [2, 0]] + 1 for factor, table in one.values.items()})
    assert common(one, one) == 1
    assert common(one, scaled) == pytest.approx(2 / 3) and common(scaled, one) == 1
    assert common(made([("coat", "spots")]), made([("place", "room")], seed=1)) == 0


def test_a_feature_that_is_always_the_same_is_left_out():
    one = made(KNOWN)
    silent = Responses(one.scenes, {factor: np.concatenate([table, np.ones_like(table[..., :1])], -1) for factor, table in one.values.items()})
    assert common(silent, one) == 1


def test_bad_input():
    with pytest.raises(ValueError, match="at least 4, not 3"):
        recovered(made(KNOWN, 3))
    with pytest.raises(ValueError, match="same scenes"):
        common(made(KNOWN, 8), made(KNOWN, 9))
    with pytest.raises(ValueError, match="as long as each other"):
        contributions(made(KNOWN), torch.eye(3), torch.eye(2))
