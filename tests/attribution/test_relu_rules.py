"""DeconvNet and guided backpropagation: the papers' rules on worked numbers, and Captum's results on whole networks.

Captum swaps nn.ReLU modules only. Where a network calls F.relu it is compared on the same network written with modules.
"""

import warnings

import captum.attr
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.googlenet import BasicConv2d

from tests.helpers import FAMILIES, close, fingerprint, small
from xaitutor.attribution import deconvnet, gradient, guided_backprop

CAPTUM = {deconvnet: captum.attr.Deconvolution, guided_backprop: captum.attr.GuidedBackprop}
both = pytest.mark.parametrize("method", CAPTUM)

# Springenberg et al. 2014, figure 1 (the review's figure 5): what arrives at a ReLU, forward and backward
FORWARD = torch.tensor([[1.0, -1, 5], [2, -5, -7], [-3, 2, 4]])
BACKWARD = torch.tensor([[-2.0, 3, -1], [6, -3, 1], [2, -1, 3]])
RULES = {
    gradient: [[-2, 0, -1], [6, 0, 0], [0, -1, 3]],
    deconvnet: [[0, 3, 0], [6, 0, 1], [2, 0, 3]],
    guided_backprop: [[0, 0, 0], [6, 0, 0], [0, 0, 3]],
}


@pytest.mark.parametrize("method", RULES)
@pytest.mark.parametrize("relu", [nn.ReLU(), nn.ReLU(inplace=True)])
def test_the_papers_worked_numbers(method, relu):
    last = nn.Linear(9, 1, bias=False)
    last.weight.data = BACKWARD.reshape(1, 9)
    model = nn.Sequential(relu, nn.Flatten(), last).eval()
    assert method(model, FORWARD[None, None]).squeeze().tolist() == RULES[method]


@pytest.mark.parametrize("method", RULES)
def test_what_went_into_a_relu_may_be_overwritten_later(method):
    class Overwrites(nn.Module):
        def forward(self, x):
            y = F.relu(x)
            x.neg_()
            return (BACKWARD * y).sum(dim=(2, 3))

    assert method(Overwrites().eval(), FORWARD[None, None]).squeeze().tolist() == RULES[method]


def quiet(method, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method(*arguments)


@both
@pytest.mark.parametrize("name", ["vgg11", "alexnet", "resnet18", "mobilenet_v2", "squeezenet1_1"])
def test_equal_to_captum(method, name):
    model = small(name).double()
    x = torch.randn(2, 3, FAMILIES[name], FAMILIES[name], dtype=torch.float64)
    target = model(x).argmax(dim=1)
    reference = quiet(CAPTUM[method](model).attribute, x, target)
    assert close(quiet(method, model, x), reference, 1e-10)
    assert close(quiet(gradient, model, x), reference) == (name == "mobilenet_v2")  # it has ReLU6 only


def with_modules(model):
    """The same network, each of whose functional ReLUs is a module: GoogLeNet's, DenseNet's."""
    for name, part in model.named_children():
        basic = isinstance(part, BasicConv2d)
        setattr(model, name, nn.Sequential(part.conv, part.bn, nn.ReLU()) if basic else with_modules(part))
    return model


def rewritten(name):
    model = with_modules(small(name))
    if name == "densenet121":
        model = nn.Sequential(model.features, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), model.classifier)
    return model.eval()


@both
@pytest.mark.parametrize("name", ["googlenet", "densenet121"])
def test_functional_relus_which_captum_skips(method, name):
    model, same = small(name).double(), rewritten(name).double()
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    target = model(x).argmax(dim=1)
    assert close(model(x), same(x), 1e-12)
    result = method(model, x)
    assert close(result, quiet(CAPTUM[method](same).attribute, x, target), 1e-10)
    assert close(method(same, x), result, 1e-10)
    assert not close(quiet(CAPTUM[method](model).attribute, x, target), result, tolerance=0.1)


class Reused(nn.Module):
    """One ReLU used twice, then F.relu and Tensor.relu_; or a module for each."""

    def __init__(self, separate):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)
        self.c, self.d = nn.Conv2d(8, 8, 1), nn.Linear(8, 5)
        self.relu = nn.ReLU()
        modules = nn.ModuleList(nn.ReLU() for _ in range(4))
        self.relus = modules if separate else [self.relu, self.relu, F.relu, torch.relu_]
        self.eval()

    def forward(self, x):
        p, q, r, s = self.relus
        return self.d(s(self.c(r(q(self.b(p(self.a(x)))) - 0.1))).mean(dim=(2, 3)))


@both
def test_a_module_used_twice_functions_and_in_place_forms(method):
    x = torch.randn(2, 3, 8, 8)
    reference = quiet(CAPTUM[method](Reused(separate=True)).attribute, x, 1)
    assert close(method(Reused(separate=False), x, 1), reference)


@both
def test_a_network_without_relu_warns_and_gives_the_gradient(method):
    model, x = small("mobilenet_v2").double(), torch.randn(1, 3, 32, 32, dtype=torch.float64)
    with pytest.warns(UserWarning, match="no ReLU ran in this network, so that this is the plain gradient") as caught:
        result = method(model, x)
    assert close(result, gradient(model, x), 1e-10) and caught[0].filename == __file__


@both
def test_after_an_exception_the_gradient_is_the_gradient(method):
    model, x = small("resnet18").double(), torch.randn(1, 3, 32, 32, dtype=torch.float64)
    expected, before = gradient(model, x, 0), fingerprint(model)
    with pytest.raises(IndexError):
        method(model, x, 1000)
    assert close(gradient(model, x, 0), expected, 1e-10) and fingerprint(model) == before


@both
def test_many_images_are_explained_as_one_by_one(method):
    model, x = small("resnet18").double(), torch.randn(3, 3, 32, 32, dtype=torch.float64)
    assert close(torch.cat([method(model, image[None]) for image in x]), method(model, x), 1e-12)
