"""The backward pass that is written as a forward one gives what autograd gives."""

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests import paper
from tests.helpers import calibrated
from xaitutor import attribution, load_model
from xaitutor.menagerie.networks import build
from xaitutor.studio import WithGradient, truths
from xaitutor.studio.backward import transposed, unpooled

numbers = torch.Generator().manual_seed(4)


def pictures(*shape):
    return torch.randn(*shape, dtype=torch.double, generator=numbers)


@pytest.mark.parametrize("name", truths.NETWORKS.values())
def test_the_embedded_networks_give_logits_gradients_and_cam(name):
    model = load_model(name)[0].double()
    x, target = pictures(2, 3, 128, 128).requires_grad_(), torch.eye(12).double()[[3, 7]]
    logits, gradient, cam = WithGradient(model)(x, target)
    expected = model(x)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(gradient, torch.autograd.grad((expected * target).sum(), x)[0])
    torch.testing.assert_close(cam, attribution.cam(model, x, [3, 7]))


@settings(max_examples=8)
@given(st.integers(0, 2**31), st.sampled_from([32, 48]))
def test_a_network_with_any_weights_and_any_mixture_of_classes(seed, size):
    torch.manual_seed(seed)
    model = calibrated(build("resnet18", 5), 32).double()
    x, target = torch.randn(1, 3, size, size).double().requires_grad_(), torch.rand(1, 5).double()
    _, gradient, _ = WithGradient(model)(x, target)
    torch.testing.assert_close(gradient, torch.autograd.grad((model(x) * target).sum(), x)[0])


def test_it_makes_no_tensor_on_another_device():
    model, x, target = calibrated(build("resnet18", 5), 32), torch.randn(1, 3, 32, 32), torch.eye(5)[[2]]
    expected = WithGradient(model)(x, target)
    with paper.card() as to:
        found = [value.cpu() for value in WithGradient(to(model))(to(x), to(target))]
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other)


def test_another_network_is_refused():
    for model in (nn.Linear(2, 2), torchvision.models.resnet50(weights=None)):
        with pytest.raises(TypeError, match="ResNets of basic blocks, not for a"):
            WithGradient(model)


@given(st.integers(0, 2**31))
def test_of_equal_pixels_the_first_of_a_window_gets_all(seed):
    """Behind a ReLU many pixels are exactly 0: torch gives such a window's gradient to the first."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(-2, 3, (1, 2, 8, 12), generator=generator).double().relu().requires_grad_()
    found = nn.functional.max_pool2d(x, 3, stride=2, padding=1)
    gradient = torch.randn(found.shape, dtype=torch.double, generator=generator)
    torch.testing.assert_close(unpooled(gradient, x.detach()), torch.autograd.grad(found, x, gradient)[0])


@pytest.mark.parametrize("kernel, stride, padding", [(7, 2, 3), (3, 1, 1), (3, 2, 1), (1, 2, 0), (1, 1, 0)])
def test_a_convolution_goes_back_to_its_inputs_size(kernel, stride, padding):
    convolution = nn.Conv2d(2, 3, kernel, stride, padding).double()
    x = pictures(1, 2, 16, 32).requires_grad_()
    found = convolution(x)
    gradient = torch.randn_like(found)
    torch.testing.assert_close(transposed(convolution, gradient), torch.autograd.grad(found, x, gradient)[0])
