import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import xaitutor
from xaitutor.maximization import (
    blur,
    channel,
    direction,
    diversity,
    fourier,
    jitter,
    lucent_transforms,
    maximize,
    maximize_lucent,
    pixels,
    rotation,
    scaling,
    target,
    total_variation,
    unit,
)
from xaitutor.maximization.seeds import seeded

SQUEEZENET = Path(__file__).resolve().parents[3] / "shared" / "imagenet" / "squeezenet1_0-imagenet.safetensors"
QUIET = {"progress": False}
LAYER = "layer2.1.conv2"


def close(ours, theirs):
    return torch.allclose(ours.pictures, theirs.pictures, atol=1e-3) and torch.allclose(
        ours.activations, theirs.activations, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind, fft, decorrelate", [
    (pixels(), False, False), (pixels(decorrelated=True), False, True), (fourier(), True, False),
    (fourier(decorrelated=True), True, True)])
def test_it_is_what_a_call_by_hand_gives(resnet, kind, fft, decorrelate):
    """The same seeds, and render_vis called as its own tutorial does, on a network that nobody needs any more."""
    from lucent.optvis import objectives, param, render, transform

    model, preprocess, _ = xaitutor.load_model("menagerie_resnet18")
    mean, std = (torch.tensor(v)[:, None, None] for v in (preprocess.mean, preprocess.std))
    with seeded(3):
        by_hand = render.render_vis(
            model, objectives.channel("layer2_1_conv2", 5),
            param_f=lambda: param.image(32, fft=fft, decorrelate=decorrelate),
            transforms=[*transform.standard_transforms, lambda x: (x - mean) / std], preprocess=False, thresholds=(4,),
            fixed_image_size=(32, 32), show_image=False, progress=False)[0]
    result = maximize_lucent(*resnet[:1], channel(LAYER, 5), resnet[1], size=32, steps=4, parameterisation=kind,
                             transforms=lucent_transforms(), seed=3, **QUIET)
    assert np.allclose(result.pictures.permute(0, 2, 3, 1), by_hand, atol=1e-5)


@pytest.mark.parametrize("objective, n", [
    (channel(LAYER, 5), 1), (channel("layer2_1_conv2", 5), 2), (unit(LAYER, 3), 1), (unit(LAYER, 3, 0, 2), 1),
    (unit("fc", 3), 1), (target(3), 1), (direction(LAYER, torch.arange(32.0) - 9), 2),
    (2 * channel(LAYER, 5) + -1 * target(0), 1),
    (channel(LAYER, 5) + diversity(LAYER, 2), 3),
])
def test_ours_is_theirs_for_every_objective(resnet, objective, n):
    """By plain ascent: Adam makes whole steps of gradients that are only rounding. Lucent climbs the mean over n."""
    ours, theirs = (run(*resnet[:1], objective, resnet[1], size=32, steps=5, n=n,
                        parameterisation=fourier(decorrelated=True), penalties=[total_variation(0.1)],
                        optimiser=torch.optim.SGD, learning_rate=rate, **QUIET)
                    for run, rate in ((maximize, 1), (maximize_lucent, n)))
    assert close(ours, theirs) and ours.activations.shape == theirs.activations.shape == (6, n)
    assert (ours.activations[-1] - ours.activations[0]).abs().min() > 1e-3


@pytest.mark.parametrize("arguments", [
    {"parameterisation": pixels()}, {"parameterisation": pixels(decorrelated=True)}, {"parameterisation": fourier()},
    {"transforms": [jitter(3), rotation(9), scaling([0.9, 1.2])]}, {"penalties": [total_variation(3)]},
    {"optimiser": torch.optim.Adagrad}, {"learning_rate": 0.2}, {"seed": 5},
])
def test_ours_is_theirs_for_every_argument(resnet, arguments):
    ours, theirs = (run(*resnet[:1], channel(LAYER, 5), resnet[1], size=32, steps=5, **arguments, **QUIET)
                    for run in (maximize, maximize_lucent))
    assert close(ours, theirs)


def test_lucents_transforms_work_in_both(resnet):
    ours, theirs = (run(*resnet[:1], channel(LAYER, 5), resnet[1], size=32, steps=3, transforms=lucent_transforms(),
                        **QUIET) for run in (maximize, maximize_lucent))
    assert close(ours, theirs)


@pytest.mark.parametrize("index", [3, 17, 40])
def test_ours_reaches_at_least_theirs_each_with_its_own_transforms(resnet, index):
    ours = [jitter(8), rotation(10), scaling([1 + i / 50 for i in range(-5, 6)]), jitter(4)]
    results = [run(*resnet[:1], channel("layer3.1.conv2", index), resnet[1], size=64, steps=20, transforms=transforms,
                   parameterisation=fourier(decorrelated=True), **QUIET)
               for run, transforms in ((maximize, ours), (maximize_lucent, lucent_transforms()))]
    assert results[0].activations[-1] >= results[1].activations[-1]


