"""Attacks: closed forms on linear networks, budgets over random inputs, and nothing is left behind, whatever happens."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.adversarial.conftest import convolutional, linear, pictures
from tests.helpers import close, fingerprint
from xaitutor.adversarial import deepfool, fgsm, of_pixels, one_pixel, same_answer, single_pixel
from xaitutor.attribution import gradient
from xaitutor.networks.images import denormalise

SMALL = {"population": 8, "generations": 3}
ATTACKS = {
    "fgsm": lambda model, x: fgsm(model, x, size=0.1),
    "deepfool": lambda model, x: deepfool(model, x, steps=3),
    "one_pixel": lambda model, x: one_pixel(model, x[:1], **SMALL).image,
    "same_answer": lambda model, x: same_answer(model, x, gradient, size=0.1, steps=3).images,
}
each_attack = pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
seeds = st.integers(0, 10_000)


def weights(classes, numbers=12, seed=0):
    return torch.randn(classes, numbers, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# FGSM


@given(seeds, st.floats(0.01, 0.2))
def test_fgsm_changes_a_linear_score_by_exactly_size_times_its_weights_absolute_sum(seed, size):
    w = weights(2, seed=seed)
    x = 0.25 + pictures(2, side=2, seed=seed) / 2  # far enough from black and white
    model = linear(w)
    f = lambda x: model(x)[:, 0] - model(x)[:, 1]  # noqa: E731
    change = size * (w[0] - w[1]).abs().sum()
    assert torch.allclose(f(fgsm(model, x, 0, size=size)), f(x) - change, atol=1e-12)
    assert torch.allclose(f(fgsm(model, x, target=0, size=size)), f(x) + change, atol=1e-12)


def test_fgsm_gets_away_from_what_the_model_says(model, images):
    said = model(images).argmax(1)
    assert torch.equal(fgsm(model, images, size=0.1), fgsm(model, images, said, size=0.1))
    assert (fgsm(model, images, size=0.1) != fgsm(model, images, (said + 1) % 4, size=0.1)).any()


# DeepFool


@given(seeds)
def test_deepfool_is_f_w_over_its_squared_length_for_two_classes(seed):
    w, x = weights(2, seed=seed), 0.4 + 0.2 * pictures(1, side=2, seed=seed)
    model = linear(w, bias=torch.tensor([0.1, 0.1]))
    between, f = w[0] - w[1], (model(x)[0, 0] - model(x)[0, 1]).item()
    expected = -f * between / between.dot(between)
    if abs(f) / between.norm() < 1e-3 or expected.abs().max() > 0.4:
        return  # nearer than DeepFool's least step, or out of the picture
    found = deepfool(model, x, steps=1, overshoot=0.0) - x
    assert close(found.flatten(), expected, 1e-9)


@given(seeds)
def test_deepfool_goes_to_the_nearest_of_many_hyperplanes_in_one_step(seed):
    w, x = weights(6, seed=seed), 0.4 + 0.2 * pictures(1, side=2, seed=seed)
    model = linear(w)
    said = model(x).argmax().item()
    ways = [((model(x)[0, said] - model(x)[0, k]) / (w[k] - w[said]).norm() ** 2 * (w[k] - w[said]), k) for k in range(6) if k != said]
    way, nearest = min(ways, key=lambda found: found[0].norm())
    if way.norm() < 1e-3 or way.abs().max() > 0.39:
        return
    found = deepfool(model, x, steps=1)
    assert close((found - x).flatten(), 1.02 * way, 1e-9)
    assert model(found).argmax().item() == nearest


def test_deepfool_stops_where_the_answer_has_changed(images):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(300, 20), nn.ReLU(), nn.Linear(20, 4)).double().eval()
    found, said = deepfool(model, images), model(images).argmax(1)
    assert (model(found).argmax(1) != said).all()
    assert (model(images + 0.9 * (found - images)).argmax(1) == said).all()  # a little beyond the border, and not ten per cent
    for image, alone in zip(images, found):
        assert close(deepfool(model, image[None])[0], alone, 1e-9)  # no picture depends on its neighbours


def test_deepfool_gives_up_where_no_slope_leads_out(images):
    model = linear(torch.zeros(3, 300, dtype=torch.float64), torch.tensor([1.0, 0.0, 0.0]))
    assert torch.equal(deepfool(model, images, steps=2), images)


def test_deepfool_looks_at_the_candidates_only():
    w = torch.zeros(3, 12, dtype=torch.float64)
    w[1, 0], w[2, 1] = 1.0, 10.0
    model, x = linear(w, torch.tensor([2.0, 0.2, -4.4])), torch.full((1, 3, 2, 2), 0.5, dtype=torch.float64)
    assert deepfool(model, x, steps=1, candidates=3).flatten()[1] > 0.5  # 1.4 / 10 away
    assert deepfool(model, x, steps=1, candidates=2).flatten()[1] == 0.5  # to 1, which is 1.3 away


# One pixel


class RedAt(nn.Module):
    """Says 1 where the pixel in row 3, column 5 is redder than green by 0.9; nearly as much counts what is near it."""

    def forward(self, x):
        rows, columns = (torch.arange(side, dtype=x.dtype) for side in x.shape[2:])
        weight = 1 / (1 + 0.2 * ((rows[:, None] - 3).abs() + (columns - 5).abs()))
        red = ((x[:, 0] - x[:, 1]) * weight).sum(dim=(1, 2))
        return torch.stack([torch.full_like(red, 0.9), red], dim=1)


def test_one_pixel_finds_the_one_place_that_matters():
    x = torch.full((1, 3, 8, 8), 0.5)
    found = one_pixel(RedAt().eval(), x, population=100, generations=60)
    assert (found.x, found.y) == (5, 3) and found.margin < 0
    assert found.generations < 60 and found.passes == 100 * (found.generations + 1)
    assert found.image[0, :, 3, 5].tolist() == pytest.approx([c / 255 for c in found.colour])
    assert RedAt()(found.image).argmax() == 1


@settings(max_examples=25)
@given(seeds)
def test_one_pixel_changes_one_pixel_and_is_the_same_each_time(seed):
    model, x = convolutional(), pictures(1, seed=seed)
    found, again = (one_pixel(model, x, seed=seed, **SMALL) for _ in range(2))
    assert torch.equal(found.image, again.image) and found[1:] == again[1:]
    assert (found.image != x).any(dim=1).sum() <= 1
    assert 0 <= found.image.min() and found.image.max() <= 1
    assert one_pixel(model, x, seed=seed, batch_size=3, **SMALL)[1:] == found[1:]


def test_the_first_candidates_are_places_and_colours_of_the_picture():
    first = single_pixel._first(6, 9, 2000, seed=0)
    assert first.min(axis=0).tolist() == [0, 0, 0, 0, 0] and first.max(axis=0).tolist() == [8, 5, 255, 255, 255]
    assert first[:, 2:].mean() == pytest.approx(128, abs=2)


def test_one_pixel_may_be_any_pixel_of_any_colour():
    assert single_pixel._bounds(4, 6) == [(0, 5), (0, 3), (0, 255), (0, 255), (0, 255)]


def test_the_margin_of_one_pixel_is_that_of_its_picture():
    model, x = convolutional(), pictures(1)
    found = one_pixel(model, x, label=2, **SMALL)
    logits = model(found.image)[0].tolist()
    assert found.margin == pytest.approx(logits[2] - max(logits[:2] + logits[3:]), abs=1e-4)


# All of them


@settings(max_examples=40)
@given(seeds, st.floats(0.004, 1))
def test_budgets_are_kept(seed, size):
    model, x = convolutional(seed=seed), pictures(2, seed=seed)
    for found in (fgsm(model, x, size=size), same_answer(model, x, gradient, size=size, steps=2).images):
        assert (found - x).abs().max() <= size + 1e-12
        assert 0 <= found.min() and found.max() <= 1
    found = deepfool(model, x, steps=3)
    assert found.shape == x.shape and 0 <= found.min() and found.max() <= 1


@each_attack
def test_nothing_is_left_behind(attack, model, images):
    kept = images.clone()
    before = fingerprint(model)
    with torch.no_grad():
        found = attack(model, images)
    assert fingerprint(model) == before and torch.equal(images, kept) and not found.requires_grad
    assert found.shape[1:] == images.shape[1:] and found.dtype == images.dtype
    assert not torch.is_grad_enabled() or images.grad is None


@each_attack
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_behind_where_it_is_stopped(attack, error, model, images):
    before = fingerprint(model)
    calls = []

    def stop(module, inputs, output):
        calls.append(1)
        if len(calls) == (1 if attack is ATTACKS["fgsm"] else 3):
            raise error("stopped")

    handle = model.register_forward_hook(stop)
    with pytest.raises((error, ValueError)):  # what torch itself raises is told in our words
        attack(model, images)
    handle.remove()
    assert fingerprint(model) == before and torch.is_grad_enabled()
    assert torch.relu(torch.tensor(-1.0)).item() == 0 and not images.detach().requires_grad  # no rule is left over


@each_attack
@pytest.mark.parametrize("x, error, message", [
    (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), TypeError, r"floating point, in \[0, 1\], not torch.uint8; images.to_tensor"),
    (torch.full((1, 3, 8, 8), -1.5), ValueError, r"pixels in \[0, 1\], not from -1.5 to -1.5; .* of_pixels"),
    (torch.full((1, 3, 8, 8), 200.0), ValueError, r"not from 200 to 200"),
    (torch.full((1, 3, 8, 8), float("nan")), ValueError, "nan"),
    (torch.rand(3, 8, 8), ValueError, r"\(N, C, H, W\), not \(\d, 8, 8\)"),
    (np.zeros((1, 3, 8, 8)), TypeError, "ndarray"),
], ids=["bytes", "normalised", "0 to 255", "nan", "no batch", "array"])
def test_wrong_pictures(attack, x, error, message, model):
    with pytest.raises(error, match=message):
        attack(model.float(), x)


@each_attack
def test_a_model_in_training_mode_is_refused(attack, model, images):
    with pytest.raises(ValueError, match=r"model.eval\(\)"):
        attack(model.train(), images)


@pytest.mark.parametrize("call, message", [
    (lambda m, x: fgsm(m, x, size=0), "size is how far a pixel may move.*not 0"),
    (lambda m, x: fgsm(m, x, size=8), "8/255; not 8"),
    (lambda m, x: fgsm(m, x, 0, size=0.1, target=1), "not both"),
    (lambda m, x: deepfool(m, x, steps=0), "steps must be"),
    (lambda m, x: deepfool(m, x, candidates=1), "candidates must be a whole number of at least 2, not 1"),
    (lambda m, x: deepfool(m, x, overshoot=-1), "overshoot is a share"),
    (lambda m, x: deepfool(nn.Sequential(m, nn.Linear(4, 1).double()).eval(), x), "one logit"),
    (lambda m, x: one_pixel(m, x), r"one image in colour, \(1, 3, H, W\), not \(3, 3, 10, 10\)"),
    (lambda m, x: one_pixel(m, x[:1], population=3), "at least 5, not 3"),
    (lambda m, x: one_pixel(m, x[:1], generations=0), "generations must be"),
    (lambda m, x: same_answer(m, x, gradient, size=2), "size is how far"),
    (lambda m, x: same_answer(m, x, gradient, steps=0), "steps must be"),
    (lambda m, x: same_answer(m, x, gradient, reduce="loud"), "no reduce='loud'; there is 'max_abs'"),
    (lambda m, x: same_answer(m, x, gradient, goal="left"), "goal must be 'top_k', 'centre', or a heatmap"),
    (lambda m, x: same_answer(m, x, gradient, goal=torch.ones(3, 3)), r"\(3, 10, 10\), not \(3, 3\)"),
    (lambda m, x: same_answer(m, x, gradient, goal=-torch.ones(10, 10)), "not negative"),
    (lambda m, x: same_answer(m, x, gradient, share=0.0), "share is that of the hottest"),
])
def test_wrong_numbers(call, message, model, images):
    with pytest.raises(ValueError, match=message):
        call(model, images)


def test_a_class_that_is_not_there(model, images):
    with pytest.raises(IndexError, match="no class 9"):
        fgsm(model, images, 9, size=0.1)


# Pixels


def test_of_pixels_is_the_network_behind_its_normalisation(model, images):
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
    whole = of_pixels(model, mean, std)
    normalised = torch.randn(2, 3, 10, 10, dtype=torch.float64)
    assert close(whole(denormalise(normalised, mean, std)), model(normalised), 1e-12)
    assert whole.network is model and not whole.training
    for wrong in (((0.5,), std), (mean, (0, 1, 1)), (mean, (float("nan"),) * 3)):
        with pytest.raises(ValueError, match="a mean and a std > 0 for each channel"):
            of_pixels(model, *wrong)
    with pytest.raises(TypeError, match="torch.nn.Module, not function"):
        of_pixels(lambda x: x, mean, std)


def test_of_pixels_does_not_touch_the_network(model):
    before = fingerprint(model)
    of_pixels(model, (0.5,) * 3, (0.2,) * 3)
    assert fingerprint(model) == before
    assert of_pixels(model.train(), (0.5,) * 3, (0.2,) * 3).training
