"""Receptive fields equal the published ones, torchvision's own, the gradient's support, and the spread of a NaN."""

from math import inf

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from xaitutor.foundations import receptive_field as rf
from xaitutor.foundations.convolution import convolve

LAZY = {
    "googlenet": {"init_weights": False},
    "inception_v3": {"init_weights": False},
}  # their own initialisation is slow


def network(name, device="meta"):
    with torch.device(device):
        return torchvision.models.get_model(name, weights=None, **LAZY.get(name, {})).eval()


def size(model, layer, image_size=224):
    rows, columns = rf.field(model, layer, image_size).size
    assert rows == columns
    return rows


# --- the recursion ------------------------------------------------------------------------------------------------


def test_two_3x3_see_what_one_5x5_sees():
    assert [f.size for f in rf.of_layers([(3,), (3,)])] == [3, 5]
    assert 2 * 3 * 3 == 18 and 5 * 5 == 25


def test_stride_padding_and_dilation():
    assert rf.of_layers([(3, 2, 1)]) == [rf.Field(3, 2, -1)]
    assert rf.of_layers([(3, 2, 1), (3, 2, 1)])[-1] == rf.Field(7, 4, -3)
    assert rf.of_layers([(3, 1, 2, 2)]) == [rf.Field(5, 1, -2)]
    assert rf.of_layers([(3, 1, 0, d) for d in (1, 2, 4, 8)])[-1].size == 31
    assert rf.of_layers([]) == []


def test_window():
    field = rf.Field(size=7, jump=4, start=-3)
    assert [field.window(i) for i in (0, 1)] == [(-3, 4), (1, 8)]
    assert field.window(0, length=6) == (0, 4) and field.window(1, length=6) == (1, 6)
    assert rf.Field(inf, 1, -inf).window(3, 20) == (0, 20)


ALEXNET = [(11, 4, 2), (3, 2), (5, 1, 2), (3, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2)]


def test_alexnet_by_recursion():
    sizes = [f.size for f in rf.of_layers(ALEXNET)]
    assert [sizes[i] for i in (0, 2, 4, 5, 6, 7)] == [11, 51, 99, 131, 163, 195]


# --- published networks -------------------------------------------------------------------------------------------


def test_alexnet_published():
    """Araujo, Norris and Sim (Distill 2019); torchvision's AlexNet has the same kernels and strides."""
    found = rf.fields(network("alexnet"))
    names = [f"features.{i}" for i in (0, 3, 6, 8, 10, 12)]
    assert [found[name].size[0] for name in names] == [11, 51, 99, 131, 163, 195]


def test_vgg16_published():
    model = network("vgg16")
    assert size(model, "features.30") == 212  # after pool5, as published
    assert size(model, "features.28") == 196  # conv5_3


def test_inception_v3_published():
    assert size(network("inception_v3"), "Mixed_7c", 299) == 1311


PUBLISHED = {"resnet50": (483, 427), "resnet101": (1027, 971), "resnet152": (1507, 1451)}


