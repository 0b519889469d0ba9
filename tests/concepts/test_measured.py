"""The table that comes with the course: what of it can be computed again in seconds is."""

import numpy as np
import pytest
import torch

from xaitutor.concepts import measured, unit_basis
from xaitutor.concepts.meanings import LEVELS, effects
from xaitutor.menagerie import CLASSES, sample
from xaitutor.truth import networks
from xaitutor.units import responses

CLASS_NAMES = list(CLASSES)


@pytest.fixture(scope="module")
def told():
    return measured.read()


def test_each_row_is_possible(told):
    assert len(told["bases"]) == 18 and told["about"]["levels"] == [list(level) for level in LEVELS]
    for name, row in told["bases"].items():
        assert row["one factor"] <= row["features"] and row["one level"] + row["silent"] <= row["features"], name
        assert len(row["recovered"]) <= 26 and 0.4 < row["mean auc"] <= 1, name
        assert ("worth" in row) == (name.startswith("layer4") and "untrained" not in name), name
        assert ("common" in row) == ("units" not in name), name


def test_what_snow_is_worth_to_a_wolf_is_what_the_file_says(told):
    network, wolf = networks.network(measured.BIASED), CLASS_NAMES.index("wolf")
    scenes = [sample(900 + i, "wolf") for i in range(measured.CLASS_SCENES)]
    found = measured._worth(network, scenes, wolf)
    stored = np.array(told["tcav"][measured.BIASED]["layer3"]["true"])[wolf]
    assert np.allclose(found, stored, atol=0.01)
    assert found[LEVELS.index(("place", "snow"))] > 4


def test_a_row_of_few_scenes(monkeypatch):
    monkeypatch.setattr(measured, "SCENES", 4)
    network = networks.network(measured.NETWORK)
    logits = responses(network.model, "fc", network.preprocess, 4, progress=False)["fc"]
    true = np.stack([effects(logits, *level) for level in LEVELS], axis=1)
    row = measured.row(measured.Entry(network, "layer4", unit_basis(128), unit_basis(128)), true)
    assert row["features"] == 128 and row["common"] == 1 and len(row["worth"]) == 3


def test_the_agreement_of_tables():
    table = np.random.default_rng(0).normal(size=(6, 5, 4))
    assert measured.agreement(table, 3 * table + 1).value == pytest.approx(1)
    other = np.random.default_rng(1).normal(size=(6, 5, 4))
    assert measured.agreement(table, other).value == pytest.approx(np.corrcoef(table.mean(0).ravel(), other.mean(0).ravel())[0, 1])


def test_random_directions_are_on_half_of_the_time():
    a = 3 + torch.randn(40, 6, 3, 3, generator=torch.Generator().manual_seed(2))  # far from nought, as what a ReLU gives
    z = measured.random_basis(a, 50, seed=1).encode(a)
    assert z.shape == (40, 50, 3, 3) and abs((z > 0).double().mean() - 0.5) < 0.05
