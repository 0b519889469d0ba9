"""The blind search: a network that looks at the place alone is suspected and convicted; one that cannot see it is not."""

import numpy as np
import pytest
import torch
from torch import nn

from xaitutor.audit import clever_hans
from xaitutor.menagerie import CLASSES
from xaitutor.menagerie.scene import PLACES
from xaitutor.truth import networks

WOLF = list(CLASSES).index("wolf")


class Bright(nn.Module):
    """Bright pictures are wolves, and of all places the snow is the brightest."""

    def forward(self, x):
        logits = torch.zeros(len(x), len(CLASSES), dtype=x.dtype)
        logits[:, WOLF] = 40 * (x.mean(dim=(1, 2, 3)) - 0.76)
        return logits


def as_it_is(model):
    """A network that takes pixels from 0 to 1."""
    return networks.Network("toy", model.eval(), None, None)


@pytest.fixture
def pixels(monkeypatch):
    monkeypatch.setattr(networks.Network, "inputs", lambda _, images: torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2).float() / 255)


def test_who_looks_at_the_place_is_suspected_and_convicted(pixels):
    cheat = as_it_is(Bright())
    found = clever_hans.suspicion(clever_hans.excess(cheat, clever_hans.in_every_place(2, 1)))
    assert (found.label, found.place) == (WOLF, "snow") and found.excess.low > 1
    assert clever_hans.lost(cheat, WOLF, "snow", count=12).value > 0.7


def test_excess_is_over_the_mean_of_all_places_and_in_the_order_of_classes(pixels):
    table = clever_hans.excess(as_it_is(Bright()), clever_hans.in_every_place(2, 3))
    assert table.shape == (12, len(PLACES), 2)
    np.testing.assert_allclose(table.mean(axis=1), 0, atol=1e-4)
    assert not np.delete(table, WOLF, axis=0).any() and table[WOLF, PLACES.index("forest")].max() < 0


def test_the_largest_mean_is_the_suspicion():
    table = np.zeros((12, 7, 3))
    table[4, 2] = (1, 2, 3)
    found = clever_hans.suspicion(table)
    assert (found.label, found.place, found.excess.value) == (4, PLACES[2], 2)


def test_only_what_was_recognised_can_be_lost(pixels, monkeypatch):
    found = iter([np.array([WOLF, WOLF, 0, 0, WOLF]), np.array([WOLF, 0, 0, WOLF, WOLF])])  # in the place, elsewhere
    monkeypatch.setattr(clever_hans, "answers", lambda network, scenes: next(found))
    assert clever_hans.lost(as_it_is(Bright()), WOLF, "snow", count=5).value == pytest.approx(1 / 3)


def test_nothing_can_be_lost_where_nothing_is_recognised(pixels):
    with pytest.raises(ValueError, match="recognises 0 of 6 pictures of the class zebra on snow"):
        clever_hans.lost(as_it_is(Bright()), list(CLASSES).index("zebra"), "snow", count=6)


def test_what_is_written_down_agrees_with_what_a_draw_gives():
    """The first draw again, on the biased network: the class, the place, and the excess to rounding."""
    first = clever_hans.read()["draws"]["menagerie_resnet18_biased"][0]
    scenes = clever_hans.in_every_place(clever_hans.SCENES, 1)
    network = networks.network("menagerie_resnet18_biased")
    wolves = [row for i, row in enumerate(scenes) if i % len(CLASSES) == WOLF]
    found = np.stack([clever_hans._background(network, row, np.full(len(row), WOLF), clever_hans.deeplift) for row in wolves])
    excess = (found - found.mean(axis=1, keepdims=True)).mean(axis=0)
    assert first["class"] == "wolf" and PLACES[int(excess.argmax())] == first["place"] == "snow"
    assert excess.max() == pytest.approx(first["excess"], abs=0.02)


def test_all_draws_convict_the_biased_network_and_no_other():
    for name, draws in clever_hans.read()["draws"].items():
        assert len(draws) == clever_hans.SEEDS
        assert all((draw["lost"] > clever_hans.SHARE) == (name == "menagerie_resnet18_biased") for draw in draws)