@pytest.mark.parametrize("name", PUBLISHED)
def test_resnets_published_and_torchvisions(name):
    """The published networks stride on the first 1 × 1 convolution of a block, torchvision's on the 3 × 3."""
    published, torchvisions = PUBLISHED[name]
    model = network(name)
    assert size(model, "layer4") == torchvisions
    for stage in (model.layer2, model.layer3, model.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = stage[0].conv2.stride, stage[0].conv1.stride
    assert size(model, "layer4") == published


def test_not_every_neuron_of_resnet18s_last_stage_sees_the_whole_image():
    field = rf.field(network("resnet18"), "layer4")
    assert field.grid == (7, 7)
    assert sum(field.box(*place) == (0, 0, 224, 224) for place in np.ndindex(7, 7)) == 36
    assert field.box(0, 0) == (0, 0, 218, 218)


def test_resnet18():
    assert size(network("resnet18"), "layer4") == size(network("resnet18"), "layer4.1.conv2") == 435


def test_googlenet_with_3x3_and_with_the_papers_5x5():
    model = network("googlenet")
    assert size(model, "inception5b") == 379
    for block in model.modules():
        if type(block).__name__ == "Inception":
            block.branch3[1].conv.kernel_size, block.branch3[1].conv.padding = (5, 5), (2, 2)
            old = block.branch3[1].conv.weight
            block.branch3[1].conv.weight = nn.Parameter(torch.empty(*old.shape[:2], 5, 5, device="meta"))
    model.maxpool4.kernel_size = 3
    assert size(model, "inception5b") == 715


# All families of torchvision's classification networks; the last size before everything is seen at once.
FAMILIES = {
    "alexnet": 195, "convnext_tiny": 1688, "densenet121": 2071, "efficientnet_b0": 7, "googlenet": 379,
    "inception_v3": 1247, "mnasnet0_5": 843, "mobilenet_v2": 491, "mobilenet_v3_small": 7, "regnet_x_400mf": 975,
    "regnet_y_400mf": 7, "resnet18": 435, "resnext50_32x4d": 427, "shufflenet_v2_x0_5": 527, "squeezenet1_1": 207,
    "vgg11": 150, "wide_resnet50_2": 427,
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_can_be_followed(name):
    model = network(name, "cpu" if name.startswith("regnet") else "meta")
    found = rf.fields(model)
    assert [f.size[0] for f in found.values() if f.size[0] < inf][-1] == FAMILIES[name]
    ran = rf._trace(model, 224)
    assert set(found) == set(ran), "each layer that ran has a field"


@pytest.mark.parametrize("name, stem", [("vit_b_16", "conv_proj"), ("swin_t", "features.0.0")])
def test_attention_is_refused_and_the_stem_is_not(name, stem):
    model = network(name, "cpu")
    assert size(model, stem) < 20
    with pytest.raises(ValueError, match="cannot say what"):
        rf.field(model, list(rf._trace(model, 224))[-1])


def test_rectangular_windows_have_rectangular_fields():
    rows, columns = rf.field(network("inception_v3"), "Mixed_6b.branch7x7_2", 299).size  # 1 × 7
    assert (rows, columns) == (159, 255)


# --- against gradients and NaNs -----------------------------------------------------------------------------------


class Branches(nn.Module):
    """Two branches of different reach, added up (or laid side by side)."""

    def __init__(self, kernels, side_by_side):
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(1, 1, k, padding=k // 2, bias=False) for k in kernels)
        self.side_by_side = side_by_side

    def forward(self, x):
        outputs = [branch(x) for branch in self.branches]
        return torch.cat(outputs, dim=1).mean(dim=1, keepdim=True) if self.side_by_side else x + sum(outputs)


convolution = st.builds(
    lambda k, s, p, d: nn.Conv2d(1, 1, k, s, p, d, bias=False),
    st.tuples(st.integers(1, 4), st.integers(1, 4)), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2),
)  # fmt: skip
pooling = st.builds(
    lambda k, s, p: nn.AvgPool2d(k, s, min(p, k // 2)), st.integers(1, 3), st.integers(1, 2), st.integers(0, 1)
)
branches = st.builds(Branches, st.lists(st.sampled_from([1, 3, 5]), min_size=1, max_size=3), st.booleans())
networks = st.lists(
    st.one_of(convolution, pooling, branches, st.builds(nn.ReLU), st.builds(nn.ZeroPad2d, st.integers(1, 2))),
    min_size=1, max_size=4,
)  # fmt: skip


def build(layers):
    model = nn.Sequential(*layers).double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.uniform_(0.5, 1.5)
    return model


def support(influence):
    rows, columns = np.nonzero(influence)
    return rf.Box(rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)


def holds(outer, inner):
    return (
        outer.top <= inner.top
        and outer.left <= inner.left
        and outer.bottom >= inner.bottom
        and outer.right >= inner.right
    )


@given(networks, st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=120, deadline=None)
def test_the_gradients_support_is_the_theoretical_box(layers, row, column):
    torch.manual_seed(0)
    model, last = nn.Sequential(nn.Identity(), build(layers)), "1"
    if not any(isinstance(m, nn.Conv2d) for m in model.modules()):
        model[0] = build([nn.Conv2d(1, 1, 1)])
    image = torch.rand(1, 1, 70, 80, dtype=torch.double) + 0.1
    field = rf.field(model, last, (70, 80))
    assert field.grid == tuple(model(image).shape[2:])
    position = row % field.grid[0], column % field.grid[1]
    influence = rf.effective(model, last, image, *position)
    if influence.any():  # a neuron at the border may see nothing but padding
        assert holds(field.box(*position), support(influence))

    middle = field.grid[0] // 2, field.grid[1] // 2
    unclipped = field.box(*middle, clip=False)
    assume(holds(rf.Box(0, 0, 70, 80), unclipped))
    assert support(rf.effective(model, last, image, *middle)) == unclipped


@pytest.mark.parametrize(
    "name, layer",
    [
        ("alexnet", "features.10"), ("squeezenet1_1", "features.7"), ("shufflenet_v2_x0_5", "stage2"), ("resnet18", "layer2"),
        ("mobilenet_v2", "features.6"), ("googlenet", "inception4a"), ("densenet121", "features.denseblock1"),
    ],
)  # fmt: skip
def test_a_nan_spreads_to_the_neurons_that_see_it(name, layer):
    """Whatever is computed from a NaN is NaN: one poisoned pixel reaches exactly those whose box holds it."""
    torch.manual_seed(0)
    model, outputs = network(name, "cpu"), {}
    model.get_submodule(layer).register_forward_hook(lambda module, inputs, output: outputs.update(y=output))
    field = rf.field(model, layer, 160)
    image = torch.rand(1, 3, 160, 160)
    image[..., 55, 90] = torch.nan
    with torch.no_grad():
        model(image)
    reached = outputs["y"].isnan().any(dim=1)[0].numpy()
    expected = np.zeros(field.grid, dtype=bool)
    for row, column in np.ndindex(field.grid):
        box = field.box(row, column)
        expected[row, column] = box.top <= 55 < box.bottom and box.left <= 90 < box.right
    np.testing.assert_array_equal(reached, expected)
    assert not expected.all()


# --- the effective field ------------------------------------------------------------------------------------------


def test_one_linear_layers_effective_field_is_its_kernel():
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False))
    influence = rf.effective(model, "0", torch.rand(2, 1, 7, 9))
    kernel = model[0].weight[0, 0].abs().detach().numpy()
    np.testing.assert_allclose(influence[2:5, 3:6], kernel / kernel.sum(), rtol=1e-5)
    assert influence.sum() == pytest.approx(1, abs=1e-5) and np.count_nonzero(influence) == 9


def test_colours_that_pull_in_opposite_directions_do_not_cancel():
    model = nn.Sequential(nn.Conv2d(2, 1, 1, bias=False))
    model[0].weight.data = torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1)
    influence = rf.effective(model, "0", torch.rand(1, 2, 3, 3))
    assert influence[1, 1] == pytest.approx(1) and np.count_nonzero(influence) == 1


def test_an_in_place_relu_behind_the_layer_does_not_count():
    model = nn.Sequential(nn.Conv2d(1, 1, 3, bias=True), nn.ReLU(inplace=True))
    model[0].bias.data.fill_(-100)
    assert rf.effective(model, "0", torch.rand(1, 1, 5, 5)).sum() == pytest.approx(1, abs=1e-5)
    assert rf.effective(model, "1", torch.rand(1, 1, 5, 5)).sum() == 0


def test_deep_random_networks_listen_to_a_small_middle():
    """Luo et al. (2016): the effective field grows like the root of the depth, the theoretical one like the depth."""
    torch.manual_seed(0)
    model = nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(20)])
    for layer in model:
        nn.init.constant_(layer.weight, 1 / 9)
    influence = rf.effective(model, "19", torch.rand(1, 1, 61, 61))
    assert size(model, "19", 61) == 41
    # 20 uniform 3 × 3 windows: a Gaussian of variance 20 · 2/3; 4.55 % of its peak lies at radius σ √(2 ln 22) = 9.07
    assert rf.effective_size(influence) == pytest.approx(
        np.sqrt(np.pi) * np.sqrt(40 / 3 * 2 * np.log(1 / 0.0455)), rel=0.03
    )


