import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.helpers import fingerprint, small
from xaitutor.networks.layers import record
from xaitutor.units import circuit

DENSE = "features.denseblock1.denselayer2"
NETWORKS = {  # network: (convolution, what feeds it, the batch norm after it)
    "resnet18": [
        ("layer1.0.conv1", "maxpool", "layer1.0.bn1"), ("layer3.0.conv1", "layer2", "layer3.0.bn1"),
        ("layer3.1.conv2", "layer3.1.bn1", "layer3.1.bn2"),
        ("layer3.0.downsample.0", "layer2", "layer3.0.downsample.1"),
    ],
    "vgg11": [("features.3", "features.2", None), ("features.8", "features.7", None)],
    "mobilenet_v2": [
        ("features.1.conv.1", "features.1.conv.0", "features.1.conv.2"),
        ("features.3.conv.1.0", "features.3.conv.0", "features.3.conv.1.1"),
        ("features.4.conv.0.0", "features.3", "features.4.conv.0.1"),
    ],
    "squeezenet1_1": [
        ("features.3.squeeze", "features.2", None), ("features.4.expand3x3", "features.4.squeeze_activation", None),
    ],
    "densenet121": [
        (f"{DENSE}.conv1", f"{DENSE}.relu1", f"{DENSE}.norm2"), (f"{DENSE}.conv2", f"{DENSE}.relu2", None),
        ("features.transition1.conv", "features.transition1.relu", None),
    ],
    "googlenet": [
        ("inception3a.branch4.1.conv", "inception3a.branch4.0", "inception3a.branch4.1.bn"),
        ("inception3b.branch1.conv", "inception3a", "inception3b.branch1.bn"),
    ],
    "resnext50_32x4d": [("layer1.1.conv2", "layer1.1.bn1", "layer1.1.bn2")],  # 32 groups
}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def random_batch_norm(model):
    """Statistics and weights that no batch norm has by default."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.running_mean, module.weight.data, module.bias.data):
                values.copy_(torch.randn(values.shape, generator=generator) * 0.3 + (values is not module.running_mean))
            module.running_var.copy_(torch.rand(module.running_var.shape, generator=generator) + 0.5)
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_source_weights_and_strengths_are_those_of_the_pass(name):
    """What is recorded, read with the weights, gives the strengths; they add up to the pre-activation."""
    model = random_batch_norm(small(name))
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    before = fingerprint(model)
    for layer, source, norm in NETWORKS[name]:
        convolution, unit = model.get_submodule(layer), 5
        found = circuit(model, layer, unit, x, k=convolution.in_channels)
        assert found.source == source
        assert found.norm == norm
        with record(model, [source, found.norm or layer]) as activations, torch.no_grad():
            model(x)
        put_out = activations[source].relu() if found.source.endswith("bn1") else activations[source]
        mean = activations[found.norm or layer][:, unit].double().mean().item()
        assert found.mean == pytest.approx(mean, abs=2e-6 * found.strengths.abs().sum().item())
        assert found.strengths.sum().item() + found.bias == pytest.approx(found.mean, rel=1e-12, abs=1e-12)
        inputs = found.excitatory + found.inhibitory
        assert {j.unit for j in inputs} == set(found.strengths.nonzero()[:, 0].tolist()) and inputs
        for j in inputs[:2] + inputs[-2:]:
            read = put_out[:, j.unit : j.unit + 1]
            alone = F.conv2d(read, j.weights[None, None], None, convolution.stride, convolution.padding).mean().item()
            assert j.strength == found.strengths[j.unit].item() == pytest.approx(alone, rel=1e-4, abs=1e-6)
    assert fingerprint(model) == before


def test_sorted_by_strength_and_cut_at_k():
    model = random_batch_norm(small("resnet18"))
    found = circuit(model, "layer2.1.conv1", 3, torch.randn(1, 3, 32, 32), k=4)
    strengths = found.strengths.sort().values.tolist()
    assert [j.strength for j in found.excitatory] == strengths[::-1][:4]
    assert [j.strength for j in found.inhibitory] == strengths[:4]
    assert len(circuit(model, "layer2.1.conv1", 3, torch.randn(1, 3, 32, 32)).excitatory) == 3


def by_hand(**options):
    """Two channels through an identity-like layer, then a convolution of known weights."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.ReLU(), nn.Conv2d(2, 2, 3, **options))
    with torch.no_grad():
        model[0].weight[:, 0, 0, 0] = torch.tensor([1.0, 2.0])
        model[2].weight.zero_()
        model[2].weight[0, 0, 1, 1], model[2].weight[0, -1, 0, 1] = 3.0, -1.0
        model[2].bias.copy_(torch.tensor([0.5, 0.0]))
    return model.eval()


