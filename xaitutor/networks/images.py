"""Pictures: read any picture file as RGB, and go between what people see and what a model sees.

A *human-friendly* picture has values in [0, 1] (or 0 to 255); a *model-friendly* one is the same, shifted
and scaled per channel (`normalise`) so that its values spread around zero. Plot only the first kind.
"""

from __future__ import annotations

import difflib
import io
import os
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from torch import Tensor

_TWELVE_BITS = 4096
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # what such a file calls itself, behind "ftyp"
# Photos inside the installed packages: nothing is downloaded. Licences: data/SOURCES.md.
_PHOTOS = {
    "astronaut": "skimage/data/astronaut.png",
    "brick": "skimage/data/brick.png",
    "camera": "skimage/data/camera.png",
    "cat": "skimage/data/chelsea.png",
    "china": "sklearn/datasets/images/china.jpg",
    "clock": "skimage/data/clock_motion.png",
    "coffee": "skimage/data/coffee.png",
    "coins": "skimage/data/coins.png",
    "flower": "sklearn/datasets/images/flower.jpg",
    "grass": "skimage/data/grass.png",
    "gravel": "skimage/data/gravel.png",
    "hubble": "skimage/data/hubble_deep_field.jpg",
    "rocket": "skimage/data/rocket.jpg",
}


def samples() -> list[str]:
    """The names that `load_image` knows: real photos ("cat"), then one scene of each class ("menagerie/zebra")."""
    return sorted(_PHOTOS) + [f"menagerie/{name}" for name in _classes()]


def load_image(path_or_name: str | os.PathLike) -> Image.Image:
    """A picture file, or a sample picture by name (see `samples`), as a PIL image in mode RGB, 8 bits a channel.

    It is turned as its EXIF orientation says. Transparency is laid on white, 16-bit grey is scaled (not cut)
    to 8 bits, an animation gives its first frame. A sample's name goes before a file's: "./cat" and Path("cat")
    are the file.

    Raises FileNotFoundError (no such file or name), IsADirectoryError (a folder), ValueError (empty, cut off,
    no picture at all, or too large to be opened safely), TypeError (neither text nor a path).
    """
    if not isinstance(path_or_name, (str, os.PathLike)):
        raise TypeError(f"expected a path or the name of a sample picture, got {type(path_or_name).__name__}")
    name, path = str(path_or_name), Path(path_or_name)
    if isinstance(path_or_name, str):
        if name in _PHOTOS:
            path = _photo(name)
        elif name.startswith("menagerie/") and name.removeprefix("menagerie/") in _classes():
            return _scene(name.removeprefix("menagerie/"))
    if path.is_dir():
        raise IsADirectoryError(f"{name!r} is a folder; give the path of one picture in it")
    if not path.exists():
        near = difflib.get_close_matches(name, samples(), n=3, cutoff=0.5)
        hint = f"did you mean the sample picture {' or '.join(map(repr, near))}?" if near else \
            "xaitutor.networks.images.samples() lists the sample pictures"
        raise FileNotFoundError(f"there is no file and no sample picture {name!r} (looked in {Path.cwd()}); {hint}")
    if path.stat().st_size == 0:
        raise ValueError(f"{name!r} is an empty file (0 bytes); copy or download the picture again")
    return _read(path, name)


def read_image(content: bytes, name: str = "the picture") -> Image.Image:
    """The same of a file's bytes, as a browser sends them; `name` is what errors call it.

    Raises ValueError (empty, cut off, no picture at all, HEIC, or too large to be opened safely).
    """
    if not len(content):
        raise ValueError(f"{name!r} is an empty file (0 bytes); copy or download the picture again")
    return _read(io.BytesIO(content), name)


def _classes() -> tuple[str, ...]:
    from xaitutor import menagerie

    return tuple(menagerie.CLASSES)


def _scene(name: str) -> Image.Image:
    from xaitutor import menagerie

    return menagerie.sample(0, name).picture()


