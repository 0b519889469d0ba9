"""Occlusion against Captum and a linear network; RISE against its formula and its expectation."""

import captum.attr
import pytest
import torch
from torch import nn

from tests.helpers import close
from xaitutor import attribution, load_model
from xaitutor.attribution.hiding import windows
from xaitutor.networks.images import load_image
from xaitutor.truth.given import counted_passes


def linear(size=(9, 11), classes=4):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * size[0] * size[1], classes)).double().eval()


def pictures(n=2, size=(9, 11)):
    return torch.randn(n, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("window, stride", [(1, 1), (3, 3), (4, 2), (5, 3), (9, 9)])
@pytest.mark.parametrize("fill", [0, 0.5])
def test_as_captum(window, stride, fill):
    model, x = linear(), pictures()
    theirs = captum.attr.Occlusion(model).attribute(x, (3, window, window), (3, stride, stride), baselines=fill, target=1)
    assert close(attribution.occlusion(model, x, 1, window=window, stride=stride, fill=fill), theirs[:, :1])


def test_as_captum_on_a_convolutional_network():
    model, preprocess, categories = load_model("menagerie_resnet18")
    x = preprocess(load_image("menagerie/zebra"))[None]
    theirs = captum.attr.Occlusion(model).attribute(x, (3, 48, 48), (3, 32, 32), target=2)
    torch.testing.assert_close(attribution.occlusion(model, x, 2, window=48, stride=32), theirs[:, :1], atol=1e-4, rtol=1e-4)


def test_pixel_by_pixel_it_is_weight_times_input_where_the_network_is_linear():
    model, x = linear(), pictures()
    expected = (model[1].weight[2].reshape(3, 9, 11) * x).sum(dim=1, keepdim=True)
    assert close(attribution.occlusion(model, x, 2, window=1, stride=1), expected)


@pytest.mark.parametrize("size, window, stride", [((9, 11), 3, 2), ((8, 8), 8, 3), ((10, 7), 4, 4), ((5, 5), None, None)])
def test_windows_cover_each_pixel(size, window, stride):
    covered = torch.zeros(size)
    for spot in windows(size, window, stride):
        covered[spot] += 1
    assert covered.min() >= 1


def test_one_pass_for_each_window_and_one_for_the_picture():
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.LazyLinear(3)).double().eval()
    model(pictures())
    with counted_passes(model) as counts:
        attribution.occlusion(model, pictures(), 1, window=3, stride=2)
    assert (counts.forward, counts.backward) == (2 * (len(windows((9, 11), 3, 2)) + 1), 0)


@pytest.mark.parametrize("options, message", [
    ({"window": 0}, "window must be a whole number of at least 1"), ({"stride": 1.5}, "stride must be a whole number"),
    ({"window": 3, "stride": 4}, "stride be no larger than window"), ({"window": 10}, "must fit into the picture"),
    ({"fill": "gray"}, "fill must be one of"), ({"score": "logits"}, "score must be one of"), ({"batch_size": 0}, "batch_size"),
])
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        attribution.occlusion(linear(), pictures(), 0, **options)


def test_a_network_of_one_output():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 99, 1), nn.Sigmoid()).double().eval()
    for name in ("occlusion", "rise", "lime", "kernel_shap"):
        options = {} if name == "occlusion" else {"samples": 40}
        options |= {"regions": torch.arange(99).reshape(9, 11) // 33} if name in ("lime", "kernel_shap") else {}
        found = attribution.METHODS[name].function(model, pictures(), **options)
        assert found.shape == (2, 1, 9, 11) and found.abs().max() > 0


# RISE


def test_rise_is_the_mean_of_masks_weighted_by_scores():
    """A network that sees one pixel only: the map is E[m(pixel) m] / share, largest at that pixel."""
    class Pixel(nn.Module):
        def forward(self, x):
            return x[:, 0, 4, 5, None]

    x = torch.ones(1, 3, 9, 11, dtype=torch.float64)
    found = attribution.rise(Pixel().eval(), x, 0, samples=400, cells=3)
    assert found.shape == (1, 1, 9, 11) and found.argmax() == 4 * 11 + 5 and (found >= 0).all()
    assert 0.5 < found[0, 0, 4, 5] <= 1  # E[m²] / ½ lies between ½ and 1 for a mean of ½


def test_rise_of_a_constant_network_is_the_masks_mean():
    class Constant(nn.Module):
        def forward(self, x):
            return torch.ones(len(x), 2, dtype=x.dtype)

    found = attribution.rise(Constant().eval(), torch.rand(1, 3, 16, 16, dtype=torch.float64), 0, samples=2000)
    assert (found - 1).abs().max() < 0.15  # five standard errors and more of a mean of 2,000


def test_rise_again_with_the_same_seed():
    model, x = linear(), pictures()
    first, second, other = (attribution.rise(model, x, 0, samples=20, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first, second) and not torch.equal(first, other)
    state = torch.get_rng_state()
    attribution.rise(model, x, 0, samples=5)
    assert torch.equal(state, torch.get_rng_state())


def test_rise_shifts_its_masks():
    """So that no pixel is a corner of cells more often than another: else masks would vary twice as much in the middle of a cell as at its corners."""
    from xaitutor.attribution.hiding import _masks

    masks = torch.stack([*_masks(torch.zeros(1, 1, 16, 16, dtype=torch.float64), 3000, 4, 0.5, 0)])
    spread = masks.std(dim=0)[4:12, 4:12]  # inside: at the border of a grid there is nothing to mix with
    assert spread.max() < 1.25 * spread.min()


@pytest.mark.parametrize("options, message", [({"samples": 0}, "samples"), ({"cells": 0}, "cells"), ({"share": 1}, "share must lie between 0 and 1")])
def test_wrong_options_of_rise(options, message):
    with pytest.raises(ValueError, match=message):
        attribution.rise(linear(), pictures(), 0, **options)
