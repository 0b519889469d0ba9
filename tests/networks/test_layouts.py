"""Units of layers that put out (N, h, w, C): their channels, and not the rows of their maps."""

import pytest
import torch
from torch import nn

from tests.helpers import FAMILIES, close, small
from xaitutor.foundations import receptive_field
from xaitutor.maximization import channel, maximize, maximize_lucent, measure
from xaitutor.networks.layers import record
from xaitutor.networks.layouts import is_channels_last
from xaitutor.units import ablate, examples, feature_maps, survey


class Turn(nn.Module):
    def __init__(self, *order):
        super().__init__()
        self.order = order

    def forward(self, x):
        return x.permute(self.order)


def network():
    """Two ways to write one network: "norm" puts out (N, h, w, C), and "last" the same as (N, C, h, w)."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.Sequential(Turn(0, 2, 3, 1), nn.LayerNorm(5)), Turn(0, 3, 1, 2), nn.Flatten(),
                         nn.Linear(5 * 6 * 4, 4)).eval()


X = torch.rand(7, 3, 12, 8, generator=torch.Generator().manual_seed(1))


def test_surveys_and_maps_are_those_of_the_channels():
    model = network()
    first, last = (survey(model, layer, X, 3, "max", progress=False) for layer in ("2", "1"))
    assert first.scores.shape == (5, 3) and first.grid == last.grid == (6, 4)
    assert all(torch.equal(one, other) for one, other in zip(first[:3], last[:3]))
    maps = feature_maps(model, ["1", "2"], X)
    assert torch.equal(maps["1"], maps["2"])
    assert examples(last, 3, model, X, field="effective")[0].box == examples(first, 3, model, X, field="effective")[0].box


def test_ablation_takes_a_channel_away():
    model = network()
    with torch.no_grad(), record(model, "2") as kept, ablate(model, "1", [1, 3]):
        model(X)
    assert (kept["2"][:, [1, 3]] == 0).all() and (kept["2"][:, [0, 2, 4]] != 0).any()


def test_a_channel_is_maximized():
    model, options = network(), {"size": 12, "steps": 3, "progress": False}
    model[-1] = nn.Linear(5 * 6 * 6, 4)
    model.eval()
    assert close(measure(model, channel("1", 4), X[:, :, :8, :8].repeat(1, 1, 2, 2)[:, :, :12, :12]), measure(model, channel("2", 4), X[:, :, :8, :8].repeat(1, 1, 2, 2)[:, :, :12, :12]))
    assert close(maximize(model, channel("1", 4), **options).pictures, maximize(model, channel("2", 4), **options).pictures)
    with pytest.raises(IndexError, match="5 channels"):
        maximize(model, channel("1", 5), **options)
    with pytest.raises(ValueError, match=r"Lucent does not know layers that put out \(N, h, w, C\), such as '1'; use maximize"):
        maximize_lucent(model, channel("1", 4), **options)


def test_the_effective_field():
    model = network()
    assert close(torch.from_numpy(receptive_field.effective(model, "1", X, 2, 3)), torch.from_numpy(receptive_field.effective(model, "2", X, 2, 3)))


class Squeeze(nn.Module):
    """Squeeze and excitation by matrices, of 64 channels by way of 4, on a map as wide as that."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Linear(64, 4), nn.Linear(4, 64)

    def forward(self, x):
        return x * self.up(self.down(x.mean(dim=(2, 3))).relu()).sigmoid()[:, :, None, None]


def test_matrices_inside_a_layer_of_maps_say_nothing():
    model = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), Squeeze(), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 4))
    for shape in ((1, 64, 4, 4), (1, 64, 8, 4), (1, 64, 4, 64)):
        assert not any(is_channels_last(shape, model, layer) for layer in ("0", "1", "2"))


@pytest.mark.parametrize("name, last", [
    ("swin_t", {"features.0", "features.1", "features.4.reduction", "features.5.0.mlp.1", "features", "norm"}), ("convnext_tiny", {"features.3.0.block.2", "features.3.0.block.4"}),
    ("densenet121", set()), ("googlenet", set()), ("maxvit_t", set())])
def test_which_layers_of_torchvision_have_their_channels_last(name, last):
    model = small(name)
    asked = last | {"swin_t": {"features.0.0", "permute"}, "convnext_tiny": {"features.3.0", "features.3.0.block.0", "features.3.0.block.6", "features.4"},
                    "densenet121": {"features.denseblock1", "features.norm5"}, "googlenet": {"inception3a", "inception5b"},
                    "maxvit_t": {"blocks.0", "blocks.2.layers.0.layers.window_attention", "stem"}}[name]
    size = FAMILIES[name] if name == "maxvit_t" else 96
    with torch.no_grad(), record(model, asked) as kept:
        model(torch.rand(1, 3, size, size if name == "maxvit_t" else 128))
    assert {layer for layer in asked if is_channels_last(tuple(kept[layer].shape), model, layer)} == last