def test_by_hand():
    """On ones, unit 0 has 3 · 1 from channel 0, and −1 · 2 from channel 1 a row above, which one of four rows lacks."""
    found = circuit(by_hand(padding=1), "2", 0, torch.ones(1, 1, 4, 5))
    assert (found.source, found.norm, found.bias) == ("1", None, 0.5)
    assert [(j.unit, j.strength) for j in found.excitatory] == [(0, 3.0)]
    assert [(j.unit, j.strength) for j in found.inhibitory] == [(1, -2 * 3 / 4)]
    assert found.inhibitory[0].weights.tolist() == [[0, -1, 0], [0, 0, 0], [0, 0, 0]]
    assert found.mean == 3 - 1.5 + 0.5


@pytest.mark.parametrize("options, expected", [
    ({"padding": 1, "padding_mode": "replicate"}, -2.0), ({"padding": "same"}, -1.5), ({"padding": 0}, -2.0),
    ({"padding": 1, "stride": 2}, -1.0), ({"padding": 2, "dilation": 2}, -1.0),
])
def test_every_kind_of_padding_stride_and_dilation(options, expected):
    x = torch.ones(1, 1, 4, 4)
    model = by_hand(**options)
    found = circuit(model, "2", 0, x)
    assert found.inhibitory[0].strength == expected
    assert found.mean == pytest.approx(model(x)[0, 0].mean().item(), rel=1e-6)


def test_a_batch_norm_without_weights_is_folded():
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4, affine=False)).eval()
    model[2].running_mean.copy_(torch.arange(4.0))
    model[2].running_var.copy_(torch.arange(4.0) + 1)
    x = torch.randn(2, 1, 6, 6)
    found = circuit(model, "1", 3, x)
    assert found.norm == "2" and found.mean == pytest.approx(model(x)[:, 3].mean().item(), rel=1e-5)


class Reused(nn.Module):
    """conv → ReLU → conv → ReLU, one ReLU module, in place or not."""

    def __init__(self, inplace):
        super().__init__()
        self.first, self.relu, self.second = nn.Conv2d(3, 4, 3), nn.ReLU(inplace), nn.Conv2d(4, 2, 3)

    def forward(self, x):
        return self.relu(self.second(self.relu(self.first(x))))


@pytest.mark.parametrize("inplace", [True, False])
def test_a_module_that_runs_again_gives_its_name_to_no_source(inplace):
    model, x = Reused(inplace).eval(), torch.randn(2, 3, 8, 8)
    assert circuit(model, "second", 0, x).source == "first"


def test_what_the_convolution_read_and_not_what_became_of_it():
    class Overwritten(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.relu = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1), nn.ReLU(inplace=True)

        def forward(self, x):
            read = self.first(x)
            return self.second(read), self.relu(read)

    model, x = Overwritten().eval(), torch.randn(2, 3, 8, 8)
    assert circuit(model, "second", 0, x).mean == pytest.approx(model(x)[0][:, 0].mean().item(), abs=1e-6)


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_parameters_and_no_grad(frozen):
    model, x = Reused(True).eval().requires_grad_(not frozen), torch.randn(2, 3, 8, 8)
    found = circuit(model, "second", 1, x)
    with torch.no_grad():
        again = circuit(model, "second", 1, x)
    assert found.mean == again.mean
    assert not any(j.weights.requires_grad for j in found.excitatory + found.inhibitory)


class Odd(nn.Module):
    """Convolutions that no circuit can be read for."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.twice, self.functional, self.norm = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.batch_norm, self.never = nn.BatchNorm2d(4, track_running_stats=False), nn.Conv2d(1, 1, 1)

    def forward(self, x):
        y = self.twice(self.twice(self.first(x)))
        return self.batch_norm(self.norm(self.functional(y + 1)))


@pytest.mark.parametrize("layer, match", [
    ("first", "reads the picture itself"), ("twice", "runs 2 times"), ("never", "runs 0 times"),
    ("functional", "reads what no module outputs"), ("norm", "keeps no running statistics"),
    ("batch_norm", "is a BatchNorm2d. Take a Conv2d: first"), ("frist", "did you mean 'first'"),
])
def test_what_has_no_circuit(layer, match):
    model = Odd().eval()
    before = fingerprint(model)
    with pytest.raises(ValueError, match=match):
        circuit(model, layer, 0, torch.randn(1, 3, 4, 4))
    assert fingerprint(model) == before


def test_of_a_block_its_own_convolutions_are_offered():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 1)), nn.Conv2d(4, 2, 1)).eval()
    with pytest.raises(ValueError, match=r"is a Sequential\. Take a Conv2d: 1\.1$"):
        circuit(model, "1", 0, torch.randn(1, 3, 4, 4))


def test_wrong_arguments():
    model, x = Reused(True).eval(), torch.randn(1, 3, 8, 8)
    with pytest.raises(IndexError, match="no unit 2: it has 2 units"):
        circuit(model, "second", 2, x)
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        circuit(model, "second", 0, x, k=0)
    with pytest.raises(ValueError, match="training mode"):
        circuit(model.train(), "second", 0, x)
    model.eval()
    with pytest.raises(ValueError, match="the model cannot take x"):
        circuit(model, "second", 0, torch.randn(1, 4, 8, 8))
    assert not any(module._forward_hooks for module in model.modules())
