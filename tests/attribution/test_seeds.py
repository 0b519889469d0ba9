"""What another seed would have said."""

import pytest
import torch

from xaitutor import attribution
from xaitutor.attribution import over_seeds


def noisy(model, x, target=None, *, seed=0, size=1.0):
    return size * torch.randn(1, 1, 2, 2, generator=torch.Generator().manual_seed(seed))


def test_mean_and_interval_over_seeds():
    found = over_seeds(noisy, None, None, seeds=400, size=2.0)
    assert found.maps.shape == (400, 1, 1, 2, 2) and torch.equal(found.maps[7], noisy(None, None, seed=7, size=2.0))
    torch.testing.assert_close(found.mean, found.maps.mean(dim=0))
    share = ((found.low <= found.maps) & (found.maps <= found.high)).float().mean().item()
    assert share == pytest.approx(0.95, abs=0.01)


def test_no_seeds():
    with pytest.raises(ValueError, match="seeds must be a whole number of at least 1"):
        over_seeds(attribution.lime, None, None, seeds=0)