def _photo(name: str) -> Path:
    package, _, rest = _PHOTOS[name].partition("/")
    spec = find_spec(package)  # finds the folder without importing the package
    if spec is None:
        raise FileNotFoundError(f"the sample picture {name!r} comes with the package {package}, which is missing; "
                                "install it, or all of the course, again (make lab)")
    return Path(spec.origin).parent / rest


def _read(file: Path | io.BytesIO, name: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                image.load()
                image = _upright(image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ValueError(f"{name!r} would unpack to more than {Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels: "
                         "a mistake or a decompression bomb; save it smaller first") from error
    except Image.UnidentifiedImageError as error:
        raise ValueError(f"{name!r} is {_what(file)}") from error
    except Exception as error:  # what Pillow's readers raise on broken files is of a dozen kinds
        raise ValueError(f"{name!r} is a broken or cut-off picture ({error}); copy or download it again") from error
    try:
        return _to_rgb(image)
    except ValueError as error:
        raise ValueError(f"{name!r} cannot be shown as RGB: {error}") from error


def _what(file: Path | io.BytesIO) -> str:
    """What a file is that is no picture, and what to do."""
    content = file.getvalue() if isinstance(file, io.BytesIO) else file.read_bytes()
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC:
        return ("a HEIC photo, as iPhones take them, which cannot be read here: export it as JPEG, or let the phone take JPEG "
                "(Settings, Camera, Formats, Most Compatible)")
    return f"not a picture that can be read: it begins with {content[:12]!r}; save it as JPEG or PNG first"


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a broken note about the orientation is no reason to refuse the picture
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep(np.asarray(image))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _from_deep(array: np.ndarray) -> Image.Image:
    top = 1.0 if array.dtype.kind == "f" else 65535.0
    if not (array.min() >= 0 and array.max() <= top):  # written so that NaN is refused, too
        raise ValueError(f"grey values from {array.min()} to {array.max()}, where 0 to {top:g} was expected")
    if 255 < array.max() < _TWELVE_BITS:
        warnings.warn(f"a 16-bit picture whose largest value is {array.max()}, of {top:g}: it comes out nearly black. If its values have 12 bits, "
                      "multiply them by 16 first", stacklevel=2)
    return Image.fromarray(np.rint(array * (255.0 / top)).astype(np.uint8)).convert("RGB")


def in_colour(picture: Image.Image | np.ndarray | Tensor) -> Image.Image | Tensor:
    """What people call a picture, in three channels: a PIL image in mode RGB, or a tensor (…, 3, H, W) of uint8 or of floats in [0, 1].

    A PIL image may be of any mode, an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), a tensor (…, 1, H, W) or (…, 3, H, W). Transparency is
    laid on white, grey becomes three times the same. Raises TypeError or ValueError for anything else, and for floats beyond [0, 1].
    """
    import torch

    if isinstance(picture, Image.Image):
        return _to_rgb(picture)
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    if not isinstance(picture, torch.Tensor):
        hint = "; images.load_image(path) reads one" if isinstance(picture, (str, os.PathLike)) else ""
        raise TypeError(f"expected a picture: a PIL image, an array or a tensor, not {type(picture).__name__}{hint}")
    if picture.ndim < 3 or picture.shape[-3] not in (1, 3) or not picture.numel():
        hint = "; an array (H, W, C) becomes a tensor by .permute(2, 0, 1)" if picture.ndim == 3 and picture.shape[-1] in (1, 3, 4) else ""
        raise ValueError(f"expected a tensor (3, H, W) or (N, 3, H, W), or with 1 channel in grey, got {tuple(picture.shape)}{hint}")
    if picture.is_floating_point():
        _check_range(picture, "is it normalised already, or from 0 to 255? Divide by 255")
    elif picture.dtype != torch.uint8:
        raise TypeError(f"expected a tensor of uint8, or of floats in [0, 1], got {picture.dtype}")
    return picture.expand(*picture.shape[:-3], 3, *picture.shape[-2:])


def _from_array(array: np.ndarray) -> Image.Image | Tensor:
    import torch

    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if not (array.ndim == 2 or array.ndim == 3 and array.shape[-1] in (3, 4)) or not array.size:
        raise ValueError(f"expected an array (H, W, 3), (H, W, 4) or (H, W), got the shape {array.shape}")
    if array.dtype == np.uint8:
        return _to_rgb(Image.fromarray(np.ascontiguousarray(array)))
    if array.dtype.kind != "f":
        raise TypeError(f"expected an array of uint8, or of floats in [0, 1], got {array.dtype}")
    values = torch.as_tensor(np.ascontiguousarray(array if array.ndim == 3 else array[..., None])).float().permute(2, 0, 1)
    _check_range(values, "is it normalised already, or from 0 to 255? Divide by 255")
    if len(values) == 4:
        values = values[:3] * values[3:] + (1 - values[3:])  # on white
    return values.expand(3, *values.shape[1:])


def to_tensor(image: Image.Image | np.ndarray) -> Tensor:
    """A picture as a displayable tensor (1, 3, H, W), float32 in [0, 1].

    Takes a PIL image of any mode, or an array (H, W, 3) or (H, W) of uint8 (0 to 255). Raises TypeError or
    ValueError for anything else.
    """
    import torch

    if isinstance(image, Image.Image):
        image = np.array(_to_rgb(image))
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = f"array of {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise TypeError(f"expected a PIL image or an array of uint8, got {kind}")
    if image.ndim == 2:
        image = np.stack([image] * 3, axis=-1)
    if image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(f"expected an array (H, W, 3) or (H, W), got the shape {image.shape}")
    return torch.tensor(np.ascontiguousarray(image.transpose(2, 0, 1)))[None] / 255


def to_picture(x: Tensor) -> Image.Image:
    """A displayable tensor (3, H, W) or (1, 3, H, W) with values in [0, 1] as a PIL image.

    Raises ValueError for another shape, and for values outside [0, 1]: those are a model-friendly tensor's,
    and would come out in false colours.
    """
    x = x.detach().cpu()
    if x.ndim == 4 and len(x) == 1:
        x = x[0]
    if x.ndim != 3 or len(x) != 3:
        raise ValueError(f"expected one picture (3, H, W) or (1, 3, H, W), got the shape {tuple(x.shape)}")
    _check_range(x, "is it still normalised? denormalise(x, mean, std) brings it back")
    return Image.fromarray((x.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())


def normalise(x: Tensor, mean, std) -> Tensor:
    """What a model sees: (x − mean) / std per channel.

    x: (…, C, H, W) with values in [0, 1]; mean, std: C numbers each, std > 0. Gives the same shape.
    Raises ValueError for values outside [0, 1] (normalised twice?), or another number of channels.
    """
    _check_range(x, "is it normalised already, or from 0 to 255?")
    mean, std = _per_channel(x, mean, std)
    return (x - mean) / std


def denormalise(x: Tensor, mean, std) -> Tensor:
    """What people see: x · std + mean per channel, the way back from `normalise`.

    x: (…, C, H, W); mean, std: C numbers each, std > 0. Gives the same shape; values are not clipped.
    Raises ValueError for another number of channels.
    """
    mean, std = _per_channel(x, mean, std)
    return x * std + mean


def _check_range(x: Tensor, hint: str) -> None:
    low, high = x.min().item(), x.max().item()
    if not (low >= -1e-4 and high <= 1 + 1e-4):  # room for rounding; NaN is refused, too
        raise ValueError(f"expected values in [0, 1], got {low:.3g} to {high:.3g}; {hint}")


def _per_channel(x: Tensor, mean, std) -> tuple[Tensor, Tensor]:
    import torch

    mean, std = (torch.as_tensor(v, dtype=x.dtype, device=x.device) for v in (mean, std))
    if x.ndim < 3 or mean.shape != (x.shape[-3],) or std.shape != mean.shape:
        raise ValueError(f"expected x (…, C, H, W) and C numbers in mean and in std, got x {tuple(x.shape)}, "
                         f"mean {tuple(mean.shape)}, std {tuple(std.shape)}")
    if not (std > 0).all():
        raise ValueError(f"expected std > 0 in each channel, got {std.tolist()}")
    return mean[:, None, None], std[:, None, None]
