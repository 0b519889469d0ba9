"""Fresh weights are told from trained ones."""

import pytest
import torch
from torch import nn

from xaitutor.audit.weights import fresh, layers
from xaitutor.networks.models import EMBEDDED, load_model

INITS = {
    "torch's own": lambda w: nn.init.kaiming_uniform_(w, a=5**0.5), "Xavier": nn.init.xavier_uniform_, "He, in": nn.init.kaiming_normal_,
    "He, out": lambda w: nn.init.kaiming_normal_(w, mode="fan_out"), "0.01": lambda w: nn.init.normal_(w, std=0.01), "zeros": nn.init.zeros_,
    "0.02": lambda w: nn.init.normal_(w, std=0.02),
}


@pytest.mark.parametrize("init", INITS)
def test_fresh_layers_look_fresh(init):
    torch.manual_seed(0)
    parts = [nn.Linear(64, 48), nn.Conv2d(32, 16, 3), nn.Conv2d(64, 64, 1), nn.ConvTranspose2d(16, 16, 3)][: 3 if init == "He, out" else 4]
    for part in parts:
        INITS[init](part.weight.data)
    assert all(map(fresh, parts))


@pytest.mark.parametrize("network", EMBEDDED)
def test_trained_layers_do_not(network):
    parts = layers(load_model(network)[0])
    drawn = [name for name, part in parts.items() if fresh(part)]
    assert len(drawn) < len(parts) / 3 and list(parts)[-1] not in drawn


def test_training_shows_soon():
    torch.manual_seed(0)
    part = nn.Linear(64, 48)
    part.weight.data += 0.05 * torch.randn(48, 1) * torch.randn(64)
    assert not fresh(part)


def test_only_layers_with_enough_weights_are_asked():
    assert list(layers(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm2d(3), nn.Conv2d(3, 16, 3)))) == ["2"]
