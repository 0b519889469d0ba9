"""SpRAy: planted kinds come out, whatever else the maps have, and bad input is named."""

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from xaitutor import audit
from xaitutor.audit import clusters


def mixture(kinds, each=20, noise=0.3, seed=0):
    """Maps that are hot in one of some quarters of the picture, mixed up, and which quarter each has."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(kinds).repeat(each)[torch.randperm(kinds * each, generator=generator)]
    maps = noise * torch.rand(len(labels), 32, 32, generator=generator)
    for one, label in zip(maps, labels):
        one[16 * (int(label) // 2):][:16, 16 * (int(label) % 2):][:, :16] += 1
    return maps, labels.numpy()


@pytest.mark.parametrize("kinds", [2, 3, 4])
def test_planted_kinds_come_out_and_the_eigengap_counts_them(kinds):
    maps, labels = mixture(kinds)
    found = audit.spray(maps)
    assert adjusted_rand_score(labels, found.labels) == 1
    assert np.argmax(np.diff(found.eigenvalues)[1:]) + 2 == kinds


def test_a_factor_changes_nothing_and_the_same_maps_give_the_same_clusters():
    maps, _ = mixture(3, noise=2.0)
    first = audit.spray(maps, 3)
    assert np.array_equal(first.labels, audit.spray(maps * torch.rand(60, 1, 1).add(0.5), 3).labels)


def test_the_largest_cluster_comes_first():
    maps, _ = mixture(2, each=30)
    found = audit.spray(torch.cat([maps, mixture(4, each=12)[0][:24]]), 4)
    sizes = np.bincount(found.labels)
    assert list(sizes) == sorted(sizes, reverse=True) and len(sizes) == 4


def test_one_cluster_is_everybody():
    assert not audit.spray(mixture(2)[0], 1).labels.any()


def test_the_laplacian():
    """Two pairs that are joined to nobody else: eigenvalues 0, 0, 2, 2. A ring of four: 0, 1, 1, 2."""
    pairs = np.kron(np.eye(2), [[0, 1], [1, 0]])
    ring = np.roll(np.eye(4), 1, axis=0) + np.roll(np.eye(4), -1, axis=0)
    assert np.linalg.eigvalsh(clusters.laplacian(pairs)) == pytest.approx([0, 0, 2, 2])
    assert np.linalg.eigvalsh(clusters.laplacian(ring)) == pytest.approx([0, 1, 1, 2], abs=1e-12)


@pytest.mark.parametrize("heat, options, message", [
    (torch.zeros(20, 4), {}, r"expected finite maps \(N, H, W\)"), (torch.full((20, 4, 4), torch.nan), {}, "NaN or infinity"),
    (torch.rand(8, 4, 4), {}, "8 maps are too few for 8 neighbours; it takes 9"), (torch.rand(20, 4, 4), {"clusters": 30}, "and 30 clusters; it takes 30"),
    (torch.rand(20, 4, 4), {"side": 0}, "side must be"), (torch.rand(20, 4, 4), {"clusters": 0}, "it takes|clusters must be")])
def test_bad_input(heat, options, message):
    with pytest.raises(ValueError, match=message):
        audit.spray(heat, **options)
