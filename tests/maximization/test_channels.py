"""Networks for grey pictures, and for pictures of five channels."""

import pytest
import torch
from torch import nn

from xaitutor.maximization import channel, fourier, maximize, maximize_lucent, target

QUIET = {"progress": False, "steps": 3}


def network(channels):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 26 * 26, 10)).eval()


@pytest.mark.parametrize("channels", [1, 5])
def test_pictures_have_as_many_channels_as_the_network_takes(channels):
    found = maximize(network(channels), target(3), size=28, n=2, **QUIET)
    assert found.pictures.shape == (2, channels, 28, 28) and (found.activations[-1] > found.activations[0]).all()
    found = maximize(network(channels), channel("0", 1), size=28, parameterisation=fourier(), **QUIET)
    assert found.pictures.shape == (1, channels, 28, 28)
    start = torch.rand(channels, 28, 28)
    assert maximize(network(channels), target(3), start=start, **QUIET).pictures.shape == (1, channels, 28, 28)


def test_what_does_not_fit_is_told_by_its_channels():
    with pytest.raises(ValueError, match=r"start is one picture \(1, H, W\) .* as this network takes, not \(3, 28, 28\)"):
        maximize(network(1), target(3), start=torch.rand(3, 28, 28), **QUIET)
    with pytest.raises(ValueError, match="decorrelated colours are those of pictures with 3 channels, and this network takes 1"):
        maximize(network(1), target(3), size=28, parameterisation=fourier(decorrelated=True), **QUIET)
    with pytest.raises(ValueError, match="Lucent does not know networks that take 1 channels; use maximize"):
        maximize_lucent(network(1), target(3), size=28, **QUIET)
    with pytest.raises(ValueError, match="20 × 20 pixels and 1 channels"):
        maximize(network(1), target(3), size=20, **QUIET)


def test_networks_that_cannot_be_climbed():
    with torch.inference_mode():
        model = network(1)
    with pytest.raises(ValueError, match=r"made under torch.inference_mode\(\)"):
        maximize(model, target(3), size=28, **QUIET)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.Flatten(), nn.Linear(4 * 26 * 26, 10)).eval()
    with pytest.raises(ValueError, match="batch norm '1' keeps no running statistics; ask it for one picture at a time, n=1"):
        maximize(model, target(3), size=28, n=2, **QUIET)
    assert maximize(model, target(3), size=28, **QUIET).pictures.shape == (1, 1, 28, 28)


def test_autocast_and_compile_change_nothing():
    def never(graph, inputs):
        raise AssertionError("compiled")

    plain = maximize(network(1), target(3), size=28, **QUIET)
    with torch.autocast("cpu", torch.bfloat16):
        found = maximize(network(1), target(3), size=28, **QUIET)
    assert torch.allclose(found.pictures, plain.pictures, atol=1e-6)
    assert torch.allclose(maximize(torch.compile(network(1), backend=never), target(3), size=28, **QUIET).pictures, plain.pictures, atol=1e-6)