@pytest.mark.skipif(not SQUEEZENET.exists(), reason="shared/imagenet is not there")
def test_a_network_trained_on_photos():
    model, preprocess, _ = xaitutor.load_model("squeezenet1_0", weights=SQUEEZENET)
    for objective in (channel("features.9.expand3x3", 3), target(340)):
        ours, theirs = (run(model, objective, preprocess, size=64, steps=6, **QUIET)
                        for run in (maximize, maximize_lucent))
        assert close(ours, theirs) and ours.activations[-1] > ours.activations[0]


def test_a_layer_with_an_in_place_relu_behind_it():
    model, preprocess, _ = xaitutor.load_model("menagerie_vgg")
    ours, theirs = (run(model, channel("features.3", 2), preprocess, size=128, steps=3, **QUIET)
                    for run in (maximize, maximize_lucent))
    assert close(ours, theirs) and model.features[4].inplace
    assert ours.activations[0] < 0  # no ReLU came before it was read


def test_model_and_random_numbers_are_untouched_also_after_an_exception(resnet, fingerprint, random_states):
    model, preprocess = resnet
    model.requires_grad_(True)
    model.conv1.weight.grad = torch.ones_like(model.conv1.weight)
    before = fingerprint(model), random_states()
    arguments = {"size": 32, "steps": 2, **QUIET}
    with torch.no_grad():
        maximize_lucent(model, channel(LAYER, 5), preprocess, transforms=lucent_transforms(), **arguments)
    with torch.inference_mode():
        maximize_lucent(model, channel(LAYER, 5), preprocess, **arguments)
    with pytest.raises(ZeroDivisionError):
        maximize_lucent(model, channel(LAYER, 5), preprocess, transforms=[lambda x: 1 / 0], **arguments)
    assert (fingerprint(model), random_states()) == before
    model.conv1.weight.grad = None
    model.requires_grad_(False)


def test_it_says_nothing(tmp_path):
    """A fresh process, in which Lucent is imported for the first time."""
    code = """if True:
        from xaitutor import load_model
        from xaitutor.maximization import channel, lucent_transforms, maximize_lucent
        model, preprocess, _ = load_model("menagerie_resnet18")
        maximize_lucent(model, channel("layer1", 2), preprocess, size=32, steps=2, transforms=lucent_transforms(),
                        progress=False)
    """
    done = subprocess.run([sys.executable, "-W", "default::FutureWarning", "-c", code], capture_output=True, text=True,
                          cwd=Path(__file__).parents[2])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("objective, arguments, error, message", [
    (channel("layer3_1_conv3", 0), {}, ValueError, "no layer 'layer3_1_conv3'; did you mean"),
    (channel("layer2", 99), {}, IndexError, "has 32 channels"),
    (channel("layer2", 0) + diversity("layer2"), {}, ValueError, "n is 1"),
    (direction("fc", torch.ones(12)), {}, ValueError, "Lucent has no direction for layer 'fc'"),
    (channel("layer2", 0), {"start": torch.rand(3, 32, 32)}, ValueError, "Lucent does not have start"),
    (target([0, 1]), {"n": 2}, ValueError, "Lucent does not know one class for each picture"),
    (channel("layer2", 0), {"patience": 3}, ValueError, "Lucent does not have patience"),
    (channel("layer2", 0), {"after_step": [blur(1)]}, ValueError, "Lucent does not have after_step"),
    (channel("layer2", 0), {"parameterisation": fourier(2)}, ValueError, "Lucent does not have decay=2"),
    (channel("layer2", 0), {"parameterisation": pixels(sigmoid=False)}, ValueError, "Lucent does not have pixels"),
    (channel("layer2", 0), {"steps": 0}, ValueError, "steps is a whole number"),
    (channel("layer2", 0), {"seed": -1}, ValueError, "seed is a whole number"),
])
def test_bad_input(resnet, objective, arguments, error, message):
    with pytest.raises(error, match=message):
        maximize_lucent(resnet[0], objective, resnet[1], **{"size": 32, "steps": 1, **arguments}, **QUIET)


def test_training_mode_and_numbers_that_overflow():
    model = nn.Conv2d(3, 2, 3)
    with pytest.raises(ValueError, match="training mode"):
        maximize_lucent(model, channel("", 0), size=16, **QUIET)
    nn.init.constant_(model.weight, float("nan"))
    with pytest.raises(ValueError, match="in step 1 the objective is no longer finite"):
        maximize_lucent(model.eval(), channel("", 0), size=16, **QUIET)


def test_the_whole_network_can_be_the_layer():
    model = nn.Conv2d(3, 2, 3).eval()
    ours, theirs = (run(model, channel("", 1), size=16, steps=3, **QUIET) for run in (maximize, maximize_lucent))
    assert close(ours, theirs)