def test_effective_size_counts_pixels():
    assert rf.effective_size(np.array([[1, 0.05], [0.04, 0]])) == pytest.approx(np.sqrt(2))


# --- the numbers of notebook 04 -----------------------------------------------------------------------------------


def by(kernel):
    """The matrix that convolves a kernel of the same size with `kernel`."""
    width = kernel.shape[0] - 1
    units = np.eye(kernel.size).reshape(-1, *kernel.shape)
    return np.stack([convolve(unit, kernel, padding="zero", width=width).ravel() for unit in units], axis=1)


def test_two_3x3_reach_17_of_25_directions():
    """With one channel between; with two they reach all. In one dimension two windows of 3 reach all of 5."""
    kernels = np.random.default_rng(0).normal(size=(4, 3, 3))
    ranks = [np.linalg.matrix_rank(np.hstack([by(kernel) for kernel in some])) for some in (kernels[:2], kernels)]
    assert ranks == [17, 25]
    assert np.linalg.matrix_rank(np.hstack([by(kernel) for kernel in kernels[0, :2]])) == 5


def test_chains_of_ten_layers():
    plain, strided, dilated = (
        [(3,)] * 10,
        [(3, 2 if i % 3 == 0 else 1) for i in range(10)],
        [(3, 1, 0, 2 ** (i % 5)) for i in range(10)],
    )
    assert [rf.of_layers(chain)[-1].size for chain in (plain, strided, dilated)] == [21, 87, 125]


