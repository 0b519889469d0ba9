import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from xaitutor.networks import images
from xaitutor.networks.images import denormalise, load_image, normalise, read_image, to_picture, to_tensor

Turn = Image.Transpose
RED, WHITE = (255, 0, 0), (255, 255, 255)
GRADIENT = np.linspace(0, 65535, 64 * 48).astype(np.uint16).reshape(48, 64)


def photo(width=64, height=48):
    ramp = np.linspace(0, 255, width * height).astype(np.uint8).reshape(height, width)
    return Image.fromarray(np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=-1))


def saved(path, image, **options):
    image.save(path, **options)
    return load_image(path)


# What a picture file may be


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "gif", "webp"])
def test_formats(tmp_path, suffix):
    image = saved(tmp_path / f"a.{suffix}", Image.new("RGB", (20, 10), RED))
    assert (image.mode, image.size) == ("RGB", (20, 10))
    assert np.abs(np.asarray(image).astype(int) - RED).max() <= 3


def test_text_and_path_are_the_same(tmp_path):
    image = saved(tmp_path / "a.png", photo())
    assert image == load_image(str(tmp_path / "a.png"))
    assert np.array_equal(image, photo())


@pytest.mark.parametrize("orientation, undo", [
    (1, None), (2, Turn.FLIP_LEFT_RIGHT), (3, Turn.ROTATE_180), (4, Turn.FLIP_TOP_BOTTOM),
    (5, Turn.TRANSPOSE), (6, Turn.ROTATE_90), (7, Turn.TRANSVERSE), (8, Turn.ROTATE_270),
])
def test_exif_orientation(tmp_path, orientation, undo):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = photo() if undo is None else photo().transpose(undo)
    assert np.array_equal(saved(tmp_path / "a.png", stored, exif=exif), photo())


def test_broken_exif_is_no_reason_to_refuse(tmp_path):
    assert saved(tmp_path / "a.jpg", photo(), exif=b"Exif\0\0no tiff header at all").size == (64, 48)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr"])
def test_modes(tmp_path, mode):
    image = photo().convert(mode)
    got = saved(tmp_path / "a.tiff", image)
    assert got.mode == "RGB"
    assert np.abs(np.asarray(got).astype(int) - np.asarray(image.convert("RGB"))).max() <= 2


def test_cmyk_jpeg(tmp_path):
    got = saved(tmp_path / "a.jpg", Image.new("CMYK", (16, 16), (0, 255, 255, 0)), quality=95)
    assert np.abs(np.asarray(got).astype(int) - RED).max() <= 6


def test_alpha_is_laid_on_white(tmp_path):
    image = Image.new("RGBA", (3, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 128))
    image.putpixel((2, 0), (255, 0, 0, 255))
    got = saved(tmp_path / "a.png", image)
    assert got.getpixel((0, 0)) == WHITE and got.getpixel((2, 0)) == RED
    assert abs(got.getpixel((1, 0))[1] - 127) <= 1


def test_grey_with_alpha(tmp_path):
    image = Image.new("LA", (2, 1), (0, 0))
    image.putpixel((1, 0), (0, 255))
    got = saved(tmp_path / "a.png", image)
    assert [got.getpixel((i, 0)) for i in (0, 1)] == [WHITE, (0, 0, 0)]


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_palette_with_a_transparent_colour(tmp_path, suffix):
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.putpixel((1, 0), 1)
    got = saved(tmp_path / f"a.{suffix}", image, transparency=0)
    assert [got.getpixel((i, 0)) for i in (0, 1)] == [WHITE, RED]


def test_rgb_with_a_transparent_colour(tmp_path):
    got = saved(tmp_path / "a.png", Image.new("RGB", (2, 2), (0, 0, 255)), transparency=(0, 0, 255))
    assert got.getpixel((0, 0)) == WHITE


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_are_scaled_not_cut(tmp_path, suffix):
    got = np.asarray(saved(tmp_path / f"a.{suffix}", Image.fromarray(GRADIENT)))[..., 0]
    assert np.abs(got - GRADIENT / 257).max() <= 0.5
    assert got.min() == 0 and got.max() == 255 and abs(np.median(got) - 127.5) <= 1


