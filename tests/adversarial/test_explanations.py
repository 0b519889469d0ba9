"""The same answer with another heatmap, how alike two heatmaps are, and the two generators."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import nn

from tests.adversarial.conftest import convolutional, pictures
from tests.helpers import close, fingerprint
from xaitutor.adversarial import (
    dice,
    keeping_track,
    load_generators,
    of_pixels,
    repaint,
    same_answer,
    similarity,
    top_k_intersection,
)
from xaitutor.attribution import METHODS, grad_cam, gradient, gradient_x_input, lrp
from xaitutor.attribution.heatmaps import _REDUCTIONS as REDUCTIONS
from xaitutor.files import data_files
from xaitutor.menagerie import CLASSES, Dataset
from xaitutor.networks.images import to_tensor
from xaitutor.networks.models import load_model

ATTACKED = {
    "gradient": gradient, "gradient_x_input": gradient_x_input, "grad_cam": grad_cam, "lrp": partial(lrp, rule="epsilon_plus"),
    **{name: METHODS[name].function for name in ("guided_backprop", "guided_grad_cam", "cam", "fem", "deeplift")},
    "smoothgrad": partial(METHODS["smoothgrad"].function, samples=2),
    "integrated_gradients": partial(METHODS["integrated_gradients"].function, steps=2),
}
seeds = st.integers(0, 10_000)


# Another heatmap


@pytest.mark.parametrize("name", ATTACKED)
def test_the_answer_stays_and_the_map_moves(name):
    model, x = convolutional(), pictures(2, side=16)
    found = same_answer(model, x, ATTACKED[name], size=0.1, steps=6, reduce=METHODS[name].reduce)
    assert torch.equal(model(found.images).argmax(1), model(x).argmax(1))
    assert (found.images - x).abs().max() <= 0.1 + 1e-12
    assert found.after.shape == found.before.shape and torch.allclose(found.after.sum(dim=(1, 2)), torch.ones(2, dtype=x.dtype))
    assert (found.before != found.after).any()


@pytest.mark.parametrize("goal", ["top_k", "centre"])
def test_what_comes_back_is_the_map_of_the_network_as_it_is(goal):
    model, x = convolutional(), pictures(2)
    found = same_answer(model, x, gradient, goal=goal, size=0.1, steps=4)
    for images, heat in ((x, found.before), (found.images, found.after)):
        plain = REDUCTIONS["max_abs"](gradient(model, images))
        assert close(heat, plain / plain.sum(dim=(1, 2), keepdim=True), 1e-9)


def test_each_goal_is_come_nearer_to():
    model, x = convolutional(), pictures(2, side=16)
    corner = torch.zeros(16, 16)
    corner[:4, :4] = 1
    centre = lambda h: torch.stack([(h.sum(2) * torch.linspace(0, 1, 16)).sum(1), (h.sum(1) * torch.linspace(0, 1, 16)).sum(1)], 1)  # noqa: E731
    gone = same_answer(model, x, gradient_x_input, goal="top_k", size=0.1, steps=10)
    assert (top_k_intersection(gone.before, gone.after) < 0.8).all()
    moved = same_answer(model, x, gradient_x_input, goal="centre", size=0.1, steps=10)
    assert ((centre(moved.after) - centre(moved.before)).norm(dim=1) > 0.02).all()
    drawn = same_answer(model, x, gradient_x_input, goal=corner, size=0.1, steps=10)
    assert (drawn.after[:, :4, :4].sum(dim=(1, 2)) > 1.2 * drawn.before[:, :4, :4].sum(dim=(1, 2))).all()


def test_what_cannot_be_moved_comes_back_as_it_was():
    model, x = nn.Sequential(nn.Flatten(), nn.Linear(300, 3)).double().eval(), pictures()
    with pytest.raises(ValueError, match="does not depend on the picture by anything that has a gradient"):
        same_answer(model, x, lambda model, x, target: torch.ones(3, 1, 10, 10), size=0.1, steps=2)
    found = same_answer(model, x, gradient, size=0.1, steps=2)  # of a linear network, the same everywhere
    assert torch.equal(found.images, x) and torch.equal(found.before, found.after)


def test_of_a_model_of_pixels_the_network_inside_is_explained():
    network, x = convolutional(), pictures(2)
    model = of_pixels(network, (0.5,) * 3, (0.25,) * 3)
    found = same_answer(model, x, gradient_x_input, size=0.1, steps=2)
    plain = REDUCTIONS["max_abs"](gradient_x_input(network, model.normalise(x)))
    assert close(found.before, plain / plain.sum(dim=(1, 2), keepdim=True), 1e-9)


# Through an explanation


@given(seeds)
def test_the_derivative_of_an_explanation_is_its_difference(seed):
    """Along a random direction, against a central difference; softplus is smooth, so that there is one."""
    model, x = convolutional(seed=seed), pictures(1, seed=seed)
    direction = pictures(1, seed=seed + 1) - 0.5

    def total(x):
        with keeping_track(smooth=5.0):
            return gradient_x_input(model, x, 1).square().sum()

    there = x.clone().requires_grad_()
    slope = torch.autograd.grad(total(there), there)[0]
    step = 1e-5
    difference = (total(x + step * direction) - total(x - step * direction)) / (2 * step)
    assert (slope * direction).sum().item() == pytest.approx(difference.item(), rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("name", ATTACKED)
def test_nothing_changes_but_what_is_remembered(name):
    model, x = convolutional(), pictures(2, side=16)
    before = fingerprint(model)
    plain = ATTACKED[name](model, x, 1)
    with torch.no_grad(), keeping_track():
        tracked = ATTACKED[name](model, x.clone().requires_grad_(), 1)
    assert tracked.requires_grad and close(tracked.detach(), plain, 1e-12)
    assert fingerprint(model) == before and not ATTACKED[name](model, x, 1).requires_grad


def test_softplus_runs_in_place_of_each_relu():
    x = torch.linspace(-1, 1, 5)
    with keeping_track(smooth=3.0):
        found = [F.relu(x), x.relu(), torch.relu(x), nn.ReLU(inplace=True)(x.clone())]
    assert all(torch.equal(values, F.softplus(x, beta=3.0)) for values in found)
    assert torch.equal(F.relu(x), x.clamp(min=0)) and torch.is_grad_enabled()


# How alike

heats = arrays.arrays("float64", (2, 4, 5), elements=st.integers(0, 8).map(lambda eighths: eighths / 8))


@given(heats, heats, st.floats(0.05, 1))
def test_a_map_is_like_itself_and_two_maps_are_alike_both_ways(a, b, share):
    a, b = torch.from_numpy(a), torch.from_numpy(b)
    assert top_k_intersection(a, a, share).tolist() == dice(a, a).tolist() == [1, 1]
    for measure in (partial(top_k_intersection, share=share), dice):
        assert torch.equal(measure(a, b), measure(b, a)) and (measure(a, b) >= 0).all() and (measure(a, b) <= 1).all()
        assert torch.equal(measure(a, b), measure(a / 2, b * 4))


def test_known_maps():
    a, b = torch.zeros(1, 4, 5), torch.zeros(1, 4, 5)
    a[0, 0], b[0, 0, 2:], b[0, 1, :2] = 1, 1, 1
    assert top_k_intersection(a, b, 0.25).item() == pytest.approx(3 / 5)
    assert dice(a, b).item() == pytest.approx(2 * 3 / 10)
    assert dice(a, torch.zeros_like(a)).item() == 0 and dice(torch.zeros_like(a), torch.zeros_like(a)).item() == 1
    assert top_k_intersection(a, b, 0.001).item() == 0  # at least one place


def test_of_places_equally_hot_the_first_count():
    heat = torch.zeros(1, 20, 20)
    heat[0, 10:] = 1
    assert torch.equal(similarity.hottest(heat, 0.25)[0].nonzero(), heat[0].nonzero()[:100])


def test_dice_above_nought():
    first, second = torch.tensor([[[0.0, 1, 5, 5]]]), torch.tensor([[[1.0, 0, 0, 5]]])
    assert dice(first, second, threshold=0).item() == pytest.approx(2 * 1 / (3 + 2))


@pytest.mark.parametrize("call, message", [
    (lambda: dice(torch.ones(2, 3), torch.ones(2, 3)), r"two heatmaps \(N, H, W\) of one shape"),
    (lambda: dice(torch.ones(1, 2, 3), torch.ones(1, 3, 2)), "of one shape"),
    (lambda: dice(-torch.ones(1, 2, 3), torch.ones(1, 2, 3)), "not negative"),
    (lambda: dice(torch.ones(1, 2, 3), torch.ones(1, 2, 3), threshold=1), "threshold is a share"),
    (lambda: dice(torch.ones(1, 1, 2), torch.tensor([[[1.0, torch.nan]]])), "heat must be finite"),
    (lambda: top_k_intersection(torch.ones(1, 2, 3), torch.ones(1, 2, 3), share=0), "share is that of the hottest"),
])
def test_what_is_no_heatmap(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# The embedded generators


@pytest.fixture(scope="module")
def scenes():
    """Fresh horses and zebras in turn: pictures in their coats and in the other's, (16, 3, 128, 128) in [0, 1], and their classes."""
    dataset, names = Dataset(12 * 8, "test", 7), list(CLASSES)
    pairs = [(dataset.scene(12 * i + names.index(name)), coat) for i in range(8) for name, coat in (("horse", "stripes"), ("zebra", "plain"))]
    draw = lambda scene: to_tensor(scene.render().image)[0]  # noqa: E731
    return (torch.stack([draw(scene) for scene, _ in pairs]), torch.stack([draw(scene.replace(coat=coat)) for scene, coat in pairs]),
            torch.tensor([names.index(scene.name) for scene, _ in pairs]))


