"""Regions and what hides them: every pixel in one region, sums that add up, fills that are what they say."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xaitutor.attribution import regions

X = torch.randn(2, 3, 24, 32, generator=torch.Generator().manual_seed(0))
HALVES = torch.arange(32).expand(24, 32) // 16


def test_superpixels_number_every_pixel_and_follow_colours():
    x = torch.zeros(1, 3, 24, 32)
    x[..., 16:] = 1
    labels = regions.slic(x, 8)
    assert labels.shape == (1, 24, 32) and labels.min() == 0
    assert not set(labels[0, :, :15].unique().tolist()) & set(labels[0, :, 17:].unique().tolist())
    assert torch.equal(labels, regions.slic(x, 8))


@given(st.integers(1, 6), st.integers(0, 2**16))
def test_what_is_spread_sums_to_what_it_was(count, seed):
    random = np.random.default_rng(seed)
    labels = torch.from_numpy(random.integers(0, count, (5, 7)))
    labels.view(-1)[:count] = torch.arange(count)
    values = random.normal(size=count)
    found = regions.sums(regions.spread(values, labels)[None, None], labels)
    np.testing.assert_allclose(found[0].numpy(), values, atol=1e-12)


def test_numbers_without_a_gap():
    labels = regions.labels_of(X, HALVES * 5 + 3)
    assert labels.shape == (2, 24, 32) and torch.equal(labels[1], HALVES)


@pytest.mark.parametrize("fill, expected", [
    ("grey", torch.zeros_like(X)), ("black", X.amin(dim=(2, 3), keepdim=True).expand_as(X)),
    ("mean", X.mean(dim=(2, 3), keepdim=True).expand_as(X)), (0.5, torch.full_like(X, 0.5)), (X[0], X[:1].expand_as(X)),
    (lambda x: -x, -X),
], ids=["grey", "black", "mean", "number", "picture", "function"])
def test_fills(fill, expected):
    torch.testing.assert_close(regions.filling(X, fill), expected)


def test_each_region_in_its_mean_colour():
    found = regions.filling(X, "regions", regions.labels_of(X, HALVES))
    torch.testing.assert_close(found[1, 2, 5, 3], X[1, 2, :, :16].mean())
    torch.testing.assert_close(found[0, 0, 0, 31], X[0, 0, :, 16:].mean())


def test_a_blur_keeps_a_plain_picture_and_flattens_a_dot():
    plain, dot = torch.ones(1, 1, 32, 32), torch.zeros(1, 1, 32, 32)
    dot[..., 16, 16] = 1
    torch.testing.assert_close(regions.blurred(plain), plain)
    found = regions.blurred(dot)
    assert found.max() < 0.1 and found.sum() == pytest.approx(1, abs=1e-5)
    assert torch.equal(regions.blurred(torch.ones(1, 1, 1, 1)), torch.ones(1, 1, 1, 1))


@pytest.mark.parametrize("call, error, message", [
    (lambda: regions.filling(X, "gray"), ValueError, "fill must be one of 'grey', 'black', 'mean', 'blur', a number.*not 'gray'"),
    (lambda: regions.filling(X, "regions"), ValueError, "fill must be one of"),
    (lambda: regions.labels_of(X, 0), ValueError, "count must be a whole number of at least 1"),
    (lambda: regions.labels_of(X, "slic"), TypeError, "a number of superpixels or a map of whole numbers.*not str"),
    (lambda: regions.labels_of(X, HALVES.float()), ValueError, r"whole numbers of the shape .*\(24, 32\).*not torch.float32"),
    (lambda: regions.labels_of(X, HALVES[:5]), ValueError, r"not torch.int64 of \(5, 32\)"),
    (lambda: regions.labels_of(X, HALVES.expand(3, 24, 32)), ValueError, "one map for each of 2 pictures"),
    (lambda: regions.labels_of(X, torch.zeros(24, 32).long()), ValueError, "one region only"),
], ids=["unknown", "no regions", "none", "name", "floats", "size", "number", "one"])
def test_one_clear_error(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_too_few_superpixels_are_said():
    with pytest.warns(UserWarning, match=r"has only 1[57] superpixels, not 100"):
        regions.labels_of(X, 100)


def test_regions_that_look_like_their_fill_are_said():
    x = X.clone()
    x[:, :, :, :16] = 0
    labels = regions.labels_of(x, HALVES)
    with pytest.warns(UserWarning, match="1 of 2 regions look exactly like what would hide them"):
        regions.warn_of_the_unseen(x, torch.zeros_like(x), labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regions.warn_of_the_unseen(x, x + 1, labels)
