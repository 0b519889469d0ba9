"""Gradient and gradient × input: equal to Captum's, to worked numbers, to the logit where that is exact."""

import math

import captum.attr
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.helpers import FAMILIES, Formula, close, point, small
from xaitutor.attribution import gradient, gradient_x_input

pytestmark = pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")  # Captum's
COMPARED = ("vgg11", "alexnet", "resnet18", "mobilenet_v2", "squeezenet1_1", "googlenet", "densenet121")
numbers = st.floats(-5, 5, width=32)


@pytest.mark.parametrize("name", COMPARED)
def test_equal_to_captum(name):
    """In double precision: in single, a ReLU whose input is nearly 0 may be on in one of two passes and off in the other."""
    model = small(name).double()
    x = torch.randn(2, 3, FAMILIES[name], FAMILIES[name], dtype=torch.float64)
    target = model(x).argmax(dim=1)
    assert close(gradient(model, x), captum.attr.Saliency(model).attribute(x, target, abs=False), 1e-10)
    assert close(gradient_x_input(model, x), captum.attr.InputXGradient(model).attribute(x, target), 1e-10)


def test_single_precision_is_kept():
    model, x = small("resnet18"), torch.randn(2, 3, 32, 32)
    found = gradient(model, x, 3)
    assert found.dtype == torch.float32 and close(found.double(), gradient(model.double(), x.double(), 3), 1e-2)


@pytest.mark.parametrize("x, y, derivative, product", [
    (1, 10, [5, 20], [5, 200]), (100, 5, [5, 10], [500, 50]), (0, 0, [5, 0], [0, 0]),
])
def test_5x_plus_y_squared(x, y, derivative, product):
    f = Formula(lambda x, y: 5 * x + y**2)
    assert gradient(f, point(x, y)).flatten().tolist() == derivative
    assert gradient_x_input(f, point(x, y)).flatten().tolist() == product


def test_a_saturated_score_has_no_gradient():
    f = Formula(lambda x: 1 - torch.relu(1 - x))
    assert gradient(f, point(2)).item() == gradient_x_input(f, point(2)).item() == 0


@given(numbers, numbers, numbers)
def test_one_class_of_many(a, b, c):
    f = Formula(lambda a, b, c: (a * b, b + c, torch.sin(c)))
    for target, expected in enumerate(([b, a, 0], [0, 1, 1], [0, 0, math.cos(c)])):
        assert gradient(f, point(a, b, c), target).flatten().tolist() == pytest.approx(expected)


def bias_free():
    """ReLU, max and average pooling, an addition, no bias anywhere."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, bias=False), nn.LeakyReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.LazyLinear(6, bias=False),
        nn.ReLU(), nn.Linear(6, 4, bias=False),
    ).double().eval()


@given(st.integers(0, 10_000), st.integers(0, 3))
def test_gradient_times_input_sums_to_the_logit_without_biases(seed, target):
    model = bias_free()
    x = torch.randn(2, 3, 10, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        gradient_x_input(model, x, target).sum(dim=(1, 2, 3)), model(x)[:, target].detach(), rtol=1e-10, atol=1e-13)


def test_an_untrained_resnet18_has_one_bias():
    model, x = small("resnet18").double(), torch.randn(3, 3, 48, 48, dtype=torch.float64)
    logits, classes = model(x).max(dim=1)
    torch.testing.assert_close(
        gradient_x_input(model, x).sum(dim=(1, 2, 3)), (logits - model.fc.bias[classes]).detach(),
        rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("method", [gradient, gradient_x_input])
def test_many_images_are_explained_as_one_by_one(method):
    model, x = small("resnet18").double(), torch.randn(3, 3, 32, 32, dtype=torch.float64)
    assert close(torch.cat([method(model, image[None]) for image in x]), method(model, x), 1e-12)
