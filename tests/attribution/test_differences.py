"""DeepLIFT and Deep SHAP: they add up to the difference of the scores, on networks as torchvision has them, and closed forms."""

import pytest
import torch
from captum.attr import DeepLift
from torch import nn

from tests.helpers import FAMILIES, Formula, calibrated, close, fingerprint, point, small
from xaitutor import load_model
from xaitutor.attribution import gradient_x_input, integrated_gradients
from xaitutor.attribution.differences import deep_shap, deeplift
from xaitutor.truth.given import counted_passes

quiet = pytest.mark.filterwarnings("ignore:Input Tensor 0", "ignore:Setting forward")  # Captum's
ADD_UP = ("resnet18", "vgg11_bn", "densenet121", "googlenet", "mnasnet0_5", "mobilenet_v2", "squeezenet1_1", "inception_v3", "alexnet",
          "shufflenet_v2_x0_5")


def off(model, x, reference, target):
    """How far the sum is from the difference of the logits, as a share of it (or of the logits, where they hardly differ)."""
    found = deeplift(model, x, target, reference=reference)
    with torch.no_grad():
        end, start = (model(one)[:, target] for one in (x, reference.expand_as(x)))
    return ((found.sum(dim=(1, 2, 3)) - (end - start)) / (end - start)).abs().max().item()


@pytest.mark.parametrize("name", ADD_UP)
def test_it_adds_up_on_stock_networks(name):
    model = calibrated(small(name).double(), FAMILIES[name])
    x, reference = torch.randn(2, 2, 3, FAMILIES[name], FAMILIES[name], dtype=torch.float64, generator=torch.Generator().manual_seed(5)).unbind()
    assert off(model, x, reference, 3) < 1e-9
    assert off(model.float(), x.float(), reference.float(), 3) < 1e-3


@pytest.mark.parametrize("name", ["menagerie_resnet18", "menagerie_vgg"])
def test_it_adds_up_on_the_courses_own(name):
    model, _, _ = load_model(name)
    x = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    assert off(model, x, torch.zeros(1, 3, 1, 1), 2) < 1e-3


def test_a_minimum_by_hand():
    """min(a, b) = a − ReLU(a − b): the gradient gives everything to b, and so does Rescale."""
    minimum = Formula(lambda a, b: a - (a - b).relu())
    assert deeplift(minimum, point(10, 6), 0).flatten().tolist() == [0, 6]


def test_the_authors_own_numbers():
    """Shrikumar et al.'s test: z goes from 1 to 3, so that the multiplier of the ReLU is 1, and x's are the weights."""
    neuron = Formula(lambda a, b, c, d: (a - 2 * b - 3 * c + 4 * d + 1).relu())
    assert deeplift(neuron, point(-1, -1, 1, 1), 0).flatten().tolist() == pytest.approx([-1, 2, -3, 4])


def matrix(*rows, bias=0.0):
    """A linear layer of these weights, for numbers as an image of one pixel."""
    layer = nn.Linear(len(rows[0]), len(rows)).double()
    with torch.no_grad():
        layer.weight[:], layer.bias[:] = torch.tensor(rows), bias
    return layer


def test_reveal_cancel_has_the_authors_numbers():
    """Δz⁺ = 6, Δz⁻ = −4, Δy⁺ = 4.5, Δy⁻ = −2.5 with a bias of 1: multipliers (0.625, −1.5, −1.875, 3)."""
    neuron = nn.Sequential(nn.Flatten(), matrix([1, -2, -3, 4], bias=1), nn.ReLU()).eval()
    found = deeplift(neuron, point(-1, -1, 1, 1), 0, rule="reveal_cancel").flatten()
    assert found.tolist() == pytest.approx([-0.625, 1.5, -1.875, 3])
    assert deeplift(neuron, point(-1, -1, 1, 1), 0).flatten().tolist() == pytest.approx([-1, 2, -3, 4])


