import copy
import random

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.ops import Permute

from xaitutor.maximization import (
    blur,
    channel,
    direction,
    diversity,
    fourier,
    jitter,
    maximize,
    measure,
    pixels,
    rotation,
    scaling,
    target,
    total_variation,
    unit,
    within,
)
from xaitutor.maximization.parameterisations import EDGE

QUIET = {"progress": False}
RAW = pixels(sigmoid=False)
SGD = torch.optim.SGD


class Linear(nn.Module):
    """Two logits, each a weighted sum of all values of a picture (3, 8, 8): every answer is known."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)))
        self.register_buffer("on", torch.tensor(1.0))

    def forward(self, x):
        return torch.einsum("nchw,kchw->nk", x, self.weight) * self.on


class Preprocess:
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.1, 0.3)


@pytest.fixture
def linear():
    return Linear().eval()


def picture(seed=0, size=8):
    return torch.rand(3, size, size, generator=torch.Generator().manual_seed(seed))


# closed forms


def test_one_step_is_the_formula(linear):
    """x + μ ∂a/∂x, cut to [0, 1]; behind a preprocessing the gradient is divided by its standard deviation."""
    start, rate = picture(), 0.05
    result = maximize(linear, target(1), None, start=start, steps=1, learning_rate=rate, optimiser=SGD,
                      parameterisation=RAW, **QUIET)
    assert torch.allclose(result.pictures[0], (start + rate * linear.weight[1]).clamp(0, 1), atol=1e-6)
    std = torch.tensor(Preprocess.std)[:, None, None]
    result = maximize(linear, target(1), Preprocess, start=start, steps=1, learning_rate=rate, optimiser=SGD,
                      parameterisation=RAW, **QUIET)
    assert torch.allclose(result.pictures[0], (start + rate * linear.weight[1] / std).clamp(0, 1), atol=1e-6)


def test_three_steps_of_the_formula_written_out(resnet):
    model, preprocess = resnet
    mean, std = (torch.tensor(v)[:, None, None] for v in (preprocess.mean, preprocess.std))
    x = picture(size=32)[None]
    for _ in range(3):
        x = x.requires_grad_()
        caught = []
        hook = model.layer2[1].conv2.register_forward_hook(lambda _, __, out: caught.append(out))
        model((x - mean) / std)
        hook.remove()
        (gradient,) = torch.autograd.grad(caught[0][0, 5].mean(), x)
        x = (x.detach() + 20 * gradient).clamp(0, 1)
    result = maximize(model, channel("layer2.1.conv2", 5), preprocess, start=picture(size=32), steps=3,
                      learning_rate=20, optimiser=SGD, parameterisation=RAW, **QUIET)
    assert torch.allclose(result.pictures, x, atol=1e-5) and (x - picture(size=32)).abs().max() > 0.05


def test_the_optimum_of_a_linear_unit_is_found(linear):
    """White where the weight is positive, black where it is negative."""
    result = maximize(linear, target(0), size=8, steps=60, parameterisation=RAW, **QUIET)
    assert torch.equal(result.pictures[0], (linear.weight[0] > 0).float())
    best = linear.weight[0].clamp_min(0).sum().item()
    assert result.activations[-1, 0].item() == pytest.approx(best, rel=1e-5)
    assert maximize(linear, -1 * target(0), size=8, steps=60, parameterisation=RAW, **QUIET).pictures[0].ne(
        result.pictures[0]).all()


@pytest.mark.parametrize("kind", [pixels(), pixels(decorrelated=True), fourier(), fourier(decorrelated=True)])
def test_every_parameterisation_gets_nine_tenths_of_the_optimum(linear, kind):
    """Not all of it: where the sigmoid is flat, mixed colours can hardly be unmixed any more."""
    result = maximize(linear, target(0), size=8, steps=400, learning_rate=1, parameterisation=kind, **QUIET)
    best = linear.weight[0].clamp_min(0).sum().item()
    assert 0.9 * best < result.activations[-1, 0] <= best * (1 + 1e-5)
    assert 0 <= result.pictures.min() and result.pictures.max() <= 1


# what comes out


def test_shapes_and_the_last_activation_is_that_of_the_picture(resnet):
    model, preprocess = resnet
    objective = channel("layer2", 3)
    result = maximize(model, objective, preprocess, size=32, steps=4, n=2, transforms=[jitter(4)], **QUIET)
    assert result.pictures.shape == (2, 3, 32, 32) and result.activations.shape == (5, 2)
    assert torch.allclose(result.activations[-1], measure(model, objective, result.pictures, preprocess), atol=1e-6)
    assert not result.pictures.requires_grad and not result.activations.requires_grad
    assert (result.activations[-1] > result.activations[0]).all()


def test_an_activation_is_what_the_network_says(resnet):
    model, preprocess = resnet
    x = picture(size=64)[None]
    mean, std = (torch.tensor(v)[:, None, None] for v in (preprocess.mean, preprocess.std))
    with torch.no_grad():
        logits = model((x - mean) / std)
    assert torch.allclose(measure(model, target(3), x, preprocess), logits[:, 3], atol=1e-5)
    both = measure(model, 2 * target(3) + channel("fc", 1), x, preprocess)
    assert torch.allclose(both, 2 * logits[:, 3] + logits[:, 1], atol=1e-5)


@pytest.mark.parametrize("kind", [RAW, pixels(), pixels(decorrelated=True), fourier(), fourier(1.5, decorrelated=True)])
@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 3, 8, 8)])
def test_the_first_step_sees_the_start(linear, kind, shape):
    start = picture().clamp(EDGE, 1 - EDGE).reshape(shape)
    seen = []
    maximize(linear, target(0), start=start, steps=1, parameterisation=kind,
             transforms=[lambda x: seen.append(x.detach().clone()) or x], **QUIET)
    assert torch.allclose(seen[0], start.reshape(1, 3, 8, 8), atol=1e-5)


def test_several_classes_from_several_starts_are_what_each_alone_would_be(resnet):
    model, preprocess = resnet
    starts = torch.rand(3, 3, 40, 40, generator=torch.Generator().manual_seed(5))
    options = dict(steps=4, learning_rate=0.1, parameterisation=RAW, penalties=[total_variation(1)], **QUIET)
    together = maximize(model, target([2, 0, 2]), preprocess, start=starts, after_step=[within(starts, 0.5)], **options)
    for i, k in enumerate((2, 0, 2)):
        alone = maximize(model, target(k), preprocess, start=starts[i], after_step=[within(starts[i:i + 1], 0.5)], **options)
        assert torch.allclose(together.pictures[i], alone.pictures[0], atol=1e-4)
        assert torch.allclose(together.activations[:, i], alone.activations[:, 0], atol=1e-3)
    assert measure(model, target([2, 0, 2]), starts, preprocess).tolist() == pytest.approx(together.activations[0].tolist(), abs=1e-3)


def test_a_start_decides_the_size_and_is_not_changed(resnet):
    model, preprocess = resnet
    start = torch.rand(3, 40, 56)
    kept = start.clone()
    result = maximize(model, target(1), preprocess, start=start, steps=2, parameterisation=RAW, **QUIET)
    assert result.pictures.shape == (1, 3, 40, 56) and torch.equal(start, kept)


EVERYTHING = {"parameterisation": fourier(decorrelated=True),
              "transforms": [jitter(4), rotation(9), scaling([0.9, 1.1])], "penalties": [total_variation(1)],
              "after_step": [blur(0.6, every=2)], "n": 2}


def test_the_same_seed_gives_the_same(resnet, random_states):
    """In double precision, up to what is left of its rounding after four steps."""
    model, preprocess = copy.deepcopy(resnet[0]).double(), resnet[1]
    objective = channel("layer2", 3) + diversity("layer2", 0.1)
    before = random_states()
    first = maximize(model, objective, preprocess, size=32, steps=4, **EVERYTHING, **QUIET)
    assert random_states() == before
    torch.rand(3), np.random.rand(3), random.random()
    second = maximize(model, objective, preprocess, size=32, steps=4, **EVERYTHING, **QUIET)
    other = maximize(model, objective, preprocess, size=32, steps=4, seed=1, **EVERYTHING, **QUIET)
    assert torch.allclose(first.pictures, second.pictures, atol=1e-8)
    assert torch.allclose(first.activations, second.activations, atol=1e-8)
    assert not torch.allclose(first.pictures, other.pictures, atol=1e-2)


def test_own_transforms_are_seeded_whatever_they_draw_from(linear):
    def noisy(x):
        return x + 0.1 * (torch.rand(()).item() + np.random.rand() + random.random())

    one = maximize(linear, target(0), size=8, steps=5, transforms=[noisy], **QUIET)
    torch.rand(3), np.random.rand(3), random.random()
    two = maximize(linear, target(0), size=8, steps=5, transforms=[noisy], **QUIET)
    assert torch.allclose(one.activations, two.activations, rtol=1e-5)


# regularisers


def test_total_variation_makes_it_smooth(resnet):
    model, preprocess = resnet
    rough, smooth = (maximize(model, channel("layer1", 2), preprocess, size=32, steps=20, penalties=penalties, **QUIET)
                     for penalties in ([], [total_variation(100)]))
    price = total_variation(1)
    assert price(smooth.pictures) < 0.5 * price(rough.pictures)


def test_a_penalty_is_subtracted(linear):
    """The objective and half of itself as a price: half the gradient, half the way."""
    half = maximize(linear, target(0), start=torch.full((3, 8, 8), 0.5), steps=1, learning_rate=0.01, optimiser=SGD,
                    parameterisation=RAW, penalties=[lambda x: 0.5 * linear(x)[:, 0]], **QUIET)
    assert torch.allclose(half.pictures[0], 0.5 + 0.005 * linear.weight[0], atol=1e-6)


@pytest.mark.parametrize("kind", [RAW, pixels(), fourier(decorrelated=True)])
def test_after_step_changes_the_picture(linear, kind):
    steps = []

    def grey(x, step):
        steps.append(step)
        return torch.full_like(x, 0.25) if step == 3 else x

    result = maximize(linear, target(0), size=8, steps=3, parameterisation=kind, after_step=[grey], **QUIET)
    assert steps == [1, 2, 3] and torch.allclose(result.pictures, torch.tensor(0.25), atol=1e-5)


def test_transforms_apply_in_their_order_and_may_change_the_size(linear):
    seen = []
    maximize(linear, target(0), size=8, steps=1,
             transforms=[lambda x: x + 1, lambda x: seen.append(x) or 2 * x[..., :6, :]], **QUIET)
    assert 1.4 < seen[0].min() and seen[0].max() < 1.6  # and Linear takes 8 × 8 only


def test_diversity_lowers_similarity(resnet):
    model, preprocess = resnet
    alike = diversity("layer2.1.conv2")
    wanted = channel("layer2.1.conv2", 5)
    without, with_it = (maximize(model, objective, preprocess, size=32, steps=30, n=3, parameterisation=fourier(),
                                 **QUIET) for objective in (wanted, wanted + 3 * alike))
    prices = [measure(model, alike, result.pictures, preprocess).mean() for result in (without, with_it)]
    assert prices[1] > prices[0] + 0.1


def test_pictures_of_one_run_do_not_influence_each_other(linear):
    """The gradient of a sum: each of n pictures goes the way that it goes alone."""
    three = maximize(linear, target(0), size=8, n=3, steps=4, learning_rate=0.01, optimiser=SGD, **QUIET)
    one = maximize(linear, target(0), size=8, n=1, steps=4, learning_rate=0.01, optimiser=SGD, **QUIET)
    moves = [result.activations.diff(dim=0)[0, 0] for result in (three, one)]
    assert moves[0] == pytest.approx(moves[1].item(), rel=1e-3)


def test_patience_stops_at_the_top(linear):
    result = maximize(linear, target(0), size=8, steps=500, parameterisation=RAW, learning_rate=0.2, patience=3,
                      **QUIET)
    values = result.activations[:, 0]
    assert len(values) < 50 and values[-1].item() == pytest.approx(linear.weight[0].clamp_min(0).sum().item(), rel=1e-4)
    assert values[-4:-1].max() <= values[:-4].max() < values[-1] * 1.0001


def test_a_unit_that_is_off_is_said(linear):
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()).eval()
    nn.init.constant_(model[0].bias, -100)
    with pytest.warns(UserWarning, match="no gradient in any step.*behind a ReLU"):
        result = maximize(model, channel("1", 0), size=8, steps=3, **QUIET)
    assert not result.activations.any()
    assert maximize(model, channel("0", 0), size=8, steps=3, **QUIET).activations.diff(dim=0).gt(0).all()


# cost, and what is left behind


def test_one_pass_a_step_as_far_as_needed_and_no_gradient_for_weights(resnet, monkeypatch):
    model, preprocess = resnet
    model.requires_grad_(True)
    calls = {"conv1": [0, 0], "layer2.1.conv2": [0, 0], "layer2.1.bn2": [0, 0], "layer4": [0, 0]}

    def count(name):
        def hook(_, __, out):
            calls[name][0] += 1
            if out.requires_grad:
                out.register_hook(lambda _: calls[name].__setitem__(1, calls[name][1] + 1))
        return model.get_submodule(name).register_forward_hook(hook)

    handles = [count(name) for name in calls]
    try:
        maximize(model, channel("layer2.1.conv2", 5), preprocess, size=32, steps=7, **QUIET)
    finally:
        for handle in handles:
            handle.remove()
        model.requires_grad_(False)
    # one whole pass to check the objective, one a step, and one for the final picture
    assert calls == {"conv1": [9, 7], "layer2.1.conv2": [9, 7], "layer2.1.bn2": [1, 0], "layer4": [1, 0]}
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("asks", [False, True])
def test_the_model_is_untouched_also_after_an_exception(resnet, fingerprint, asks):
    model, preprocess = resnet
    model.requires_grad_(asks)
    if asks:
        model.conv1.weight.grad = torch.ones_like(model.conv1.weight)
    before = fingerprint(model)
    with torch.no_grad():
        maximize(model, target(1) + channel("layer1", 2), preprocess, size=32, steps=2, **QUIET)
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        maximize(model, channel("layer1", 2), preprocess, size=32, steps=2, **QUIET)
    with pytest.raises(ZeroDivisionError):
        maximize(model, channel("layer1", 2), preprocess, size=32, steps=2, transforms=[lambda x: 1 / 0], **QUIET)
    with pytest.raises(IndexError):
        maximize(model, channel("layer1", 999), preprocess, size=32, steps=2, **QUIET)
    assert fingerprint(model) == before
    model.conv1.weight.grad = None
    model.requires_grad_(False)


class Twice(nn.Module):
    """A layer that runs twice, and an in-place ReLU behind it."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 3, 1, bias=False), nn.ReLU(inplace=True)
        self.conv.weight.data = -2 * torch.eye(3)[:, :, None, None]

    def forward(self, x):
        return self.relu(self.conv(self.relu(self.conv(x) + 1) - 5)) - 1000


