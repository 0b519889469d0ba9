import pytest
import torch
import torchvision
from torch import nn

from tests.helpers import FAMILIES, fingerprint, small
from xaitutor.attribution import occlusion
from xaitutor.networks.layers import Row, evaluating, record, run, summary
from xaitutor.networks.layouts import pixel_by_pixel
from xaitutor.units import survey


class Residual(nn.Module):
    """x + relu(relu(2x − 1) − 2), with an in-place ReLU used twice and an in-place subtraction."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.same = nn.Identity()
        nn.init.constant_(self.conv.weight, 2.0)

    def forward(self, x):
        same = self.same(x)
        y = self.conv(same)
        y -= 1
        y = self.relu(self.relu(y) - 2)
        return y + same


X = torch.tensor([-1.0, 1.0, 2.0, 4.0]).reshape(1, 1, 1, 4)


@pytest.mark.parametrize("gradients", [False, True])
def test_recorded_is_what_the_layer_put_out(gradients):
    model = Residual()
    with record(model, ["conv", "relu", "same", ""], gradients) as recorded:
        assert model(X.clone()).flatten().tolist() == [-1, 1, 3, 9]
    activations = recorded[0] if gradients else recorded
    assert activations["conv"].flatten().tolist() == [-2, 2, 4, 8]
    assert activations["relu"].flatten().tolist() == [0, 0, 1, 5]  # the last time it ran
    assert activations["same"].flatten().tolist() == [-1, 1, 2, 4]
    assert activations[""].flatten().tolist() == [-1, 1, 3, 9]


@pytest.mark.parametrize("frozen", [False, True])
def test_gradients_by_hand(frozen):
    model = Residual().requires_grad_(not frozen)
    with record(model, ["conv", "relu", "same"], gradients=True) as (activations, gradients):
        model(X.clone()).sum().backward()
    assert gradients["conv"].flatten().tolist() == [0, 0, 1, 1]
    assert gradients["relu"].flatten().tolist() == [1, 1, 1, 1]  # of the same use as the activation
    assert gradients["same"].flatten().tolist() == [1, 1, 3, 3]
    assert not gradients["same"].requires_grad


def test_gradients_with_autograd_grad():
    model = Residual().requires_grad_(False)
    with record(model, "same", gradients=True) as (activations, gradients):
        score = model(X).sum()
    (gradient,) = torch.autograd.grad(score, activations["same"])
    assert torch.allclose(gradient, gradients["same"])


def test_without_gradients_nothing_holds_the_graph():
    model = Residual()
    with record(model, "conv") as activations:
        model(X)
    assert not activations["conv"].requires_grad


def test_gradients_under_no_grad():
    model = Residual()
    with pytest.raises(ValueError, match="torch.no_grad"), record(model, "conv", gradients=True), torch.no_grad():
        model(X)
    assert not model.conv._forward_hooks


@pytest.mark.parametrize("wrong, near", [
    ("layer4.1.conv3", "layer4.1.conv2"), ("layer4_1_conv2", "layer4.1.conv2"), ("Layer1", "layer1"),
])
def test_wrong_name_gets_the_nearest(wrong, near):
    model = torchvision.models.resnet18(weights=None)
    with pytest.raises(ValueError, match=f"no layer '{wrong}'; did you mean .*'{near}'"):
        with record(model, ["layer1", wrong]):
            pass
    assert not any(module._forward_hooks for module in model.modules())


def test_wrong_name_without_a_near_one():
    with pytest.raises(ValueError, match="no layer '14'; at the top there is conv, relu, same"):
        with record(Residual(), "14"):
            pass


def test_asking_for_what_was_not_recorded():
    with record(Residual(), "conv") as activations:
        pass
    with pytest.raises(KeyError, match="nothing was recorded for 'conv': run the model"):
        activations["conv"]


def test_one_module_under_two_names():
    shared = nn.ReLU()
    with record(model := nn.Sequential(shared, nn.Linear(2, 2), shared), ["0", "2"]) as activations:
        model(torch.ones(1, 2))
    assert set(activations) == {"0", "2"}


def test_a_layer_that_puts_out_a_tuple():
    model = nn.MultiheadAttention(4, 2)
    with record(model, "") as activations:
        output, _ = model(*[torch.rand(3, 1, 4)] * 3)
    assert torch.equal(activations[""], output)


def test_a_layer_that_puts_out_no_tensor():
    class Two(nn.Module):
        def forward(self, x):
            return {"a": x}

    model = nn.Sequential(Two())
    with pytest.raises(TypeError, match="layer '0' puts out a dict"), record(model, "0"):
        model(X)
    assert not model[0]._forward_hooks


def test_blocks_inside_blocks():
    model = Residual()
    with record(model, "conv") as outer:
        with record(model, "conv") as inner:
            model(X)
        first = outer["conv"]
        model(X + 1)
    assert torch.equal(inner["conv"], first) and not torch.equal(outer["conv"], first)
    assert not model.conv._forward_hooks


@pytest.mark.parametrize("name", FAMILIES)
def test_no_trace_is_left_and_nothing_is_altered(name):
    model = small(name)
    names = [n for n, _ in model.named_modules()]
    x = torch.rand(1, 3, FAMILIES[name], FAMILIES[name])
    expected, before = model(x), fingerprint(model)
    with pytest.raises(ZeroDivisionError), record(model, names) as activations:
        model(x)
        1 / 0
    with record(model, names, gradients=True) as (in_graph, gradients):
        output = model(x)
        torch.autograd.grad(output[0, 3], in_graph[names[1]])
    assert fingerprint(model) == before
    for found in (output, activations[""]):
        assert torch.allclose(found, expected, rtol=1e-3, atol=1e-5)
    for module in model.modules():
        if hasattr(module, "inplace"):
            module.inplace = False  # then nothing is overwritten, and the values must be the same
    with record(model, names) as untouched:
        model(x)
    assert list(untouched) == list(activations) == list(in_graph) and len(activations) > 0.8 * len(names) > 15
    for n, value in untouched.items():
        for recorded in (activations[n], in_graph[n]):
            assert torch.allclose(recorded, value, rtol=0, atol=1e-4 * value.abs().max().item()), n
    assert gradients[names[1]].shape == activations[names[1]].shape and gradients[names[1]].isfinite().all()


def test_every_family_is_there():
    def families(names):
        return {torchvision.models.get_model_builder(name).__module__ for name in names}

    assert families(FAMILIES) == families(torchvision.models.list_models(module=torchvision.models))


@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_eval_mode_for_the_time_of_a_block(error):
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm2d(1), nn.Dropout().eval()).eval())
    model[1][0].train()
    before = fingerprint(model)
    try:
        with evaluating(model) as inside:
            assert inside is model and not any(module.training for module in model.modules())
            if error:
                raise error
    except ZeroDivisionError:
        pass
    assert fingerprint(model) == before


# summary


def test_summary_by_hand():
    model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 9, 5)).eval()
    assert summary(model, torch.rand(2, 3, 8, 8)) == [
        Row("0", "Conv2d", (2, 16, 6, 6), 448), Row("1", "ReLU", (2, 16, 6, 6), 0),
        Row("2", "MaxPool2d", (2, 16, 3, 3), 0), Row("3", "Flatten", (2, 144), 0), Row("4", "Linear", (2, 5), 725),
    ]


@pytest.mark.parametrize("name, count", [
    ("resnet18", 11_689_512), ("squeezenet1_1", 1_235_496), ("densenet121", 7_978_856),
])
def test_summary_adds_up_to_the_published_number_of_parameters(name, count):
    model = small(name)
    before = fingerprint(model)
    rows = summary(model, torch.rand(1, 3, 32, 32))
    assert sum(row.parameters for row in rows) == count
    assert fingerprint(model) == before
    assert rows[0].kind == "Conv2d" and rows[-1].shape[:2] == (1, 1000)


def test_summary_says_each_use_in_its_order():
    rows = summary(small("resnet18"), torch.rand(1, 3, 32, 32))
    names = ("conv1", "bn1", "relu", "conv2", "bn2", "relu")
    assert [row.name for row in rows][4:10] == [f"layer1.0.{name}" for name in names]


def test_summary_counts_a_shared_layers_parameters_once():
    shared = nn.Conv2d(2, 2, 1)
    rows = summary(nn.Sequential(shared, nn.ReLU(), shared).eval(), torch.rand(1, 2, 1, 1))
    assert [(row.name, row.parameters) for row in rows] == [("0", 6), ("1", 0), ("0", 0)]


def test_summary_of_a_model_in_training_mode():
    with pytest.raises(ValueError, match=r"model\.eval\(\)"):
        summary(small("resnet18").train(), torch.rand(1, 3, 32, 32))


def test_summary_after_an_exception_leaves_nothing():
    model = small("squeezenet1_1")
    before = fingerprint(model)
    with pytest.raises(ValueError, match="the model cannot take x"):
        summary(model, torch.rand(1, 4, 32, 32))
    assert fingerprint(model) == before


class Viewed(nn.Module):
    """Ends in `view`, as many a small network does, which only takes numbers that lie in memory in the usual order."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4 * 6 * 6, 5)

    def forward(self, x):
        return self.head(self.conv(x).relu().view(len(x), -1))


def test_a_network_that_ends_in_view_takes_pictures_in_any_order_of_memory():
    model, x = Viewed().eval(), torch.rand(2, 3, 8, 8)
    other = pixel_by_pixel(x)
    with pytest.raises(RuntimeError, match="view size"):
        model(other)
    assert torch.allclose(run(model, other), model(x), atol=1e-6)
    found = survey(model, "conv", torch.utils.data.TensorDataset(x), 1, "max", progress=False)
    assert torch.allclose(found.scores[:, 0], model.conv(x).amax((0, 2, 3)), atol=1e-6)
    assert occlusion(model, x, 0, window=4).shape == (2, 1, 8, 8)


def test_pixel_by_pixel_changes_the_order_in_memory_alone():
    x = torch.rand(2, 3, 8, 8)
    assert torch.equal(pixel_by_pixel(x), x) and pixel_by_pixel(x).is_contiguous(memory_format=torch.channels_last)
    for other in (x.double(), x[0]):  # convolutions of doubles take as long either way
        assert pixel_by_pixel(other) is other
