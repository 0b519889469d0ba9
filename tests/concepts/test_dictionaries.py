"""A sparse dictionary: sparse, better with more features, and it finds directions that are known."""

import pytest
import torch
from torch.nn import functional as F

from tests.helpers import close
from xaitutor.concepts import dictionary, train_dictionary
from xaitutor.concepts.basis import vectors
from xaitutor.concepts.dictionaries import ACTIVE, FEATURES, SparseAutoencoder, embedded, unexplained


def superposed(directions, places=4000, seed=0):
    """Activations of which each is one or two of the directions, more of them than there are channels."""
    generator = torch.Generator().manual_seed(seed)
    strength = torch.rand(places, len(directions), generator=generator) + 0.5
    order = torch.rand(places, len(directions), generator=generator).argsort(dim=1)
    return (strength * (order < 2) @ directions).reshape(-1, 2, 2, directions.shape[1]).movedim(-1, 1)


def test_directions_in_superposition_come_out():
    true = F.normalize(torch.randn(24, 16, generator=torch.Generator().manual_seed(3)), dim=1)
    a = superposed(true)
    found = dictionary(train_dictionary(a, 48, 3, steps=800, progress=False)).directions
    likeness = (F.normalize(found, dim=1) @ true.T).max(dim=0).values
    control = (F.normalize(torch.randn(48, 16, generator=torch.Generator().manual_seed(4)), dim=1) @ true.T).max(dim=0).values
    assert (likeness > 0.9).float().mean() > 0.8 and (control > 0.9).float().mean() < 0.1


def test_few_are_active_and_they_add_up():
    model = embedded(0)
    a = torch.rand(3, 128, 2, 2, generator=torch.Generator().manual_seed(1)) * 2
    basis = dictionary(model)
    z = basis.encode(a)
    assert z.shape == (3, FEATURES, 2, 2) and z.min() >= 0 and ((z > 0).sum(dim=1) <= ACTIVE).all()
    again = torch.einsum("nkhw,kc->nchw", z, basis.directions) + model.mean[:, None, None]
    assert close(vectors(again), model(vectors(a)))


def test_a_direction_is_as_long_as_it_says():
    """However long the decoder's rows are: what a feature adds is its activation times one direction."""
    a = torch.rand(2, 5, 2, 2, generator=torch.Generator().manual_seed(3))
    model = SparseAutoencoder(5, 7, 3)
    with torch.no_grad():
        model.decoder.copy_(torch.randn(7, 5, generator=torch.Generator().manual_seed(4)) * 3)
    basis = dictionary(model.requires_grad_(False))
    assert close(vectors(torch.einsum("nkhw,kc->nchw", basis.encode(a), basis.directions)), model(vectors(a)))


def test_the_largest_are_kept():
    model = SparseAutoencoder(2, 3, 2)
    with torch.no_grad():
        model.encoder.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [1, 1]]))
        model.encoder.bias.zero_()
    assert model.code(torch.tensor([[1.0, 2.0], [-1.0, 0.5]])).tolist() == [[0, 2, 3], [0, 0.5, 0]]


def test_what_is_unexplained():
    a = torch.randn(50, 4, 2, 2, generator=torch.Generator().manual_seed(2))
    model = SparseAutoencoder(4, 8, 8)
    with torch.no_grad():
        model.encoder.weight.copy_(torch.cat([torch.eye(4), -torch.eye(4)]))
        model.encoder.bias.zero_()
        model.decoder.copy_(model.encoder.weight)
    assert unexplained(model, a) < 1e-10
    with torch.no_grad():
        model.encoder.bias.fill_(-100)  # nothing is active: what is left is the mean
    model.mean.copy_(vectors(a).mean(0))
    assert unexplained(model, a) == pytest.approx(1, abs=1e-5)


def test_the_same_seed_gives_the_same_dictionary():
    a = torch.rand(20, 6, 3, 3, generator=torch.Generator().manual_seed(6))
    one, two, three = (train_dictionary(a, 9, 2, seed, steps=5, progress=False).decoder for seed in (0, 0, 1))
    assert torch.equal(one, two) and not torch.equal(one, three)


@pytest.mark.parametrize("progress", [True, False])
@pytest.mark.parametrize("active", [1, 3])
def test_from_one_to_all_may_be_active_and_a_bar_shows_on_demand(active, progress, capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    a = torch.rand(9, 4, 2, 2, generator=torch.Generator().manual_seed(6))
    z = dictionary(train_dictionary(a, 3, active, steps=2, progress=progress)).encode(a)
    assert ((z > 0).sum(dim=1) <= active).all()
    assert ("training a dictionary" in capsys.readouterr().err) == progress


def test_bad_input():
    with pytest.raises(ValueError, match="1 or more, not 0"):
        train_dictionary(torch.rand(9, 4, 2, 2), 3, 0)
    with pytest.raises(ValueError, match="active"):
        train_dictionary(torch.rand(9, 4, 2, 2), 3, 4)
    with pytest.raises(ValueError, match=r"\(N, C, h, w\)"):
        train_dictionary(torch.rand(9, 4), 3, 2)
    with pytest.raises(ValueError, match="0 to 1, not 2"):
        embedded(2)