@pytest.mark.parametrize("depth, heard", [(5, 8), (10, 12), (20, 16), (40, 23)])
def test_what_stacks_listen_to(depth, heard):
    model = nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(depth)])
    for layer in model:
        nn.init.constant_(layer.weight, 1 / 9)
    influence = rf.effective(model, str(depth - 1), torch.zeros(1, 1, 99, 99))
    assert round(rf.effective_size(influence)) == heard


def test_what_an_untrained_resnet18_listens_to():
    torch.manual_seed(0)
    model, noise = network("resnet18", "cpu"), torch.randn(4, 3, 224, 224)
    for layer, seen, heard in (("layer1", 43, 30), ("layer2", 99, 60), ("layer3", 211, 110)):
        assert size(model, layer) == seen
        influence = rf.effective(model, layer, noise)
        box = rf.field(model, layer).box(*(n // 2 for n in rf.field(model, layer).grid))
        assert influence[box.top : box.bottom, box.left : box.right].sum() == pytest.approx(1, abs=1e-4)
        assert rf.effective_size(influence) == pytest.approx(heard, rel=0.15)


# --- boxes, errors, and no trace left -----------------------------------------------------------------------------


def test_boxes():
    model = network("resnet18")
    field = rf.field(model, "layer1.0.conv1", 128)
    assert field.grid == (32, 32) and field.size == (19, 19) and field.jump == (4, 4)
    assert field.box(0, 0, clip=False) == (-9, -9, 10, 10)
    assert field.box(0, 31) == (0, 115, 10, 128)
    assert rf.field(model, "avgpool", (100, 120)).box(0, 0) == (0, 0, 100, 120)
    assert rf.field(model, "fc", 128).box(0, 0, clip=False) == (0, 0, 128, 128)
    with pytest.raises(IndexError, match="row 32"):
        field.box(32, 0)


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Conv2d(4, 1, 3))
    model[2].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    hooks = len(torch.nn.modules.module._global_forward_hooks)
    assert size(model, "3", 20) == 5
    rf.effective(model, "3", torch.rand(1, 3, 20, 20))
    with pytest.raises(ValueError, match="does not run on an image of 2 × 2"):
        rf.field(model, "3", 2)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [m.training for m in model] == [True, True, False, True] and model.training
    assert hooks == len(torch.nn.modules.module._global_forward_hooks) and not any(m._forward_hooks for m in model)
    assert all(p.device.type == "cpu" and p.grad is None for p in model.parameters())


def test_unknown_layers_get_the_nearest_names():
    with pytest.raises(ValueError, match=r"no layer 'layer4\.1\.conv3'; near it: .*'layer4\.1\.conv2'"):
        rf.field(network("resnet18"), "layer4.1.conv3")
    with pytest.raises(ValueError, match="no layer 'zebra'"):
        rf.effective(network("resnet18"), "zebra", torch.rand(1, 3, 64, 64))
    with pytest.raises(ValueError, match="did not run"):
        rf.field(network("googlenet"), "aux1")


class Odd(nn.Module):
    def __init__(self, last):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 4, 3, 2, 1), nn.Identity()
        self.function = last

    def forward(self, x):
        return self.last(self.function(self.conv(x)))


