import numpy as np
import pytest
import torch

from xaitutor.attribution import cam
from xaitutor.truth import handwritten
from xaitutor.truth.given import contestant, relevance
from xaitutor.truth.handwritten import COUNTERS, class_contrast
from xaitutor.truth.shapley import shapley_values


@pytest.mark.parametrize("counter", COUNTERS)
def test_the_worth_of_each_patch_is_its_shapley_value(counter):
    """All 64 coalitions; what is missing is grey, which counts for nothing."""
    build, draw = COUNTERS[counter]
    model, patches = build(), draw(3)
    there = torch.tensor([[subset >> i & 1 for i in range(6)] for subset in range(64)]).float()
    pictures = patches.x[:, None] * torch.einsum("sr,nrhw->nshw", there, patches.regions)[:, :, None]
    values = model(pictures.flatten(0, 1)).reshape(3, 64, -1).transpose(1, 2).double().numpy()
    np.testing.assert_allclose(shapley_values(values), patches.worth, atol=1e-4)
    assert np.abs(patches.worth).max() > 1 and (patches.worth < 0).any() and not patches.worth[:, :, 5].any()


def test_a_red_picture_is_red_and_a_striped_one_striped():
    red = torch.tensor(handwritten.COLOURS["red"]).float()[None, :, None, None].expand(1, 3, 128, 128)
    torch.testing.assert_close(handwritten.colour_counter()(red), torch.tensor([[100.0, 0, -50]]))
    stripes = ((-1.0) ** torch.arange(128)).expand(1, 3, 128, 128)
    across, along = handwritten.stripe_counter()(stripes)[0].tolist()
    assert across == pytest.approx(100 * 125 / 128, rel=1e-4) and along == pytest.approx(-across / 2)
    assert handwritten.stripe_counter()(stripes.mT)[0].tolist() == pytest.approx([along, across])


@pytest.mark.parametrize("counter", COUNTERS)
def test_patches_do_not_touch_and_the_ground_is_the_rest(counter):
    patches = COUNTERS[counter][1](6)
    assert patches.regions.sum(dim=1).eq(1).all() and patches.regions.sum(dim=(2, 3)).min() >= 12 * 12
    grown = torch.nn.functional.max_pool2d(patches.regions[:, :5], 3, stride=1, padding=1)
    assert grown.sum(dim=1).max() == 1
    assert patches.x[patches.regions[:, None, 5].expand(-1, 3, -1, -1) == 1].abs().max() <= 0.1


def test_the_truth_agrees_with_itself_and_the_blind_with_nothing():
    def truth(model, x, target):
        patches = handwritten.colour_patches()
        worth = torch.from_numpy(patches.worth)[torch.arange(len(x)), target]
        return torch.einsum("nr,nrhw->nhw", worth / patches.regions.sum(dim=(2, 3)), patches.regions.double())[:, None]

    assert class_contrast(contestant(truth), "colour") == pytest.approx((1, 1, 1))
    assert class_contrast(contestant(lambda *asked: -truth(*asked)), "colour") == pytest.approx((-1, -1, -1))
    for name in ("random", "centre", "sobel", "fem"):
        assert class_contrast(contestant(name), "colour") == (0, 0, 0)


def test_a_count_is_saturated_and_a_path_to_it_is_not():
    assert class_contrast(contestant("gradient"), "colour") == (0, 0, 0)
    assert class_contrast(contestant("integrated_gradients"), "colour").value > 0.9
    assert class_contrast(contestant("gradient_x_input"), "stripes").value > 0.9


def test_cam_can_be_used_on_both():
    for build, draw in COUNTERS.values():
        patches = draw(2)
        maps = cam(build(), patches.x, 0)
        assert maps.shape == (2, 1, 8, 8)
        assert np.corrcoef(relevance(maps, patches.regions).ravel(), patches.worth[:, 0].ravel())[0, 1] > 0.9