def test_reveal_cancel_shares_a_minimum():
    """min(a, b) = a − ReLU(a − b) at (10, 6): (0, 6) by Rescale, (3, 3) by RevealCancel."""
    class Minimum(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = matrix([1, 0]), matrix([1, -1])

        def forward(self, x):
            return self.first(x.flatten(1)) - self.second(x.flatten(1)).relu()

    assert deeplift(Minimum().eval(), point(10, 6), 0).flatten().tolist() == pytest.approx([0, 6])
    assert deeplift(Minimum().eval(), point(10, 6), 0, rule="reveal_cancel").flatten().tolist() == pytest.approx([3, 3])


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1", "mobilenet_v2"])
def test_reveal_cancel_adds_up(name):
    model = calibrated(small(name).double(), FAMILIES[name])
    x, reference = torch.randn(2, 1, 3, FAMILIES[name], FAMILIES[name], dtype=torch.float64, generator=torch.Generator().manual_seed(5)).unbind()
    found = deeplift(model, x, 3, reference=reference, rule="reveal_cancel")
    with torch.no_grad():
        difference = model(x)[0, 3] - model(reference)[0, 3]
    assert found.sum().item() == pytest.approx(difference.item(), rel=1e-6)
    assert not close(found, deeplift(model, x, 3, reference=reference), 0.1)


def test_an_unknown_rule_is_named():
    with pytest.raises(ValueError, match="rule must be 'rescale' or 'reveal_cancel', not 'reveal'"):
        deeplift(small("resnet18"), torch.zeros(1, 3, 32, 32), 0, rule="reveal")


@quiet
def test_equal_to_captum_where_each_relu_is_its_own():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 2), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 5),
                            nn.ReLU(), nn.Linear(5, 2)).double().eval()
    x, reference = torch.randn(2, 3, 2, 5, 5, dtype=torch.float64).unbind()
    assert close(deeplift(network, x, 1, reference=reference), DeepLift(network).attribute(x, reference, target=1), 1e-9)


@quiet
def test_captum_does_not_add_up_where_max_pooling_has_two_winners():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(), nn.Linear(16, 2)).double().eval()
    x, reference = torch.randn(2, 1, 2, 7, 7, dtype=torch.float64).unbind()
    with torch.no_grad():
        difference = (network(x) - network(reference))[0, 1].item()
    assert deeplift(network, x, 1, reference=reference).sum().item() == pytest.approx(difference, rel=1e-9)
    captums = DeepLift(network).attribute(x, reference, target=1).sum().item()
    assert captums != pytest.approx(difference, rel=0.01)


def test_saturation_costs_nothing():
    """1 − ReLU(1 − x) is flat at 2, where the gradient is 0."""
    saturated = Formula(lambda x: 1 - (1 - x).relu())
    assert deeplift(saturated, point(2), 0).item() == pytest.approx(1)


def test_where_z_stays_the_multiplier_is_the_gradient():
    """Two changes that cancel before a ReLU: open on both sides it hands both back, closed on both neither."""
    assert deeplift(Formula(lambda a, b: (a - b + 1).relu()), point(2, 2), 0).flatten().tolist() == [2, -2]
    assert deeplift(Formula(lambda a, b: (a - b - 1).relu()), point(2, 2), 0).flatten().tolist() == [0, 0]


def test_one_relu_after_a_linear_step_is_integrated_gradients():
    neuron = Formula(lambda a, b, c: (2 * a - 3 * b + c - 0.5).relu())
    for numbers in ((1, -2, 3), (2, 0.5, -1), (3, 1, 1)):
        expected = integrated_gradients(neuron, point(*numbers), 0, steps=20_000, rule="midpoint", batch_size=20_000)
        assert close(deeplift(neuron, point(*numbers), 0), expected, 1e-3)


def test_without_biases_and_from_zero_all_are_one():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), nn.ReLU(), nn.Conv2d(4, 3, 2, bias=False), nn.ReLU(), nn.Flatten(),
                            nn.Linear(3 * 4, 2, bias=False)).double().eval()
    x = torch.randn(3, 2, 5, 5, dtype=torch.float64)
    expected = gradient_x_input(network, x, 1)
    assert close(deeplift(network, x, 1), expected, 1e-12)
    assert close(integrated_gradients(network, x, 1, steps=4), expected, 1e-12)


