import copy

import numpy as np
import pytest
import torch

from xaitutor import load_model
from xaitutor.attribution import gradient, last_feature_map
from xaitutor.menagerie import CLASSES
from xaitutor.truth import controls, disconnected
from xaitutor.truth.disconnected import BLIND, Disconnected, cells, share_in_cell, stitched, where
from xaitutor.truth.given import contestant
from xaitutor.truth.shapley import shapley_values


@pytest.fixture(scope="module")
def resnet():
    return load_model("menagerie_resnet18")[0]


def test_cells_and_grids_are_each_others_reverse():
    grids = torch.arange(2 * 3 * 6 * 8.0).reshape(2, 3, 6, 8)
    parts = cells(grids)
    assert parts.shape == (8, 3, 3, 4)
    assert torch.equal(parts[1], grids[0, :, :3, 4:]) and torch.equal(parts[6], grids[1, :, 3:, :4])
    assert torch.equal(stitched(parts), grids)


@pytest.mark.parametrize("cell", range(4))
def test_the_answer_comes_from_one_cell_alone(resnet, cell):
    x = torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    model = Disconnected(resnet, cell)
    with torch.no_grad():
        torch.testing.assert_close(model(x), resnet(cells(x)[cell : cell + 1]), atol=1e-3, rtol=1e-3)
    inside = where(cell, (256, 256))[0]
    found = gradient(model, x, 3)[0]
    assert found[:, inside].any() and not found[:, ~inside].any()
    assert last_feature_map(model, x).shape == (1, 128, 16, 16)  # of all four


def test_shapley_values_of_the_other_cells_are_0(resnet):
    generator = torch.Generator().manual_seed(1)
    here, elsewhere = torch.randn(2, 4, 3, 128, 128, generator=generator, dtype=torch.float64)
    model = Disconnected(copy.deepcopy(resnet), 2).double()
    there = torch.tensor([[subset >> i & 1 for i in range(4)] for subset in range(16)], dtype=torch.bool)
    grids = stitched(torch.where(there[:, :, None, None, None], here, elsewhere).flatten(0, 1))
    with torch.no_grad():
        values = model(grids)[:, 5].numpy()
    phi = shapley_values(values)
    assert abs(phi[2]) > 1e-3
    np.testing.assert_allclose(phi[[0, 1, 3]], 0, atol=1e-9)


def test_who_looks_at_the_right_cell_is_acquitted_and_who_is_blind_has_a_quarter():
    assert share_in_cell(contestant("gradient"), 4) == (1, 1, 1)
    assert share_in_cell(contestant(controls.random), 4).value == pytest.approx(BLIND, abs=0.01)
    assert share_in_cell(contestant("fem"), 4).value == pytest.approx(BLIND, abs=0.1)
    assert BLIND + 0.3 < share_in_cell(contestant("grad_cam"), 4).value < 0.99  # its weights know the cell, its map does not


def test_no_class_stands_twice_in_a_grid():
    assert len(CLASSES) % disconnected.CELLS == 0
