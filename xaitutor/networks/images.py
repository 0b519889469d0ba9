"""Pictures: read any picture file as RGB, and go between what people see and what a model sees.

A *human-friendly* picture has values in [0, 1] (or 0 to 255); a *model-friendly* one is the same, shifted
and scaled per channel (`normalise`) so that its values spread around zero. Plot only the first kind.
"""

from __future__ import annotations

import difflib
import os
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from torch import Tensor

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


def _read(path: Path, name: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.load()
                image = _upright(image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ValueError(f"{name!r} would unpack to more than {Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels: "
                         "a mistake or a decompression bomb; save it smaller first") from error
    except Image.UnidentifiedImageError as error:
        raise ValueError(f"{name!r} is not a picture that can be read: it begins with {_head(path)!r}; "
                         "save it as JPEG or PNG first") from error
    except Exception as error:  # what Pillow's readers raise on broken files is of a dozen kinds
        raise ValueError(f"{name!r} is a broken or cut-off picture ({error}); copy or download it again") from error
    try:
        return _to_rgb(image)
    except ValueError as error:
        raise ValueError(f"{name!r} cannot be shown as RGB: {error}") from error


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(12)


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
    return Image.fromarray(np.rint(array * (255.0 / top)).astype(np.uint8)).convert("RGB")


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