@pytest.mark.parametrize(
    "function, words",
    [
        (lambda y: nn.functional.interpolate(y, scale_factor=2), "how far"),
        (lambda y: y.transpose(2, 3), "turns"),
        (lambda y: y.permute(0, 1, 3, 2), "turns"),
        (lambda y: y[:, :, 1:], "cuts out"),
        (lambda y: y.softmax(dim=-1), "how far"),
        (lambda y: nn.functional.pad(y, (1, 1, 1, 1), mode="replicate"), "from elsewhere"),
        (lambda y: nn.functional.adaptive_avg_pool2d(y, 5), "different sizes"),
        (lambda y: y.flatten(2), "mixes rows and columns"),
        (lambda y: torch.zeros(2, 3), "does not depend"),
        (lambda y: nn.functional.max_pool2d(y.permute(0, 2, 3, 1), 2), "not run over"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_with_the_reason(function, words):
    with pytest.raises(ValueError, match=words):
        rf.field(Odd(function), "last", 32)


@pytest.mark.parametrize(
    "function, expected",
    [
        (lambda y: nn.functional.adaptive_avg_pool2d(y, 4), 3 + 3 * 2),
        (lambda y: nn.functional.adaptive_avg_pool2d(y, 16), 3),
        (lambda y: nn.functional.adaptive_max_pool2d(y, 1), inf),
        (lambda y: nn.functional.max_pool2d(y, 2, return_indices=True)[0], 5),
        (lambda y: nn.functional.conv2d(y, torch.zeros(1, 4, 5, 3, device="meta"), padding="same"), (11, 7)),
        (lambda y: y.mean(dim=1, keepdim=True), 3),
        (lambda y: y.mean(dim=(2, 3)), inf),
        (lambda y: y.mean(), inf),
        (lambda y: nn.functional.group_norm(y, 2), inf),
        (lambda y: nn.functional.layer_norm(y, y.shape[1:]), inf),
        (lambda y: y * y.mean(dim=(2, 3), keepdim=True), inf),  # squeeze and excitation
        (lambda y: y.chunk(2, dim=1)[1], 3),
        (lambda y: torch.relu_(y) + 1, 3),
    ],
)  # fmt: skip
def test_functions_are_followed(function, expected):
    found = rf.field(Odd(function), "last", 32).size
    assert found == (expected if isinstance(expected, tuple) else (expected, expected))


def test_errors():
    with pytest.raises(ValueError, match="at least 1"):
        rf.of_layers([(0,)])
    with pytest.raises(ValueError, match="no convolution"):
        rf.fields(nn.Sequential(nn.Linear(3, 3)))
    with pytest.raises(ValueError, match="strides 1 and 2"):
        rf.union(rf.Field(3, 1, 0), rf.Field(3, 2, 0))
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten())
    with pytest.raises(ValueError, match="no rows and columns"):
        rf.effective(model, "1", torch.rand(1, 1, 8, 8))
    with pytest.raises(IndexError, match=r"\(9, 0\)"):
        rf.effective(model, "0", torch.rand(1, 1, 8, 8), 9, 0)