def test_a_layer_that_runs_twice_counts_the_last_time():
    start = torch.full((3, 4, 4), 0.25)
    values = [measure(Twice().eval(), channel(name, 0), start[None]).item() for name in ("conv", "relu")]
    assert values == pytest.approx([-2 * (1 - 2 * 0.25 - 5), 9])


def test_a_layer_with_its_channels_last():
    first = nn.Conv2d(3, 2, 1)
    x = torch.rand(1, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    last = nn.Sequential(first, Permute([0, 2, 3, 1]), nn.LayerNorm(2), Permute([0, 3, 1, 2]), nn.Conv2d(2, 2, 1)).eval()
    assert measure(last, channel("2", 1), x).item() == pytest.approx(last[:3](x)[..., 1].mean().item())


def test_the_layer_counts_not_the_in_place_relu_behind_it():
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(inplace=True), nn.Conv2d(2, 2, 1)).eval()
    nn.init.constant_(model[0].weight, -1.0)
    nn.init.constant_(model[0].bias, 0.0)
    x = torch.full((1, 3, 4, 4), 0.5)
    assert measure(model, channel("0", 0), x).item() == pytest.approx(-1.5)
    assert measure(model, channel("0", 0) + 0 * channel("2", 0), x).item() == pytest.approx(-1.5)


