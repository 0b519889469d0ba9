"""A basis makes a layer of directions, which the tools for units take as if they were units."""

import pytest
import torch
from torch import nn

import xaitutor
from tests.helpers import close
from xaitutor import units
from xaitutor.concepts import Basis, Features, pooled, unit_basis
from xaitutor.concepts.basis import as_maps, vectors


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)).eval()


@pytest.fixture
def x():
    return torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_the_units_are_a_basis_that_changes_nothing(network, x):
    found = units.feature_maps(Features(network, "1", unit_basis(5)), "features", x)["features"]
    assert torch.equal(found, units.feature_maps(network, "1", x)["1"])


def test_features_are_what_the_basis_makes_of_the_layer(network, x):
    turned = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(2))).Q
    basis = Basis(turned, lambda a: torch.einsum("kc,nchw->nkhw", turned, a))
    found = Features(network, "1", basis)(x)
    there = units.feature_maps(network, "1", x)["1"]
    assert close(torch.einsum("nkhw,kc->nchw", found, turned), there)


def test_pooled_is_what_an_average_over_the_places_passes_on(network, x):
    assert close(pooled(network, "1", x, batch=2), network[:4](x).detach())


def test_places_and_maps_are_the_same_numbers():
    a = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(3))
    assert vectors(a).shape == (24, 5) and torch.equal(vectors(a)[4], a[0, :, 1, 0])
    assert torch.equal(as_maps(vectors(a), a), a)


def test_units_are_judged_alike_as_features():
    model, preprocess, _ = xaitutor.load_model("menagerie_resnet18")
    asked = dict(scenes=2, progress=False)
    one = units.responses(model, "layer4", preprocess, **asked)["layer4"]
    two = units.responses(Features(model, "layer4", unit_basis(128)), "features", preprocess, **asked)["features"]
    assert (one.values["coat"] == two.values["coat"]).all()


def test_a_layer_that_is_not_there(network):
    with pytest.raises(ValueError, match="nowhere"):
        Features(network, "nowhere", unit_basis(5))
    with pytest.raises(ValueError, match="training mode"):
        Features(nn.Sequential(nn.Conv2d(3, 5, 3), nn.Dropout()), "0", unit_basis(5))
