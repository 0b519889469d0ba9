"""ROAD's imputation: what it must leave alone, what it must bring back exactly, and the equations themselves."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xaitutor import referees


def hidden(seed, share=0.5, size=(9, 12)):
    return torch.rand(size, generator=torch.Generator().manual_seed(seed)) < share


@given(st.integers(0, 2**16), st.floats(0.05, 0.9))
def test_what_is_seen_stays_and_what_is_hidden_is_the_mean_of_its_neighbours(seed, share):
    image = torch.randn(2, 9, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    mask = hidden(seed, share)
    found = referees.imputed(image, mask, noise=0)
    assert torch.equal(found[:, ~mask], image[:, ~mask])
    if mask.all():
        return
    padded = np.pad(found.numpy(), ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    for row, column in mask.nonzero().tolist():
        around = padded[:, row:row + 3, column:column + 3].reshape(2, 9)
        weights = np.where(np.isnan(around[0]), 0, np.array([1, 2, 1, 2, 0, 2, 1, 2, 1]))
        np.testing.assert_allclose(found[:, row, column], (np.nan_to_num(around) * weights).sum(axis=1) / weights.sum(), atol=1e-9)


def test_plain_areas_and_even_slopes_come_back():
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(14.0), indexing="ij")
    image = torch.stack([torch.full((12, 14), 0.3), 2 * rows - 3 * columns]).double()
    mask = hidden(4, size=(12, 14))
    mask[[0, -1]] = mask[:, [0, -1]] = False  # at the edge a slope has no other side
    torch.testing.assert_close(referees.imputed(image, mask, noise=0), image)
    mask[0] = True
    torch.testing.assert_close(referees.imputed(image, mask, noise=0)[0], image[0])


def test_nothing_and_everything_hidden():
    image = torch.rand(3, 5, 6, dtype=torch.float64)
    assert torch.equal(referees.imputed(image, torch.zeros(5, 6, dtype=torch.bool)), image)
    everything = referees.imputed(image, torch.ones(5, 6, dtype=torch.bool), noise=0)
    torch.testing.assert_close(everything, image.mean(dim=(1, 2), keepdim=True).expand_as(image))


def test_noise_is_of_the_size_asked_for_and_only_where_it_belongs():
    image, mask = torch.zeros(3, 60, 60), hidden(1, size=(60, 60))
    found = referees.imputed(image, mask, noise=0.1, generator=torch.Generator().manual_seed(2))
    assert torch.equal(found[:, ~mask], image[:, ~mask]) and 0.095 < found[:, mask].std() < 0.105


@pytest.mark.parametrize("image, mask", [(torch.zeros(1, 3, 4, 4), torch.ones(4, 4, dtype=torch.bool)), (torch.zeros(3, 4, 4), torch.ones(4, 5, dtype=torch.bool)),
                                         (torch.zeros(3, 4, 4), torch.ones(4, 4))])
def test_other_shapes(image, mask):
    with pytest.raises(ValueError, match="expected an image"):
        referees.imputed(image, mask)
