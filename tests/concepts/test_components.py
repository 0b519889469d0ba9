"""Components: scikit-learn's factorisation, and known parts that come out again."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import NMF

from tests.helpers import close
from xaitutor.concepts import components
from xaitutor.concepts.basis import vectors


def made_of(parts, places=400, seed=0):
    """Activations (places / 4, C, 2, 2) that are sums of known parts, of which a third is there at a place."""
    generator = np.random.default_rng(seed)
    shares = generator.random((places, len(parts))) * (generator.random((places, len(parts))) < 1 / 3)
    return torch.from_numpy(shares @ parts).float().reshape(places // 4, 2, 2, -1).movedim(-1, 1)


PARTS = np.eye(3).repeat(4, axis=1)[:, :12] + 0.05  # three parts of four channels each


def test_known_parts_come_out():
    found = components(made_of(PARTS), 3).directions.double().numpy()
    true = PARTS / np.linalg.norm(PARTS, axis=1, keepdims=True)
    assert (found @ true.T).max(axis=0).min() > 0.99


def test_they_add_up_to_the_activation_again():
    a = made_of(PARTS)
    basis = components(a, 3)
    z = basis.encode(a)
    assert z.shape == (100, 3, 2, 2) and z.min() >= 0 and (basis.directions >= 0).all()
    assert torch.allclose(basis.directions.norm(dim=1), torch.ones(3), atol=1e-5)
    again = torch.einsum("nkhw,kc->nchw", z, basis.directions)
    assert (again - a).norm() < 0.02 * a.norm()


def test_it_is_scikit_learns():
    a = made_of(PARTS)
    rows = vectors(a).numpy()[torch.randperm(400, generator=torch.Generator().manual_seed(5))]
    theirs = NMF(3, init="nndsvdar", max_iter=400, random_state=5, tol=1e-4).fit(rows).components_
    assert close(components(a, 3, seed=5).directions, torch.from_numpy(theirs / np.linalg.norm(theirs, axis=1, keepdims=True)), 1e-4)


@pytest.mark.parametrize("a, k, message", [
    (torch.rand(4, 5, 2, 2) - 0.5, 2, "behind a ReLU"), (torch.rand(4, 5, 2, 2), 6, "between 1 and the 5 channels"), (torch.rand(4, 5, 2, 2), 0, "not 0"),
    (torch.rand(4, 5), 2, r"\(N, C, h, w\)"), (torch.full((4, 5, 2, 2), torch.nan), 2, "NaN"), (torch.rand(1, 5, 1, 1), 2, "at least as many places"),
])
def test_bad_input(a, k, message):
    with pytest.raises(ValueError, match=message):
        components(a, k)
