"""The last feature map is what a named module puts out where there is one, and is found where no module gives it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.helpers import FAMILIES, close, fingerprint, small
from xaitutor.attribution import last_feature_map
from xaitutor.attribution.last_maps import watching
from xaitutor.networks.layers import record

LAST = {  # the module whose output it is
    "alexnet": "features", "convnext_tiny": "features", "efficientnet_b0": "features", "efficientnet_v2_s": "features",
    "googlenet": "inception5b", "inception_v3": "Mixed_7c", "maxvit_t": "blocks.3", "mnasnet0_5": "layers",
    "mobilenet_v2": "features", "mobilenet_v3_small": "features", "regnet_x_400mf": "trunk_output",
    "regnet_y_400mf": "trunk_output", "resnet18": "layer4", "resnext50_32x4d": "layer4", "shufflenet_v2_x0_5": "conv5",
    "squeezenet1_1": "classifier.2", "swin_t": "permute", "swin_v2_t": "permute", "vgg11": "features",
    "vgg11_bn": "features", "wide_resnet50_2": "layer4",
}


def picture(name, count=1):
    """Random pictures as large as the network needs for a last map of more than one place."""
    size = FAMILIES[name] if name in ("maxvit_t", "vit_b_16") else 2 * FAMILIES[name]
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_it_is_the_output_of_the_last_layer_with_rows_and_columns():
    """For the other families: test_class_activation.py, which makes each network once."""
    model, x = small("resnet18"), picture("resnet18", 2)
    before = fingerprint(model)
    found = last_feature_map(model, x)
    assert fingerprint(model) == before and not found.requires_grad
    with record(model, "layer4") as recorded, torch.no_grad():
        model(x)
    assert close(found, recorded["layer4"], 1e-4) and found.shape == (2, 512, 2, 2)


def test_densenets_last_relu_is_a_function():
    model, x = small("densenet121"), picture("densenet121")
    with record(model, "features.norm5") as recorded, torch.no_grad():
        model(x)
    assert close(last_feature_map(model, x), recorded["features.norm5"].relu(), 1e-4)
    assert (recorded["features.norm5"] < 0).any()


def test_every_family_is_here():
    assert {*LAST, "densenet121", "vit_b_16"} == set(FAMILIES)


# The ways in which networks lose their rows and columns, each with the number of values it leaves of C channels


class Net(nn.Module):
    def __init__(self, lose, factor=1, between=None):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.between = between or nn.Identity()
        self.lose = lose
        self.fc = nn.Linear(4 * factor, 5)
        self.eval()

    def forward(self, x):
        return self.fc(self.lose(self.between(self.conv(x))))


class SqueezeAndExcitation(nn.Module):
    def forward(self, x):
        return x * F.adaptive_avg_pool2d(x, 1).sigmoid()


X = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(2))
WAYS = {
    "adaptive": lambda a: F.adaptive_avg_pool2d(a, 1).flatten(1),
    "by keyword": lambda a: torch.mean(input=a, dim=(2, 3)),
    "squeezed": lambda a: F.adaptive_avg_pool2d(a, 1).squeeze(-1).squeeze(-1),
    "window": lambda a: F.avg_pool2d(a, a.shape[2:]).view(len(a), -1),
    "largest": lambda a: F.adaptive_max_pool2d(a, 1)[:, :, 0, 0],
    "largest in a window": lambda a: nn.MaxPool2d(6)(a).flatten(1),
    "mean": lambda a: a.mean([2, 3]),
    "mean kept": lambda a: torch.mean(a, dim=(-2, -1), keepdim=True).reshape(len(a), -1),
    "mean of means": lambda a: a.mean(3).mean(2),
    "mean of a row": lambda a: a.view(a.size(0), a.size(1), -1).mean(dim=2),
    "sum": lambda a: torch.sum(a, (2, 3)),
    "largest of all": lambda a: a.amax(dim=(2, 3)),
}
FLATTENINGS = {
    "flatten": (lambda a: torch.flatten(a, 1), 36),
    "reshape": (lambda a: a.reshape(len(a), -1), 36),
    "module": (nn.Flatten(), 36),
    "adaptive to 2 × 2": (lambda a: F.adaptive_avg_pool2d(a, 2).flatten(1), 4),
    "adaptive to 7 × 7": (nn.Sequential(nn.AdaptiveAvgPool2d(7), nn.Dropout(), nn.Flatten()), 49),
    "mean and largest": (
        lambda a: torch.cat([F.adaptive_avg_pool2d(a, 1), F.adaptive_max_pool2d(a, 1)], 1).flatten(1), 2),
}
ALL = {**{name: (way, 1) for name, way in WAYS.items()}, **FLATTENINGS}


@pytest.mark.parametrize("between", [nn.Identity(), SqueezeAndExcitation(), nn.ReLU(inplace=True)])
@pytest.mark.parametrize("name", ALL)
def test_every_way_of_losing_rows_and_columns(name, between):
    model = Net(*ALL[name], between)
    assert close(last_feature_map(model, X), between(model.conv(X)))


@pytest.mark.parametrize("kernel", [(1, 2), (2, 1), 2])
def test_a_wider_convolution_is_no_head(kernel):
    """Of one that reads several places at once, the weights are no classifier's."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, kernel), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    with torch.no_grad(), watching(model) as watched:
        model(X)
    assert watched.head() is None


def test_a_head_of_one_by_one_convolutions():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 5, 1), nn.Flatten()).eval()
    assert close(last_feature_map(model, X), model[0](X))


def test_the_map_is_part_of_the_graph_and_has_all_its_uses():
    model = Net(lambda a: F.adaptive_avg_pool2d(a, 1).flatten(1) + F.adaptive_max_pool2d(a, 1).flatten(1))
    x = X.clone().requires_grad_()
    with watching(model) as watched:
        score = model(x)[:, 0].sum()
    (gradient,) = torch.autograd.grad(score, watched.map())
    values = model.fc.weight[0, None, :, None, None].expand_as(gradient)
    hottest = model.conv(X) == model.conv(X).amax(dim=(2, 3), keepdim=True)
    assert torch.allclose(gradient, values * (1 / 36 + hottest))


# What cannot be done


def test_a_vision_transformer_is_told_why():
    with pytest.raises(ValueError, match=r"map \(1, 64, 2, 2\) into a sequence \(1, 64, 4\).*vision transformers"):
        last_feature_map(small("vit_b_16"), picture("vit_b_16"))


@pytest.mark.parametrize("name", ["resnet18", "alexnet", "efficientnet_b0", "densenet121"])
def test_a_picture_that_is_too_small(name):
    """… is not answered by an earlier map: EfficientNet pools within its blocks, too."""
    with pytest.raises(ValueError, match="one place only .* too small"):
        last_feature_map(small(name), torch.randn(1, 3, FAMILIES[name], FAMILIES[name]))


def test_a_network_that_keeps_its_rows_and_columns():
    class Constant(nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), 2)

    with pytest.raises(ValueError, match="never pools or flattens"):
        last_feature_map(Constant().eval(), X)


def test_a_model_keeps_its_state_after_an_error():
    model = small("resnet18")
    before = fingerprint(model)
    with pytest.raises(ValueError, match="to have 3 channels, but got 5"):
        last_feature_map(model, torch.randn(1, 5, 64, 64))
    assert fingerprint(model) == before
