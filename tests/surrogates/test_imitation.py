"""Asking a network, and counting how often a surrogate answers the same."""

import math

import numpy as np
import pytest
import torch

from tests.helpers import close
from xaitutor import load_model
from xaitutor.menagerie import PLACES, Dataset, sample
from xaitutor.surrogates import ask, factor_tree, fidelity


def test_shares_by_hand():
    network, labels = torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 2, 0])
    scores = torch.eye(3, requires_grad=True)[[0, 1, 1, 2]]
    measured = fidelity(scores, network, labels)
    assert (measured.fidelity.value, measured.accuracy.value, measured.network.value) == (0.75, 0.5, 0.75)
    assert all(0 <= share.low <= share.value <= share.high <= 1 for share in measured)
    everywhere = torch.arange(700) % 3
    assert fidelity(everywhere, everywhere, everywhere).fidelity == (1, 1, 1)


def test_the_interval_is_as_wide_as_theory_says():
    """1.96 standard errors of a share to each side; the ends of 1000 resamples are no surer than a seventh of that."""
    n, right = 400, 280
    labels = np.zeros(n, dtype=int)
    share = fidelity((np.arange(n) >= right).astype(int), labels, labels).fidelity
    error = math.sqrt(0.7 * 0.3 / n)
    assert share.value == pytest.approx(0.7)
    assert share.high - share.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_what_a_network_is_asked_and_answers():
    model, preprocess, _ = load_model("menagerie_resnet18")
    dataset = Dataset(5, "test", seed=7)
    images = np.stack([dataset.scene(i).render().image for i in range(5)])
    x, probabilities = ask(model, preprocess, images, size=16, batch_size=2)
    large = torch.stack([preprocess(dataset.scene(i).picture()) for i in range(5)])
    assert x.shape == (5, 3, 16, 16) and close(x, large.unflatten(3, (16, 8)).unflatten(2, (16, 8)).mean(dim=(3, 5)))
    assert close(probabilities, model(large).softmax(dim=1), 1e-4)
    mirrored = ask(model, preprocess, images[:, :, ::-1], size=16)
    assert close(mirrored.x, x.flip(3))
    assert close(ask(model, preprocess, images, size=1).x, large.mean(dim=(2, 3), keepdim=True))


def test_bad_input():
    model, preprocess, _ = load_model("menagerie_vgg")
    for images, message in ((np.zeros((2, 3, 8, 8), np.uint8), r"\(N, H, W, 3\)"), (np.zeros((2, 8, 8, 3)), "not torch.float64")):
        with pytest.raises(ValueError, match=message):
            ask(model, preprocess, images)
    for size in (0, 9):
        with pytest.raises(ValueError, match=f"from 1 to that of the images, 8, not {size}"):
            ask(model, preprocess, np.zeros((2, 8, 8, 3), np.uint8), size=size)
    for shape in ((2, 8, 9, 3), (2, 9, 8, 3)):
        with pytest.raises(ValueError, match="from 1 to that of the images, 8, not 9"):
            ask(model, preprocess, np.zeros(shape, np.uint8), size=9)
    with pytest.raises(ValueError, match="the same pictures, got 2 of the surrogate, 3"):
        fidelity(torch.tensor([0, 1]), torch.tensor([0, 1, 1]), torch.tensor([0, 1, 1]))
    with pytest.raises(ValueError, match="whole numbers"):
        fidelity(torch.tensor([0.1, 1]), torch.tensor([0, 1]), torch.tensor([0, 1]))


def test_the_rules_betray_the_biased_network():
    """Asked about wolves and huskies in all places, the biased network's rules name the place, the robust one's do not."""
    scenes = [sample(i, ("wolf", "husky")[i % 2], place=PLACES[i // 2 % len(PLACES)]) for i in range(140)]
    images = np.stack([scene.render().image for scene in scenes])
    named = {}
    for name in ("menagerie_resnet18", "menagerie_resnet18_biased"):
        model, preprocess, _ = load_model(name)
        named[name] = factor_tree(scenes, ask(model, preprocess, images).probabilities, leaves=3).factors
    assert named == {"menagerie_resnet18": {"coat"}, "menagerie_resnet18_biased": {"coat", "place"}}
