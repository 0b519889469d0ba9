"""How alike the heatmaps of two classes are: of methods that do not look at the class, of all methods as stored, and computed again."""

import numpy as np
import pytest
import torch

from xaitutor.attribution import METHODS
from xaitutor.truth import networks, scoreboard
from xaitutor.truth.class_sensitivity import alike
from xaitutor.truth.given import contestant


def test_each_record_says_what_was_measured():
    """Which methods tell classes apart is no opinion: correlation of less than 0.9 over the scenes."""
    stored = scoreboard.read()["alike"]["menagerie_resnet18"]
    assert {name: stored[name][0] < 0.9 for name in METHODS} == {name: method.class_discriminative for name, method in METHODS.items()}
    assert list(scoreboard.read()["alike"]) == list(scoreboard.NETWORKS)


@pytest.mark.parametrize("name", ["gradient_x_input", "fem", "grad_cam", "deep_taylor"])
def test_the_file_says_what_is_measured(name):
    found = alike(contestant(name), networks.network("menagerie_resnet18"))
    assert np.isfinite(found).sum() > 12 and (np.abs(found[np.isfinite(found)]) <= 1 + 1e-9).all()
    assert np.nanmean(found) == pytest.approx(scoreboard.read()["alike"]["menagerie_resnet18"][name][0], abs=0.005)


def test_what_has_no_class_gives_1():
    class_blind = contestant(lambda model, x, target: x)
    found = alike(class_blind, networks.network("menagerie_resnet18"), scenes=12)
    assert found[np.isfinite(found)] == pytest.approx(1)


def test_maps_that_share_no_place_hardly_correlate():
    """Each class a pixel of its own: −1 / (n − 1) for n pixels."""
    def own_pixel(model, x, target):
        found = torch.zeros(len(x), 1, *x.shape[2:])
        found[torch.arange(len(x)), 0, 0, target] = 1
        return found

    found = alike(contestant(own_pixel), networks.network("menagerie_resnet18"), scenes=12)
    assert found[np.isfinite(found)] == pytest.approx(-1 / (128 * 128 - 1))
