import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import TensorDataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from tests.helpers import fingerprint, small
from xaitutor import load_model, menagerie
from xaitutor.foundations import receptive_field
from xaitutor.foundations.receptive_field import Box
from xaitutor.networks import images
from xaitutor.units import examples, prototypes, survey

IMAGENET = Path(__file__).resolve().parents[3] / "shared" / "imagenet"
SEED = st.integers(0, 10**6)


def positive(*layers):
    """A network all of whose weights are positive: a brighter pixel is a stronger answer wherever it is seen."""
    model = nn.Sequential(*layers).eval()
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.1)
    return model


def dot(row, column, size=(20, 24)):
    picture = torch.zeros(3, *size)
    picture[:, row, column] = 1
    return picture


# The patch


@settings(max_examples=60)
@given(st.integers(0, 19), st.integers(0, 23), st.integers(0, 3))
def test_the_patch_is_what_the_one_neuron_saw(row, column, padding):
    """Windows of 4 × 4 side by side: of all neurons, one sees the dot."""
    model = positive(nn.Conv2d(3, 2, 4, stride=4, padding=padding))
    dataset = [torch.zeros(3, 20, 24)] * 2 + [dot(row, column)] + [torch.zeros(3, 20, 24)]
    best, second = prototypes(model, "0", 1, dataset, 2, "max")
    places = [(r, c) for r in range(7) for c in range(8)
              if 0 <= row - (4 * r - padding) < 4 and 0 <= column - (4 * c - padding) < 4]
    if not _on_the_grid(places, padding):
        return  # behind the last whole window: no neuron sees it
    (r, c), = places
    assert (best.index, best.row, best.column, second.index) == (2, r, c, 0)
    top, left = 4 * r - padding, 4 * c - padding
    assert best.box == Box(max(top, 0), max(left, 0), min(top + 4, 20), min(left + 4, 24))
    assert torch.equal(best.patch, dot(row, column)[:, best.box.top:best.box.bottom, best.box.left:best.box.right])
    assert best.patch.sum() == 3 and torch.equal(best.picture, dot(row, column))