def test_max_pooling_shares_between_two_winners():
    """Windows of 3 with stride 2 overlap, and picture and reference have other winners."""
    pooling = nn.Sequential(nn.MaxPool2d((1, 3), (1, 2)), nn.Flatten(), nn.Linear(2, 1, bias=False)).double().eval()
    with torch.no_grad():
        pooling[2].weight[:] = torch.tensor([[1.0, 10.0]])
    x, reference = (torch.tensor(row, dtype=torch.float64).reshape(1, 1, 1, 5) for row in ([1, 2, 9, 3, 1], [8, 0, 0, 0, 4]))
    found = deeplift(pooling, x, 0, reference=reference).flatten()
    assert found.sum().item() == pytest.approx(1 * (9 - 8) + 10 * (9 - 4))
    assert found.tolist() == pytest.approx([0, 0, 1 + 50, 0, 0])
    swapped = deeplift(pooling, reference, 0, reference=x).flatten()
    assert swapped.tolist() == pytest.approx([0, 0, -51, 0, 0])


def test_where_nothing_differs_nothing_is_given():
    model, x = calibrated(small("resnet18"), 32), torch.randn(1, 3, 32, 32)
    found = deeplift(model, x, 0, reference=x)
    assert found.isfinite().all() and not found.any()


def test_deep_shap_of_a_sum_of_functions_is_exact():
    additive = Formula(lambda a, b, c: a.relu() + 2 * (b - 1).relu() - (3 - c).relu())
    references = torch.tensor([[0.0, 0, 0], [1, 2, 5], [-3, 4, 1]], dtype=torch.float64)[:, :, None, None]
    x = point(2, 3, 1)
    single = lambda values: torch.stack([values[:, 0].relu(), 2 * (values[:, 1] - 1).relu(), -(3 - values[:, 2]).relu()], dim=1)  # noqa: E731
    expected = single(x[:, :, 0, 0]) - single(references[:, :, 0, 0]).mean(dim=0)
    for batch_size in (1, 2, 16):
        assert close(deep_shap(additive, x, 0, references=references, batch_size=batch_size).flatten(), expected.flatten(), 1e-12)


def test_deep_shap_is_the_mean_of_deeplift_and_adds_up():
    model = calibrated(small("resnet18").double(), 32)
    x, references = torch.randn(5, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).split([2, 3])
    found = deep_shap(model, x, [1, 2], references=references)
    assert close(found, torch.stack([deeplift(model, x, [1, 2], reference=one) for one in references]).mean(0), 1e-9)
    with torch.no_grad():
        scores = model(torch.cat([x, references]))
    expected = torch.stack([scores[0, 1] - scores[2:, 1].mean(), scores[1, 2] - scores[2:, 2].mean()])
    assert close(found.sum(dim=(1, 2, 3)), expected, 1e-9)
    assert close(deep_shap(model, x, references=references), deep_shap(model, x, scores[:2].argmax(1), references=references), 1e-9)


def test_without_references_there_are_three_plain_ones():
    """The least of each channel of each picture, 0, and the largest."""
    model, x = calibrated(small("resnet18").double(), 32), torch.randn(2, 3, 32, 32, dtype=torch.float64)
    found = deep_shap(model, x, [1, 2])
    for index, image in enumerate(x):
        plain = torch.stack([image.amin((1, 2)), torch.zeros(3), image.amax((1, 2))]).double()[:, :, None, None].expand(3, *image.shape)
        assert close(found[[index]], deep_shap(model, image[None], index + 1, references=plain), 1e-9)


@pytest.mark.parametrize("references", [[torch.zeros(3, 32, 32)], torch.zeros(3, 32, 32), torch.zeros(2, 3, 16, 16), torch.zeros(0, 3, 32, 32)])
def test_what_are_no_references(references):
    with pytest.raises(ValueError, match=r"references must be a tensor \(M, C, H, W\) of pictures of the size of x, \(3, 32, 32\)"):
        deep_shap(small("resnet18"), torch.zeros(1, 3, 32, 32), 0, references=references)


def test_one_pass_of_two_pictures_and_no_trace():
    model = calibrated(small("resnet18"), 32)
    before, x = fingerprint(model), torch.randn(2, 3, 32, 32)
    with counted_passes(model) as counts:
        deeplift(model, x)
    assert (counts.forward, counts.backward) == (4, 4) and fingerprint(model) == before
