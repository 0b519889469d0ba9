"""Small networks to attack."""

import pytest
import torch
from torch import nn


def linear(weight, bias=0.0):
    """Pixels (N, C, H, W) to the logits W x + b, for weights (K, C · H · W)."""
    layer = nn.Linear(weight.shape[1], weight.shape[0]).to(weight.dtype)
    layer.weight.data, layer.bias.data = weight.clone(), torch.as_tensor(bias, dtype=weight.dtype).expand(len(weight)).clone()
    return nn.Sequential(nn.Flatten(), layer).eval()


def convolutional(channels=3, classes=4, seed=0):
    """A small network of ReLUs, in double precision."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, stride=2), nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes)).double().eval()


def pictures(n=3, channels=3, side=10, seed=0, dtype=torch.float64):
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.fixture
def model():
    return convolutional()


@pytest.fixture
def images():
    return pictures()