@pytest.fixture(scope="module")
def judge():
    network, preprocess, _ = load_model("menagerie_resnet18")
    return of_pixels(network, preprocess.mean, preprocess.std)


def test_the_generators_keep_the_answer_and_change_it(scenes, judge):
    x, other, labels = scenes
    generators, pair = load_generators()
    painted = repaint(generators, x)
    said = [judge(pictures).argmax(1) for pictures in (x, painted.similar, painted.adversarial)]
    assert pair == ("horse", "zebra") and torch.equal(said[0], labels)
    assert (said[1] == labels).float().mean() >= 0.9 and (said[2] == 1 - labels).float().mean() >= 0.9
    assert torch.equal(painted.difference, (painted.similar - painted.adversarial).abs())


def test_two_generators_are_nearer_to_what_must_change_than_one(scenes):
    x, other, _ = scenes
    painted = repaint(load_generators()[0], x)
    must = (x - other).abs().amax(dim=1) > 0.02
    share = lambda map: ((map.sum(1) * must).sum((1, 2)) / map.sum((1, 2, 3))).mean()  # noqa: E731
    assert share(painted.difference) > 1.3 * share((x - painted.adversarial).abs())
    assert share(painted.difference) > 3 * must.float().mean()


def test_the_generators_are_left_as_they_are_and_say_what_they_cannot_paint():
    generators, _ = load_generators()
    before = fingerprint(generators)
    assert not repaint(generators, torch.rand(1, 3, 16, 24)).difference.requires_grad
    assert fingerprint(generators) == before
    with pytest.raises(ValueError, match=r"H and W multiples of 8, not \(1, 3, 20, 16\)"):
        repaint(generators, torch.rand(1, 3, 20, 16))
    with pytest.raises(ValueError, match=r"pixels in \[0, 1\], not from -1 to -1"):
        repaint(generators, -torch.ones(1, 3, 16, 16))


def test_generators_that_were_cut_off_are_refused(tmp_path, monkeypatch):
    whole = data_files.DATA / "models" / "menagerie_generators.safetensors"
    sums = {"models/menagerie_generators.safetensors": data_files.sha256(whole)}
    monkeypatch.setattr(data_files, "sums", lambda: sums)
    monkeypatch.setattr(data_files, "DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match="menagerie_generators.safetensors is missing"):
        load_generators()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / whole.name).write_bytes(whole.read_bytes()[:1000])
    with pytest.raises(ValueError, match="was changed or cut off"):
        load_generators()


def test_dice_asks_each_map_of_a_batch_for_its_own_maximum():
    heat = torch.rand(2, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    other = torch.rand(2, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    scale = torch.tensor([1.0, 100.0], dtype=torch.float64)[:, None, None]  # one faint map, one glaring
    assert torch.equal(dice(scale * heat, other), torch.cat([dice(one[None], two[None]) for one, two in zip(heat, other)]))