def test_thirty_two_bits(tmp_path):
    whole = np.asarray(saved(tmp_path / "i.tiff", Image.fromarray(GRADIENT.astype(np.int32))))[..., 0]
    real = np.asarray(saved(tmp_path / "f.tiff", Image.fromarray((GRADIENT / 65535).astype(np.float32))))[..., 0]
    assert np.abs(whole - GRADIENT / 257).max() <= 0.5 and np.array_equal(whole, real)


@pytest.mark.parametrize("value", [np.int32(70000), np.int32(-1), np.float32(7), np.float32(np.nan)])
def test_values_without_a_known_range(tmp_path, value):
    Image.fromarray(np.full((4, 4), value)).save(tmp_path / "a.tiff")
    with pytest.raises(ValueError, match=r"a\.tiff.*grey values from"):
        load_image(tmp_path / "a.tiff")


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tiff"])
def test_animation_gives_its_first_frame(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in [RED, (0, 255, 0), (0, 0, 255)]]
    got = saved(tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:])
    assert np.abs(np.asarray(got).astype(int) - RED).max() <= 3


def test_the_picture_outlives_its_file(tmp_path):
    image = saved(tmp_path / "a.png", photo())
    (tmp_path / "a.png").unlink()
    assert image.resize((8, 8)).size == (8, 8)


# What is no picture


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "tiff", "webp"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cut_off(tmp_path, suffix, share):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path = tmp_path / f"a.{suffix}"
    noise.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=rf"a\.{suffix}' is (a broken or cut-off picture|not a picture)"):
        load_image(path)


def test_text_called_jpg(tmp_path):
    (tmp_path / "a.jpg").write_text("<!doctype html> not found")
    with pytest.raises(ValueError, match=r"a\.jpg' is not a picture .* begins with b'<!doctype ht'"):
        load_image(tmp_path / "a.jpg")


def test_a_heic_photo_is_named(tmp_path):
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x24ftypheic" + bytes(100))
    with pytest.raises(ValueError, match=r"IMG_1\.HEIC' is a HEIC photo, as iPhones take them.*export it as JPEG"):
        load_image(tmp_path / "IMG_1.HEIC")


def test_bytes_are_read_as_their_file_is(tmp_path):
    path, exif = tmp_path / "a.jpg", Image.Exif()
    exif[0x0112] = 6
    photo().save(path, exif=exif)
    assert read_image(path.read_bytes()).tobytes() == load_image(path).tobytes()
    assert read_image(memoryview(path.read_bytes())).size == (48, 64)
    for content, message in [(b"", "'mine' is an empty file"), (path.read_bytes()[:300], "'mine' is a broken"), (b"<html>", "'mine' is not a picture")]:
        with pytest.raises(ValueError, match=message):
            read_image(content, "mine")


def test_empty_file(tmp_path):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(ValueError, match=r"a\.jpg' is an empty file \(0 bytes\)"):
        load_image(tmp_path / "a.jpg")