def test_lucents_names_are_known(resnet):
    model, preprocess = resnet
    x = picture(size=32)[None]
    assert torch.allclose(measure(model, channel("layer3_1_conv2", 7), x, preprocess),
                          measure(model, channel("layer3.1.conv2", 7), x, preprocess), atol=1e-5)


def test_a_layer_that_still_runs_on_a_picture_too_small_for_the_rest():
    import xaitutor

    model, preprocess, _ = xaitutor.load_model("menagerie_vgg")
    result = maximize(model, channel("features.3", 0), preprocess, size=24, steps=2, **QUIET)
    assert result.pictures.shape == (1, 3, 24, 24)
    with pytest.raises(ValueError, match="picture of 24 × 24 pixels and 3 channels as far as the network; try another size"):
        maximize(model, target(0), preprocess, size=24, steps=2, **QUIET)


def test_a_model_in_double_precision(linear):
    result = maximize(linear.double(), target(0), start=picture(), steps=2, **QUIET)
    assert result.pictures.dtype == torch.float64


# bad input


@pytest.mark.parametrize("objective, error, message", [
    (channel("layer3.1.conv3", 0), ValueError, "no layer 'layer3.1.conv3'; did you mean .*'layer3.1.conv2'"),
    (channel("layer3_1_conv3", 0), ValueError, "no layer 'layer3_1_conv3'; did you mean"),
    (channel("layer2", 32), IndexError, "layer 'layer2' has 32 channels, 0 to 31; there is no 32"),
    (channel("layer2", -1), IndexError, "there is no -1"),
    (unit("fc", 12), IndexError, "layer 'fc' has 12 units, 0 to 11"),
    (target(12), IndexError, "the network has 12 classes, 0 to 11; there is no 12"),
    (unit("fc", 1, row=0), ValueError, "no rows and columns; leave row and column out"),
    (unit("layer1", 1, row=8), IndexError, "has the map 8 × 8 here; there is no row 8"),
    (unit("layer1", 1, column=-1), IndexError, "there is no column -1"),
    (direction("layer2", torch.ones(31)), ValueError, "has 32 channels, but the direction has 31 numbers"),
    (channel("layer2", 0) + diversity("layer2"), ValueError, "n is 1; ask for n=2 or more"),
    ("layer2:3", TypeError, "expected an objective, such as channel"),
])
def test_bad_objectives(resnet, objective, error, message):
    with pytest.raises(error, match=message):
        maximize(resnet[0], objective, resnet[1], size=32, steps=1, **QUIET)


