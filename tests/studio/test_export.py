"""What the page gets: weights that unpack to the folded network's, bit by bit, and sheets with each layer in its place."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from xaitutor.menagerie import COATS, COLOURS, PLACES
from xaitutor.networks.models import load_model
from xaitutor.studio import WithGradient, export, stage, truths


def unpacked(data: bytes, layers: list[dict]) -> np.ndarray:
    """As site/studio/weights.js reads it."""
    found, at = [], 0
    for layer in layers:
        channels, count = layer["shape"][0], int(np.prod(layer["shape"]))
        weights = np.frombuffer(data, np.float16, count, at).astype(np.float32).reshape(channels, -1)
        scale, bias = np.frombuffer(data, np.float32, 2 * channels, at + 2 * count).reshape(2, channels)
        found += [(weights * scale[:, None]).ravel(), bias]
        at += 2 * count + 8 * channels
    assert at == len(data)
    return np.concatenate(found)


@pytest.mark.parametrize("name", truths.NETWORKS.values())
def test_packed_weights_are_the_networks_own(name):
    network = WithGradient(load_model(name)[0])
    expected = torch.cat([values.flatten() for values in export.tensors(network).values()])
    found = torch.from_numpy(unpacked(b"".join(export.packed(load_model(name)[0])), export.layers(network)))
    torch.testing.assert_close(found, expected, rtol=2e-7, atol=0)


def test_weights_that_are_no_float16_are_refused():
    model = load_model("menagerie_resnet18")[0]
    model.layer3[0].conv1.weight.data[0, 0, 0, 0] += 1e-6
    with pytest.raises(ValueError, match="no float16"):
        export.packed(model)


def test_a_sheet_has_each_layer_in_its_place():
    sheet = export.animals("cow", "blotches")
    for row, column, part in ((0, 0, ""), (4, 5, "head")):
        piece = sheet[128 * row:128 * row + 128, 128 * column:128 * column + 128]
        assert np.array_equal(piece, stage.layer(stage.scene("cow", "blotches", PLACES[0], COLOURS[row], part)))


def test_what_a_sheet_loses_by_being_made_small_does_not_show():
    layer, place = stage.layer(stage.scene("cow", "blotches", "beach")), stage.background("beach")
    again = np.asarray(Image.open(io.BytesIO(export.webp(layer, quality=export.QUALITY, alpha_quality=100))))
    assert np.array_equal(again[..., 3], layer[..., 3])
    assert np.abs(stage.over(again, place).astype(int) - stage.over(layer, place)).mean() < 1


def test_the_page_is_told_all_names_and_only_the_scenes_that_are_there():
    about = json.loads(json.dumps(export.about(("horse", "sofa"))))
    assert about["names"]["horse"]["stripes"] == "zebra" and about["names"]["horse"]["spots"] is None
    assert about["parts"]["sofa"] == list(stage.part_names("sofa")) and about["coats"] == list(COATS)
    assert {scene.split()[0] for scene in about["truths"]["robust"]} == {"horse", "sofa"}
    assert len(about["palettes"]["heat"]) == len(about["palettes"]["signed"]) == 256 * 6
