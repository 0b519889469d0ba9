"""SmoothGrad: the average of the method over noisy copies, and nothing else."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.helpers import Formula, close, point
from xaitutor.attribution import (
    deconvnet,
    gradient,
    gradient_x_input,
    guided_backprop,
    integrated_gradients,
    smoothgrad,
)


def network():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(24, 5)
    return nn.Sequential(*layers).double().eval()


def images(n=2):
    return torch.randn(n, 3, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("method, options", [
    (gradient, {}), (gradient_x_input, {}), (deconvnet, {}), (guided_backprop, {}),
    (integrated_gradients, {"steps": 3, "baseline": 0.5}), (gradient, {"score": "log_probability"}),
])
def test_without_noise_it_is_the_method(method, options):
    model, x = network(), images()
    assert close(smoothgrad(model, x, method=method, samples=5, noise=0, **options), method(model, x, **options), 1e-12)


def test_an_image_of_one_colour_gets_no_noise():
    model, x = network(), torch.ones(1, 3, 6, 7, dtype=torch.float64)
    assert close(smoothgrad(model, x, 0, samples=3), gradient(model, x, 0), 1e-12)


def test_the_mean_over_many_copies_by_hand():
    """The copies are those of a generator started at `seed` for each image."""
    model, x = network(), images()
    expected = torch.zeros_like(x)
    for i in range(2):
        generator = torch.Generator().manual_seed(7)
        sigma = 0.2 * (x[i].max() - x[i].min())
        for _ in range(4):
            noisy = x[[i]] + sigma * torch.randn(3, 6, 7, generator=generator).double()
            expected[i] += gradient(model, noisy, 3)[0] / 4
    assert close(smoothgrad(model, x, 3, samples=4, noise=0.2, seed=7), expected, 1e-12)


def test_the_class_is_that_of_the_clean_image():
    """Were it decided for each copy, gradients of both classes would mix to about 0."""
    f = Formula(lambda a, b: (a + 0 * b, 0.1 - a))
    assert gradient(f, point(0, 10)).flatten().tolist() == [-1, 0]
    assert smoothgrad(f, point(0, 10), samples=20).flatten().tolist() == pytest.approx([-1, 0])


def test_on_a_quadratic_the_noise_averages_out():
    """f = ½ xᵀ A x has the gradient A x, so the mean over copies is A (x + mean noise): unbiased, deviation σ/√n."""
    torch.manual_seed(0)
    a = torch.randn(4, 4, dtype=torch.float64)
    a = a + a.T
    f = Formula(lambda *v: (torch.stack(v) * (a @ torch.stack(v))).sum(0) / 2)
    x, n, noise = torch.randn(1, 4, 1, 1).double(), 25, 0.15
    errors = torch.stack([
        (smoothgrad(f, x, 0, samples=n, noise=noise, seed=seed, batch_size=n) - gradient(f, x, 0)).flatten()
        for seed in range(200)
    ])
    deviation = noise * (x.max() - x.min()) / n**0.5 * a.norm(dim=1)
    assert (errors.mean(0).abs() < 4 * deviation / 200**0.5).all()
    torch.testing.assert_close(errors.std(0), deviation, rtol=0.2, atol=0)


@settings(max_examples=15)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 100))
def test_batch_size_does_not_matter_and_the_seed_does(samples, batch_size, seed):
    model, x = network(), images()
    result = smoothgrad(model, x, 0, samples=samples, batch_size=batch_size, seed=seed)
    assert close(smoothgrad(model, x, 0, samples=samples, batch_size=64, seed=seed), result, 1e-12)
    assert not close(smoothgrad(model, x, 0, method=gradient_x_input, samples=samples, seed=seed + 1),
                     smoothgrad(model, x, 0, method=gradient_x_input, samples=samples, seed=seed), 1e-6)


def test_many_images_are_explained_as_one_by_one():
    model, x = network(), images(3)
    result = smoothgrad(model, x, samples=4, batch_size=5)
    assert close(torch.cat([smoothgrad(model, image[None], samples=4) for image in x]), result, 1e-12)


def test_the_random_numbers_of_the_caller_go_on():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    smoothgrad(nn.Flatten().eval(), torch.ones(1, 2, 1, 1), 0, samples=2)
    assert torch.equal(torch.rand(2), expected)


def test_a_method_may_put_out_maps_of_another_size():
    def map_of(model, x, target):
        return gradient(model, x, target).sum(dim=(1, 2))

    model, x = network(), images()
    result = smoothgrad(model, x, 0, method=map_of, samples=3, batch_size=2)
    assert close(result, smoothgrad(model, x, 0, samples=3).sum(dim=(1, 2)), 1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_single(dtype):
    """A sum of 3000 equal terms would stop growing in half precision."""
    f = Formula(lambda a, b: 3 * a + b)
    result = smoothgrad(f, point(1, 2).to(dtype), 0, samples=3000, batch_size=500)
    assert result.dtype == dtype and result.flatten().tolist() == [3, 1]