@pytest.mark.parametrize("arguments, error, message", [
    ({"steps": 0}, ValueError, "steps is a whole number, 1 or more, not 0"),
    ({"steps": 2.0}, ValueError, "steps is a whole number"),
    ({"n": 0}, ValueError, "n is a whole number, 1 or more, not 0"),
    ({"size": -8}, ValueError, "size is a whole number"),
    ({"patience": 0}, ValueError, "patience is a whole number"),
    ({"learning_rate": 0}, ValueError, "learning_rate is a number above 0"),
    ({"learning_rate": float("nan")}, ValueError, "learning_rate is a number above 0"),
    ({"seed": -1}, ValueError, "seed is a whole number from 0"),
    ({"seed": 2**32}, ValueError, "seed is a whole number from 0"),
    ({"seed": "x"}, ValueError, "seed is a whole number from 0"),
    ({"preprocess": lambda x: x}, TypeError, "what load_model gives second"),
    ({"start": picture()[:2]}, ValueError, r"one picture \(3, H, W\) or several, \(n, 3, H, W\), as this network takes, not \(2, 8, 8\)"),
    ({"objective": target([0, 1])}, ValueError, "2 classes are for as many pictures, and there is 1; ask for n=2"),
    ({"objective": target([0, 1]), "n": 3}, ValueError, "2 classes are for as many pictures, and there are 3"),
    ({"objective": target([0, 9]), "n": 2}, IndexError, "there is no 9"),
    ({"start": torch.zeros(0, 3, 8, 8)}, ValueError, r"not \(0, 3, 8, 8\)"),
    ({"start": torch.zeros(2, 3, 8, 8), "n": 3}, ValueError, "n=3 pictures cannot begin at 2 starts"),
    ({"start": (255 * picture()).byte()}, TypeError, "floats in .* not a tensor of torch.uint8"),
    ({"start": np.zeros((8, 8, 3))}, TypeError, "not ndarray"),
    ({"start": 3 * picture()}, ValueError, r"values in \[0, 1\], not .* to 2.9.*denormalise"),
    ({"start": picture() + 0.9}, ValueError, r"values in \[0, 1\]"),
    ({"start": picture() * float("nan")}, ValueError, r"values in \[0, 1\], not nan"),
    ({"start": picture(), "n": 2}, ValueError, "n=2 pictures from one start"),
    ({"start": picture(size=9)}, ValueError, "cannot take a picture of 9 × 9 pixels"),
])
def test_bad_arguments(linear, arguments, error, message):
    with pytest.raises(error, match=message):
        maximize(linear, **{"objective": target(0), "size": 8, "steps": 1, **arguments}, **QUIET)