def test_folder(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder; give the path of one picture"):
        load_image(tmp_path)


@pytest.mark.parametrize("side", [12_000, 60_000])
def test_decompression_bomb(tmp_path, side):
    """A PNG of a few bytes that says it is gigapixels large: refused before anything is unpacked."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(ValueError, match=r"bomb\.png' would unpack to more than \d+ million pixels"):
        load_image(path)


@pytest.mark.parametrize("name, near", [
    ("coffe", "coffee"), ("astronaut.png", "astronaut"), ("menagerie/zebras", "menagerie/zebra"),
])
def test_missing_file_suggests_samples(name, near):
    with pytest.raises(FileNotFoundError, match=f"no file and no sample picture '{name}'.*did you mean.*'{near}'"):
        load_image(name)


def test_missing_file_without_a_near_name():
    with pytest.raises(FileNotFoundError, match=r"images\.samples\(\) lists"):
        load_image("/nowhere/IMG_2041.JPG")


@pytest.mark.parametrize("what", [None, 3, np.zeros((2, 2))])
def test_neither_text_nor_path(what):
    with pytest.raises(TypeError, match="expected a path or the name of a sample picture, got"):
        load_image(what)


# Sample pictures


def test_every_sample_loads():
    for name in images.samples():
        image = load_image(name)
        assert image.mode == "RGB" and min(image.size) >= 128, name
        assert np.asarray(image).std() > 10, name


def test_samples_are_photos_and_scenes():
    names = images.samples()
    assert {"astronaut", "cat", "coffee", "china", "flower", "menagerie/zebra", "menagerie/husky"} <= set(names)
    assert len(names) == len(set(names))


def test_scene_is_the_same_each_time():
    assert load_image("menagerie/zebra").size == (128, 128)
    assert np.array_equal(load_image("menagerie/zebra"), load_image("menagerie/zebra"))


def test_sample_goes_before_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo().save("cat", format="png")
    assert load_image("cat").size == (451, 300)
    assert load_image("./cat").size == load_image(Path("cat")).size == (64, 48)


# Human-friendly and model-friendly


def test_to_tensor_and_back():
    x = to_tensor(photo())
    assert x.shape == (1, 3, 48, 64) and x.dtype == torch.float32
    assert x.min() >= 0 and x.max() == 1
    assert x[0, 1, 5, 7] == np.asarray(photo())[5, 7, 1] / np.float32(255)
    assert to_picture(x) == to_picture(x[0]) == photo()


def test_to_tensor_takes_grey_and_arrays():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert torch.equal(to_tensor(grey), to_tensor(Image.fromarray(grey)))
    assert torch.equal(to_tensor(np.asarray(photo())[::-1])[0], to_tensor(photo())[0].flip(1))


@pytest.mark.parametrize("what, kind", [
    (np.zeros((4, 4, 3)), "array of float64"), (torch.zeros(3, 4, 4), "Tensor"), ("cat", "str"),
])
def test_to_tensor_refuses_other_kinds(what, kind):
    with pytest.raises(TypeError, match=f"got {kind}"):
        to_tensor(what)


def test_to_tensor_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"\(3, 8, 8\)"):
        to_tensor(np.zeros((3, 8, 8), np.uint8))


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 4, 4), (4, 4), (4, 4, 3)])
def test_to_picture_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="expected one picture"):
        to_picture(torch.zeros(shape))


def test_to_picture_refuses_what_is_normalised():
    x = normalise(to_tensor(photo()), [0.5] * 3, [0.25] * 3)
    with pytest.raises(ValueError, match="-2 to 2; is it still normalised"):
        to_picture(x)
    assert to_picture(denormalise(x, [0.5] * 3, [0.25] * 3)) == photo()


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.05, 2)), min_size=1, max_size=5), st.integers(0, 2**31))
def test_denormalise_undoes_normalise(statistics, seed):
    mean, std = zip(*statistics)
    x = torch.rand(2, len(mean), 3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    z = normalise(x, mean, std)
    assert torch.allclose(denormalise(z, mean, std), x, atol=1e-12)
    assert torch.allclose(z[:, 0], (x[:, 0] - mean[0]) / std[0])


def test_normalise_is_torchvisions():
    from torchvision.transforms.functional import normalize

    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    assert torch.equal(normalise(to_tensor(photo()), mean, std), normalize(to_tensor(photo()), mean, std))


@pytest.mark.parametrize("value", [255.0, -0.5, torch.nan])
def test_normalise_refuses_other_ranges(value):
    with pytest.raises(ValueError, match=r"expected values in \[0, 1\]"):
        normalise(torch.full((1, 3, 2, 2), value), [0.5] * 3, [0.5] * 3)


@pytest.mark.parametrize("mean, std", [([0.5], [0.5]), ([0.5] * 3, [0.5] * 2), (0.5, 0.5)])
def test_another_number_of_channels(mean, std):
    for function in (normalise, denormalise):
        with pytest.raises(ValueError, match="C numbers in mean and in std"):
            function(torch.zeros(1, 3, 2, 2), mean, std)


def test_std_of_nothing():
    with pytest.raises(ValueError, match="std > 0"):
        normalise(torch.zeros(1, 3, 2, 2), [0.5] * 3, [0.5, 0, 0.5])