def _on_the_grid(places, padding):
    rows, columns = ((length + 2 * padding - 4) // 4 + 1 for length in (20, 24))
    return places and places[0][0] < rows and places[0][1] < columns


@settings(max_examples=40)
@given(st.sampled_from(["0", "1", "2", "3"]), SEED, st.sampled_from(["mean", "max"]))
def test_the_box_is_where_the_gradient_reaches(layer, seed, by):
    """In a network of positive weights and averages, the box is the smallest that holds all pixels with a gradient."""
    model = positive(nn.Conv2d(3, 3, 3, stride=2, padding=1), nn.AvgPool2d(2), nn.Conv2d(3, 2, 3, padding=1), nn.ReLU())
    x = torch.rand(5, 3, 32, 24, generator=torch.Generator().manual_seed(seed))
    for example in prototypes(model, layer, 1, x, 3, by):
        pixels = example.picture.clone().requires_grad_()
        answer = model[:int(layer) + 1](pixels[None])[0, 1]
        assert answer[example.row, example.column] == answer.max()
        np.testing.assert_allclose(example.score, (answer.mean() if by == "mean" else answer.max()).item(), rtol=1e-5)
        (gradient,) = torch.autograd.grad(answer[example.row, example.column], pixels)
        rows, columns = (gradient.abs().sum(0).sum(axis).nonzero().flatten().tolist() for axis in (1, 0))
        assert example.box == Box(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
        assert torch.equal(example.picture, x[example.index])
        assert torch.equal(example.patch, x[example.index, :, rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1])


@settings(max_examples=25)
@given(st.integers(0, 11), st.integers(0, 15), SEED)
def test_the_effective_patch_is_a_square_round_the_middle(row, column, seed):
    model = positive(nn.Conv2d(3, 2, 5, padding=2), nn.Conv2d(2, 2, 5, padding=2), nn.Conv2d(2, 2, 3, padding=1))
    x = torch.rand(4, 3, 12, 16, generator=torch.Generator().manual_seed(seed)) * 0.01
    x[:, :, row, column] = 1
    found = prototypes(model, "2", 0, x, 3, "max", field="effective")
    chosen = torch.stack([example.picture for example in found])
    side = round(receptive_field.effective_size(receptive_field.effective(model, "2", chosen)))
    assert 1 < side < 11  # smaller than the theoretical field
    for example in found:
        top, left, bottom, right = example.box
        assert bottom - top == right - left == side and example.patch.shape == (3, side, side)
        assert top >= 0 and left >= 0 and bottom <= 12 and right <= 16
        for first, end, middle, length in ((top, bottom, example.row, 12), (left, right, example.column, 16)):
            inside = side / 2 <= middle + 0.5 <= length - side / 2
            assert abs((first + end) / 2 - (middle + 0.5)) <= 0.5 if inside else first == 0 or end == length
        assert torch.equal(example.patch, example.picture[:, top:bottom, left:right])


def test_effective_where_the_theoretical_field_is_too_large():
    model = small("resnet18")
    x = torch.rand(5, 3, 64, 48)
    with pytest.raises(ValueError, match="'layer3' sees 211 × 211 pixels, and the pictures have 64 × 48: .*effective"):
        prototypes(model, "layer3", 0, x, 2)
    for example in prototypes(model, "layer3", 0, x, 2, field="effective"):
        assert 0 < example.patch.shape[1] <= 64 and 0 < example.patch.shape[2] <= 48
    with pytest.raises(ValueError, match="layer 'avgpool' sees everything, and the pictures have 64 × 48"):
        prototypes(model, "avgpool", 0, x, 2)


def test_a_field_that_is_larger_in_one_direction_only_is_a_patch():
    model = positive(nn.Conv2d(3, 1, (3, 30), padding=(1, 15)))
    (best,) = prototypes(model, "0", 0, [dot(10, 3)], 1, "max")
    assert best.patch.shape[1] == 3 and best.patch.shape[2] < 24


def test_a_layer_behind_squeeze_and_excitation_has_its_patch_where_its_neuron_lies():
    model = small("mobilenet_v3_small")
    x = torch.rand(4, 3, 64, 64)
    found = survey(model, "features.4", x, 2, "max")
    chosen = [example for unit in range(4) for example in examples(found, unit, model, x, field="effective")]
    assert len({(example.row, example.column) for example in chosen}) > 3
    for example in chosen:
        top, left, bottom, right = example.box
        assert top - 0.5 <= (example.row + 0.5) * 64 / found.grid[0] <= bottom + 0.5
        assert left - 0.5 <= (example.column + 0.5) * 64 / found.grid[1] <= right + 0.5


def test_no_effective_field_without_a_gradient():
    model = nn.Sequential(nn.Conv2d(3, 1, 3), nn.ReLU()).eval()
    nn.init.constant_(model[0].weight, -1)
    nn.init.constant_(model[0].bias, 0)
    with pytest.raises(ValueError, match="effective field of layer '1' cannot be measured: .*no pixel moves"):
        prototypes(model, "1", 0, torch.ones(4, 3, 8, 8), 2, field="effective")


def test_a_fully_connected_neuron_saw_the_whole_picture():
    model = small("squeezenet1_1")
    model.add_module("head", nn.Linear(1000, 4))
    wide = nn.Sequential(model, model.head).eval()
    x = torch.rand(4, 3, 40, 48)
    for field in ("theoretical", "effective"):
        for example in prototypes(wide, "1", 3, x, 2, field=field):
            assert (example.row, example.column, example.box) == (0, 0, Box(0, 0, 40, 48))
            assert torch.equal(example.patch, x[example.index])


# What the model saw


def test_what_a_resizing_preprocess_overshoots_is_cut_to_what_can_be_shown():
    """Cubic interpolation goes beyond white and black at an edge."""
    preprocess = ImageClassification(crop_size=16, resize_size=16, interpolation=InterpolationMode.BICUBIC, antialias=False)
    x = torch.zeros(2, 3, 8, 8)
    x[:, :, :, 4:] = 1
    shown = prototypes(positive(nn.Conv2d(3, 1, 3)), "0", 0, x, 2, preprocess=preprocess)[0].picture
    assert shown.min() >= 0 and shown.max() <= 1 and shown.shape == (3, 16, 16)


def test_pictures_are_the_data_sets_own_where_preprocess_only_normalises():
    preprocess = ImageClassification(crop_size=16, resize_size=16)
    x = torch.rand(4, 3, 16, 16)
    for example in prototypes(positive(nn.Conv2d(3, 1, 3)), "0", 0, x, 2, preprocess=preprocess):
        assert torch.equal(example.picture, x[example.index])


@pytest.mark.parametrize("size", [(16, 16), (20, 30)])
def test_pictures_are_cut_where_preprocess_cuts(size):
    """Also where the size stays: 16 pixels are scaled to 32, and the middle 16 remain."""
    preprocess = ImageClassification(crop_size=16, resize_size=32, mean=(0.5,) * 3, std=(0.25,) * 3)
    x = torch.rand(4, 3, *size)
    for example in prototypes(positive(nn.Conv2d(3, 1, 3)), "0", 0, x, 2, preprocess=preprocess):
        seen = preprocess(x[example.index][None])[0] * 0.25 + 0.5
        assert example.picture.shape == (3, 16, 16)
        np.testing.assert_allclose(example.picture, seen.clamp(0, 1), atol=1e-6)


# One survey for many units


def test_prototypes_are_the_examples_of_a_survey(tmp_path):
    model, x = small("squeezenet1_1"), TensorDataset(torch.rand(12, 3, 32, 32))
    found = survey(model, "features.3", x, 4, "max")
    for unit in (0, np.int64(127)):
        ours = examples(found, unit, model, x, field="effective")
        theirs = prototypes(model, "features.3", unit, x, 4, "max", field="effective", cache=tmp_path / "found")
        assert [e[:5] for e in ours] == [e[:5] for e in theirs] and len(ours) == 4
        assert [e.index for e in ours] == found.indices[unit].tolist()
        assert [(e.row, e.column) for e in ours] == [tuple(p) for p in found.positions[unit].tolist()]
        scores = [e.score for e in ours]
        assert scores == sorted(scores, reverse=True) == found.scores[unit].tolist()


# What is refused, before the long pass


class Counting(list):
    def __init__(self, *items):
        super().__init__(*items)
        self.fetched = 0

    def __getitem__(self, i):
        self.fetched += 1
        return super().__getitem__(i)


@pytest.mark.parametrize("changed, error, message", [
    (dict(unit=64), IndexError, "layer 'layer1' has no unit 64: it has 64 units, 0 to 63"),
    (dict(unit=-1), IndexError, "no unit -1"),
    (dict(unit="14.1"), TypeError, "unit must be a whole number, not '14.1'"),
    (dict(field="all"), ValueError, "field must be 'theoretical' or 'effective', not 'all'"),
    (dict(layer="layer4"), ValueError, "the patch would be the whole picture"),
    (dict(layer="layer9"), ValueError, "no layer 'layer9'"),
    (dict(model=small("resnet18").train()), ValueError, r"model\.eval\(\)"),
    (dict(dataset=[]), ValueError, "the data set is empty"),
    (dict(k=31), ValueError, "k must be between 1 and the number of pictures, 30, not 31"),
    (dict(by="sum"), ValueError, "by must be 'mean' or 'max', not 'sum'"),
])
def test_bad_input(changed, error, message):
    given = dict(model=small("resnet18"), layer="layer1", unit=0, dataset=Counting([torch.rand(3, 64, 64)] * 30), k=2)
    given |= changed
    before = fingerprint(given["model"])
    with pytest.raises(error, match=message):
        prototypes(**given)
    assert fingerprint(given["model"]) == before
    assert not given["dataset"] or given["dataset"].fetched <= 1


def test_examples_of_a_unit_that_is_none():
    model, x = small("resnet18"), torch.rand(3, 3, 64, 64)
    found = survey(model, "conv1", x, 2)
    with pytest.raises(IndexError, match="layer 'conv1' has no unit 64"):
        examples(found, 64, model, x)
    with pytest.raises(ValueError, match="field must be"):
        examples(found, 0, model, x, field="small")


@pytest.mark.parametrize("field", ["theoretical", "effective"])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_model_stays_as_it_is(field, frozen):
    model = small("resnet18").requires_grad_(not frozen)
    before = fingerprint(model)
    with torch.no_grad():
        prototypes(model, "layer1", 5, torch.rand(4, 3, 64, 64), 2, field=field)
    assert fingerprint(model) == before


# Trained networks


def test_the_embedded_network():
    model, preprocess, categories = load_model("menagerie_resnet18")
    dataset = menagerie.Dataset(120, "test")
    drawn = [dataset[i] for i in range(120)]
    zebra = categories.index("zebra")
    best = prototypes(model, "fc", zebra, drawn, 3, preprocess=preprocess)
    assert all(dataset.label(example.index) == zebra for example in best)
    with torch.no_grad():
        logits = model(preprocess(torch.stack([picture for picture, _ in drawn])))[:, zebra]
    assert [example.index for example in best] == logits.topk(3).indices.tolist()
    # An effective patch of the last stage lies on the animal: it holds more of it than a square anywhere would.
    found = survey(model, "layer4", drawn, 3, "max", preprocess)
    inside, anywhere = [], []
    for unit in range(0, 128, 32):
        for example in examples(found, unit, model, drawn, preprocess, field="effective"):
            mask = dataset.scene(example.index).render().mask
            top, left, bottom, right = example.box
            inside.append(mask[top:bottom, left:right].sum() / mask.sum())
            anywhere.append((bottom - top) * (right - left) / mask.size)
    assert np.mean(inside) > 1.2 * np.mean(anywhere)


@pytest.mark.skipif(not IMAGENET.is_dir(), reason="the folder shared/imagenet is not beside this repository")
def test_class_neurons_of_a_network_of_imagenet():
    model, preprocess, categories = load_model("squeezenet1_0", weights=IMAGENET / "squeezenet1_0-imagenet.safetensors")
    photos = json.loads((IMAGENET / "manifest.json").read_text())
    seen = torch.stack([preprocess(images.load_image(IMAGENET / "images" / p["file"])) for p in photos])
    found = survey(model, "classifier.1", seen, 3)  # its mean over the map is the logit, but for the ReLU
    sure = [p for p in photos if p["top1_index"] == p["class_index"] and p["top1_probability"] > 0.9]
    assert len(sure) > 40 and any(p["class_name"] == "zebra" for p in sure)
    for photo in sure:
        assert photos[found.indices[photo["class_index"], 0]]["file"] == photo["file"]
    zebra, = (p for p in photos if p["class_index"] == 340)
    best = examples(found, 340, model, [(x, 0) for x in seen], field="effective")[0]
    assert photos[best.index] == zebra and torch.equal(best.picture, seen[best.index])  # a copy


# Preprocessing of one's own


def test_a_function_that_normalises_shows_the_data_sets_own_pictures():
    x = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = prototypes(positive(nn.Conv2d(3, 1, 3)), "0", 0, x, 2, preprocess=lambda x: 3 * x - 1)
    assert all(torch.equal(example.picture, x[example.index]) for example in found)


@pytest.mark.parametrize("moves", [lambda x: x.flip(-1), lambda x: x[..., 2:-2, 2:-2], lambda x: x**2])
def test_a_function_that_moves_pixels_cannot_be_shown(moves):
    x = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with pytest.raises(TypeError, match="what the model saw cannot be shown: .*no .mean and .std"):
        prototypes(positive(nn.Conv2d(3, 1, 3)), "0", 0, x, 2, preprocess=moves)