@pytest.mark.parametrize("wanted", [True, False])
def test_progress_is_shown_where_it_is_wanted(linear, monkeypatch, wanted):
    given = {}
    monkeypatch.setattr("xaitutor.maximization.ascent.tqdm", lambda steps, **options: given.update(options) or steps)
    maximize(linear, target(0), size=8, steps=1, progress=wanted)
    assert given["disable"] is not wanted


def test_training_mode(linear):
    model = nn.Sequential(linear, nn.Dropout())
    with pytest.raises(ValueError, match=r"training mode.*model\.eval\(\)"):
        maximize(model, target(0), size=8, **QUIET)


@pytest.mark.parametrize("model, shape", [
    (nn.Sequential(nn.Flatten(0), nn.Flatten(0)), r"\(192,\)"),
    (nn.Sequential(nn.Flatten(2), nn.Identity()), r"\(1, 3, 64\)")])
def test_layers_without_channels(model, shape):
    with pytest.raises(ValueError, match=f"layer '1' outputs {shape}, which has no channels"):
        maximize(model.eval(), channel("1", 0), size=8, **QUIET)


def test_no_logits():
    with pytest.raises(ValueError, match="no logits"):
        maximize(nn.Conv2d(3, 2, 1).eval(), target(0), size=8, **QUIET)


def test_layers_that_never_run_or_give_no_tensor():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.idle, self.table = nn.Identity(), nn.Module()
            self.table.forward = lambda x: {"x": x}

        def forward(self, x):
            return self.table(x)["x"]

    model = Odd().eval()
    with pytest.raises(ValueError, match="layer 'idle' does not run"):
        maximize(model, channel("idle", 0), size=8, **QUIET)
    with pytest.raises(ValueError, match="layer 'table' outputs a dict, not a tensor"):
        maximize(model, channel("table", 0), size=8, **QUIET)


def test_numbers_that_overflow(linear):
    with pytest.raises(ValueError, match="in step 1 the objective is no longer finite"):
        linear.on.fill_(float("nan"))
        maximize(linear, target(0), size=8, **QUIET)
    linear.on.fill_(1)
    with pytest.raises(ValueError, match="in step 3 the objective is no longer finite; take a smaller learning rate"):
        seen = iter([0, 0, float("inf")])
        maximize(linear, target(0), size=8, transforms=[lambda x: x + next(seen)], **QUIET)
    with pytest.raises(ValueError, match="in step 1 the gradient is no longer finite"):
        maximize(linear, target(0), size=8, penalties=[lambda x: (x - x.detach()).sqrt()], **QUIET)
