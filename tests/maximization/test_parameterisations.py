import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xaitutor.maximization import fourier, pixels
from xaitutor.maximization.parameterisations import COLOURS, EDGE, decode, encode

ALL = [pixels(sigmoid=False), pixels(), pixels(decorrelated=True), fourier(), fourier(decorrelated=True), fourier(0),
       fourier(1.5, decorrelated=True)]


def noise(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.sampled_from(ALL), st.integers(2, 13), st.integers(2, 13))
def test_a_picture_comes_back_from_its_parameters(kind, height, width):
    picture = noise(2, 3, height, width) * (1 - 2 * EDGE) + EDGE
    assert torch.allclose(decode(kind, encode(kind, picture), (height, width)), picture, atol=1e-6)


@pytest.mark.parametrize("kind", ALL)
def test_black_and_white_come_back_up_to_less_than_one_grey_level(kind):
    picture = noise(1, 3, 8, 8).round()
    assert (decode(kind, encode(kind, picture), (8, 8)) - picture).abs().max() < 1 / 255


@pytest.mark.parametrize("kind", ALL)
def test_pictures_stay_in_range_behind_a_sigmoid(kind):
    picture = decode(kind, 100 * (encode(kind, noise(1, 3, 8, 8)) - 0.5), (8, 8))
    assert not kind.sigmoid or (0 <= picture.min() and picture.max() <= 1)


def test_pixels_without_sigmoid_are_their_own_parameters():
    picture = noise(1, 3, 5, 6)
    assert torch.equal(encode(pixels(sigmoid=False), picture), picture)


@pytest.mark.parametrize("width", [8, 9])
def test_parseval(width):
    """Energy is the same in the spectrum; all columns but the zeroth (and, if even, the last) stand for two."""
    picture = noise(1, 3, 6, width)
    spectrum = encode(fourier(0)._replace(sigmoid=False), picture) / 4
    twice = torch.full((spectrum.shape[3],), 2.0, dtype=torch.float64)
    twice[0] = 1
    if width % 2 == 0:
        twice[-1] = 1
    assert math.isclose((spectrum**2).sum(dim=(0, 1, 2, 4)) @ twice, (picture**2).sum(), rel_tol=1e-12)


@pytest.mark.parametrize("decay", [0, 1, 2.5])
def test_one_frequency_is_one_wave_scaled_as_written(decay):
    kind, size = fourier(decay)._replace(sigmoid=False), (16, 16)
    parameters = torch.zeros(1, 3, 16, 9, 2, dtype=torch.float64)
    parameters[0, 1, 0, 3, 0] = 1  # real part of three waves across the width
    wave = 2 * torch.cos(2 * math.pi * 3 * torch.arange(16, dtype=torch.float64) / 16) / 16  # "ortho": 1 / √(16 · 16)
    expected = wave.expand(16, 16) / (4 * (3 / 16) ** decay)
    got = decode(kind, parameters, size)
    assert torch.allclose(got[0, 1], expected) and not got[0, [0, 2]].any()


def test_decay_makes_the_first_steps_smooth():
    """Equal parameters everywhere: the picture's energy falls with frequency, the faster the larger decay is."""
    parameters = torch.randn(1, 3, 64, 33, 2, generator=torch.Generator().manual_seed(0))
    grain = []
    for decay in (0, 1, 2):
        picture = decode(fourier(decay)._replace(sigmoid=False), parameters, (64, 64))
        grain.append(picture.diff(dim=3).pow(2).mean() / picture.var())
    assert grain[0] > 2 * grain[1] > 4 * grain[2]


def test_colours_are_the_published_ones():
    from xaitutor.maximization.lucent_route import _lucent

    assert np.array_equal(COLOURS.numpy(), _lucent().param.color.color_correlation_normalized)


def test_mixing_gives_the_covariance_of_colours():
    """Independent numbers in, the covariance M Mᵀ out: neighbouring colours vary together, blue and red the least."""
    z = torch.randn(1, 3, 200, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    picture = decode(pixels(decorrelated=True)._replace(sigmoid=False), z, (200, 200))
    expected = (COLOURS @ COLOURS.T).double()
    assert torch.allclose(torch.cov(picture[0].flatten(1)), expected, atol=0.02)
    assert expected[0, 2] < expected[0, 1] and expected[0, 2] < expected[1, 2]


@pytest.mark.parametrize("decay", [-1, float("nan")])
def test_bad_decay(decay):
    with pytest.raises(ValueError, match="decay is 0 .* or more"):
        fourier(decay)


def test_decorrelated_colours_need_the_sigmoid():
    with pytest.raises(ValueError, match="need the sigmoid"):
        pixels(decorrelated=True, sigmoid=False)
