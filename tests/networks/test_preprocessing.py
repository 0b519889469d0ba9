"""Whatever people call a picture comes out as the same picture in RGB, or is refused."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms._presets import ImageClassification

from xaitutor.networks import images
from xaitutor.networks.preprocessing import Preprocess

RGB = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
PREPROCESS = Preprocess(crop_size=16, resize_size=18)
TORCHVISIONS = ImageClassification(crop_size=16, resize_size=18)
ARRAY = np.array(RGB)


@pytest.mark.parametrize("picture", [RGB, images.to_tensor(RGB), images.to_tensor(RGB)[0], torch.from_numpy(ARRAY).permute(2, 0, 1)])
def test_a_picture_in_colour_comes_out_as_torchvisions(picture):
    assert torch.equal(PREPROCESS(picture), TORCHVISIONS(picture))


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA", "CMYK", "1", "I;16", "I", "F", "HSV", "PA"])
def test_every_mode_is_converted_as_load_image_does(mode, tmp_path):
    if mode in ("I;16", "I"):
        picture = Image.fromarray(np.array(RGB.convert("L")).astype(np.uint16) * 257)
    elif mode == "F":
        picture = Image.fromarray(np.array(RGB.convert("L")).astype(np.float32) / 255)
    else:
        picture = RGB.convert("P").convert("PA") if mode == "PA" else RGB.convert(mode)
    assert torch.equal(PREPROCESS(picture), TORCHVISIONS(images.in_colour(picture)))
    if mode in ("L", "P", "LA", "RGBA", "1", "I;16"):  # what a PNG may hold
        picture.save(tmp_path / "picture.png")
        assert torch.equal(PREPROCESS(picture), TORCHVISIONS(images.load_image(tmp_path / "picture.png")))


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (20, 20), (10, 20, 30, 0))
    assert torch.equal(PREPROCESS(clear), PREPROCESS(Image.new("RGB", (20, 20), "white")))
    half = np.full((20, 20, 4), 0.5)
    assert torch.allclose(images.in_colour(half), torch.full((3, 20, 20), 0.75))


@pytest.mark.parametrize("array, like", [
    (ARRAY, RGB), (ARRAY[..., 0], Image.fromarray(ARRAY[..., 0])), (ARRAY[..., :1], Image.fromarray(ARRAY[..., 0])), (ARRAY[:, ::-1], RGB.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    (np.dstack([ARRAY, np.full((20, 30), 255, np.uint8)]), RGB)])
def test_arrays_of_bytes(array, like):
    assert torch.equal(PREPROCESS(array), PREPROCESS(like))


@pytest.mark.parametrize("array", [ARRAY / 255, (ARRAY / 255).astype(np.float32), (ARRAY / 255).astype(np.float16)])
def test_arrays_of_floats(array):
    assert torch.allclose(PREPROCESS(array), PREPROCESS(images.to_tensor(RGB)[0]), atol=5e-3)


def test_a_grey_tensor():
    grey = images.to_tensor(RGB)[:, :1]
    assert torch.equal(PREPROCESS(grey), TORCHVISIONS(grey.expand(1, 3, 20, 30)))


@pytest.mark.parametrize("wrong, error, message", [
    (255 * torch.rand(3, 20, 20), ValueError, r"values in \[0, 1\], got .*is it normalised already, or from 0 to 255\? Divide by 255"),
    (torch.randn(3, 20, 20), ValueError, "normalised already"), (torch.full((3, 20, 20), torch.nan), ValueError, "got nan"),
    (ARRAY.astype(float), ValueError, "from 0 to 255"), (ARRAY.astype(int), TypeError, "array of uint8, or of floats in .*got int64"),
    (torch.ones(3, 20, 20, dtype=torch.int32), TypeError, "got torch.int32"), (torch.rand(20, 20, 3), ValueError, r"got \(20, 20, 3\); .*permute\(2, 0, 1\)"),
    (torch.rand(4, 20, 20), ValueError, r"got \(4, 20, 20\)$"), (torch.rand(20, 20), ValueError, r"got \(20, 20\)"), (np.zeros((2, 20, 20, 3), np.uint8), ValueError, r"\(2, 20, 20, 3\)"),
    (np.zeros((0, 20, 3), np.uint8), ValueError, r"\(0, 20, 3\)"), ("photo.jpg", TypeError, r"not str; images.load_image\(path\) reads one"), (None, TypeError, "not NoneType"), ([RGB], TypeError, "not list"),
])
def test_what_is_no_picture(wrong, error, message):
    with pytest.raises(error, match=message):
        PREPROCESS(wrong)


def test_it_is_torchvisions_in_all_else():
    assert Preprocess.of(TORCHVISIONS).__dict__.keys() == TORCHVISIONS.__dict__.keys()
    assert all(getattr(Preprocess.of(TORCHVISIONS), name) == getattr(TORCHVISIONS, name) for name in ("crop_size", "resize_size", "mean", "std", "interpolation", "antialias"))


def test_twelve_bits_in_sixteen_are_told():
    deep = np.linspace(0, 4095, 400).astype(np.uint16).reshape(20, 20)
    with pytest.warns(UserWarning, match="largest value is 4095, of 65535: it comes out nearly black.*multiply them by 16"):
        PREPROCESS(Image.fromarray(deep))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PREPROCESS(Image.fromarray(deep * 16))
        PREPROCESS(Image.fromarray(np.zeros((20, 20), np.uint16)))
