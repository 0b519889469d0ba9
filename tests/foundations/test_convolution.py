"""Convolution equals scipy's and torch's, its gradient equals autograd's, and the course's numbers come out."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from xaitutor.foundations import convolution as conv

TORCH_MODES = {"zero": "constant", "nearest": "replicate", "circular": "circular"}
SCIPY_BOUNDARIES = {"zero": "fill", "circular": "wrap"}
fast = settings(max_examples=60, deadline=None)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def torch_convolution(x, weight, padding, width, stride, dilation, bias=None):
    """x (C, H, W) and weight (O, C, h, w), both tensors, padded by torch itself."""
    x = x[None] if padding == "none" else F.pad(x[None], (width,) * 4, mode=TORCH_MODES[padding])
    return F.conv2d(x, weight, bias, stride=stride, dilation=dilation)[0]


geometry = st.fixed_dictionaries(
    dict(
        size=st.tuples(st.integers(7, 12), st.integers(7, 12)),
        kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
        padding=st.sampled_from(["none", "zero", "nearest", "circular"]),
        width=st.integers(0, 4),
        stride=st.integers(1, 4),
        dilation=st.integers(1, 2),
        channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
        seed=st.integers(0, 2**31),
    )
)


# --- against scipy ------------------------------------------------------------------------------------------------


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 999))
@fast
def test_full_convolution_in_1d_is_scipys(n, k, seed):
    f, g = normal(seed, n), normal(seed + 1, k)
    ours = conv.convolve(f, g, padding="zero", width=k - 1)
    np.testing.assert_allclose(ours, scipy.signal.convolve(f, g, mode="full", method="direct"), atol=1e-12)


@given(st.tuples(*[st.integers(1, 9)] * 4), st.integers(0, 999))
@fast
def test_2d_is_scipys_flipped_and_not(shape, seed):
    height, width = shape[0] + shape[2] - 1, shape[1] + shape[3] - 1
    f, g = normal(seed, height, width), normal(seed + 1, *shape[2:])
    np.testing.assert_allclose(conv.convolve(f, g), scipy.signal.convolve2d(f, g, mode="valid"), atol=1e-12)
    np.testing.assert_allclose(conv.cross_correlate(f, g), scipy.signal.correlate2d(f, g, mode="valid"), atol=1e-12)


@given(
    st.tuples(st.integers(5, 9), st.integers(5, 9)), st.sampled_from([1, 3, 5]), st.sampled_from(["zero", "circular"])
)
@fast
def test_borders_are_scipys(shape, k, padding):
    f, g = normal(k, *shape), normal(k + 1, k, k)
    theirs = scipy.signal.convolve2d(f, g, mode="same", boundary=SCIPY_BOUNDARIES[padding])
    np.testing.assert_allclose(conv.convolve(f, g, padding=padding), theirs, atol=1e-12)


def test_nearest_border_is_scipys_ndimage():
    f, g = normal(0, 8, 9), normal(1, 5, 3)
    np.testing.assert_allclose(
        conv.convolve(f, g, padding="nearest"), scipy.ndimage.convolve(f, g, mode="nearest"), atol=1e-12
    )


# --- against torch ------------------------------------------------------------------------------------------------


@given(geometry)
@fast
def test_layer_and_its_gradient_are_torchs(g):
    options = dict(padding=g["padding"], stride=g["stride"], dilation=g["dilation"])
    options["width"] = None if g["padding"] == "none" else g["width"]
    x = torch.tensor(normal(g["seed"], g["channels"][0], *g["size"]), requires_grad=True)
    weight = torch.tensor(normal(g["seed"] + 1, g["channels"][1], g["channels"][0], *g["kernel"]))
    bias = torch.tensor(normal(g["seed"] + 2, g["channels"][1]))
    expected = torch_convolution(x, weight, bias=bias, **options)
    ours = conv.layer(x.detach().numpy(), weight.numpy(), bias.numpy(), **options)
    np.testing.assert_allclose(ours, expected.detach().numpy(), atol=1e-10)

    upstream = torch.tensor(normal(g["seed"] + 3, *expected.shape))
    (gradient,) = torch.autograd.grad(expected, x, upstream)
    ours = conv.layer_gradient(upstream.numpy(), weight.numpy(), x.shape, **options)
    np.testing.assert_allclose(ours, gradient.numpy(), atol=1e-10)
    border = 0 if g["padding"] == "none" else g["width"]
    for size, kernel, out in zip(g["size"], g["kernel"], expected.shape[1:]):
        assert conv.output_size(size, kernel, g["stride"], border, g["dilation"]) == out


@given(st.tuples(st.integers(1, 5), st.integers(1, 5)), st.integers(1, 3))
@fast
@pytest.mark.filterwarnings("ignore:Using padding")
def test_default_border_keeps_the_size_as_torchs_same(kernel, dilation):
    x, weight = normal(0, 13, 14), normal(1, *kernel)
    ours = conv.cross_correlate(x, weight, padding="zero", dilation=dilation)
    theirs = F.conv2d(torch.tensor(x)[None, None], torch.tensor(weight)[None, None], padding="same", dilation=dilation)
    np.testing.assert_allclose(ours, theirs[0, 0].numpy(), atol=1e-12)


@given(st.integers(1, 4), st.integers(1, 4), st.tuples(st.integers(4, 11), st.integers(4, 11)))
@fast
def test_pooling_is_torchs(size, stride, shape):
    x = normal(size, *shape)
    t = torch.tensor(x)[None, None]
    np.testing.assert_array_equal(conv.pool(x, size, stride), F.max_pool2d(t, size, stride)[0, 0].numpy())
    np.testing.assert_allclose(conv.pool(x, size, stride, kind="mean"), F.avg_pool2d(t, size, stride)[0, 0].numpy())


# --- the numbers of the course ------------------------------------------------------------------------------------


def test_numbers_of_the_curriculum():
    assert 3 * 512 * 512 == 786_432
    assert 3 * 512 * 512 * 128 == 100_663_296
    assert [conv.weight_count(i, o) for i, o in ((3, 16), (16, 32), (32, 64))] == [432, 4_608, 18_432]
    assert 432 + 4_608 + 18_432 == 23_472
    assert conv.output_size(128, 3) == 126 and conv.output_size(126, 3) == 124


def test_weights_are_torchs():
    for bias in (False, True):
        module = torch.nn.Conv2d(4, 6, (3, 5), bias=bias)
        assert conv.weight_count(4, 6, (3, 5), bias) == sum(p.numel() for p in module.parameters())


def test_the_essays_rule_for_the_output_size_holds_for_odd_windows_only():
    for window in range(1, 12):
        assert (128 - conv.output_size(128, window) == 2 * (window // 2)) == (window % 2 == 1)


def test_the_essays_formula_as_printed_is_not_convolution():
    f, g = np.array([1.0, 2, 3]), np.array([0.0, 1, 0.5])
    printed = [f[n] * g.sum() for n in range(3)]  # Σᵢ f[n] · g[n − i] = f[n] · Σ g: no neighbour enters
    np.testing.assert_allclose(conv.convolve(f, g, padding="zero", width=2), [0, 1, 2.5, 4, 1.5])
    np.testing.assert_allclose(printed, [1.5, 3, 4.5])


def test_appendix_a_of_the_review():
    """3 × 3 input, 2 × 2 filter: the nine gradients that the review writes out, eq. 32."""
    f, g = normal(0, 2, 2), normal(1, 2, 2)  # filter, ∂L/∂O
    written = [
        [g[0, 0] * f[0, 0], g[0, 0] * f[0, 1] + g[0, 1] * f[0, 0], g[0, 1] * f[0, 1]],
        [g[0, 0] * f[1, 0] + g[1, 0] * f[0, 0], (g * f[::-1, ::-1]).sum(), g[0, 1] * f[1, 1] + g[1, 1] * f[0, 1]],
        [g[1, 0] * f[1, 0], g[1, 0] * f[1, 1] + g[1, 1] * f[1, 0], g[1, 1] * f[1, 1]],
    ]
    np.testing.assert_allclose(conv.input_gradient(g, f, (3, 3)), written)
    np.testing.assert_allclose(scipy.signal.convolve2d(g, f, mode="full"), written)


# --- errors -------------------------------------------------------------------------------------------------------


def test_integer_pictures_do_not_overflow():
    bright = np.full((4, 4), 255, dtype=np.uint8)
    assert conv.cross_correlate(bright, np.ones((3, 3), dtype=np.uint8)).max() == 9 * 255


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: conv.cross_correlate(np.ones((4, 4)), np.ones(3)), "axes"),
        (lambda: conv.cross_correlate(np.ones(4), np.ones(3), padding="mirror"), "mirror"),
        (lambda: conv.cross_correlate(np.ones(4), np.ones(3), width=1), "no border"),
        (lambda: conv.cross_correlate(np.ones(2), np.ones(3)), "does not fit"),
        (lambda: conv.pad(np.ones(2), "mirror"), "mirror"),
        (lambda: conv.output_size(5, 0), "at least 1"),
        (lambda: conv.pool(np.ones((4, 4)), kind="median"), "median"),
        (lambda: conv.layer(np.ones((4, 4)), np.ones((1, 1, 3, 3))), r"\(C, H, W\)"),
        (lambda: conv.layer(np.ones((2, 4, 4)), np.ones((1, 3, 3, 3))), "3 channels"),
    ],
)
def test_bad_input_gets_one_clear_error(call, words):
    with pytest.raises(ValueError, match=words):
        call()
