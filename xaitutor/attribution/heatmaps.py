"""From an attribution to a picture: what throws signs, channels and outliers away, and says so.

An attribution has a sign, a value for each channel, and no unit; a picture needs one value from 0 to 1 for each
pixel. `heatmap` and `signed_heatmap` go there, `overlay` lays the result on the photo, `box` frames its hottest part.
Zero stays zero: each map is divided by a number, nothing is subtracted from it.
"""

from __future__ import annotations

import matplotlib
import numpy as np
import torch
from scipy.ndimage import gaussian_filter, label
from torch import Tensor

from xaitutor.attribution.inputs import require_tensors
from xaitutor.colours import SEQUENTIAL
from xaitutor.foundations.receptive_field import Box

_REDUCTIONS = {
    "max_abs": lambda a: a.abs().amax(dim=1),
    "sum_abs": lambda a: a.abs().sum(dim=1),
    "abs_sum": lambda a: a.sum(dim=1).abs(),
    "positive": lambda a: a.sum(dim=1).clamp_min(0),
}


def heatmap(
    attribution: Tensor, reduce: str = "max_abs", clip: float = 0.99, sigma: float = 0,
    size: tuple[int, int] | None = None,
) -> Tensor:
    """Where the attribution is strong: (N, H, W) with values in [0, 1], 1 is the strongest of each picture.

    attribution: (N, C, H, W), signed; the channels are colours, or there is one.
    reduce: how the C values a_c of a place become one:

        "max_abs"    max_c |a_c|      the strongest colour (Simonyan, Vedaldi and Zisserman 2014)
        "sum_abs"    Σ_c |a_c|        colours for and against add up
        "abs_sum"    |Σ_c a_c|        colours for and against cancel
        "positive"   max(0, Σ_c a_c)  only what speaks for the class (Grad-CAM's ReLU)

    size: (H, W) in pixels to enlarge to first, bilinear.
    sigma: smooth with a Gaussian of this *standard deviation* in pixels (its variance is sigma²); 0 does not.
    clip: values above this quantile of the picture's own become 1, so that a few outliers do not leave all else
    dark; 1 divides by the maximum. Where more than that share is zero, it is the maximum.

    A map without any value above zero gives zeros. Raises ValueError for another shape, NaN or infinity, an unknown
    `reduce`, `clip` outside (0, 1], `sigma` < 0.
    """
    _check(attribution, clip, sigma)
    if reduce not in _REDUCTIONS:
        raise ValueError(f"there is no reduce={reduce!r}; there is {', '.join(map(repr, _REDUCTIONS))}")
    maps = _REDUCTIONS[reduce](attribution.detach())
    return _scaled(_smoothed(_enlarged(maps, size), sigma), clip).clamp(0, 1)


def signed_heatmap(
    attribution: Tensor, clip: float = 0.99, sigma: float = 0, size: tuple[int, int] | None = None
) -> Tensor:
    """What speaks for (above 0) and against (below 0): (N, H, W) in [−1, 1], the sum over channels, zero stays zero.

    As `heatmap` otherwise, with `clip` a quantile of the absolute values. Show it in the colours `plots.SIGNED`
    with vmin=−1 and vmax=1, or lay it on a picture: ``overlay(picture, (signed + 1) / 2, colours=plots.SIGNED)``.
    """
    _check(attribution, clip, sigma)
    maps = attribution.detach().sum(dim=1)
    return _scaled(_smoothed(_enlarged(maps, size), sigma), clip).clamp(-1, 1)


def overlay(picture: Tensor, heatmap: Tensor, alpha: float = 0.5, colours: str = SEQUENTIAL) -> Tensor:
    """The heatmap's colours laid on the picture: (1 − alpha) · picture + alpha · colours(heatmap), in [0, 1].

    picture: (N, 3, H, W) or (3, H, W), displayable, in [0, 1], or (…, 1, H, W) in grey; heatmap: (N, H, W) or (H, W) in [0, 1].
    A heatmap of another size is enlarged to the picture's, bilinear. alpha: 0 is the picture, 1 the heatmap alone.
    colours: the name of a colour map of matplotlib. Gives the picture's shape, always with 3 channels.

    Raises ValueError for values outside [0, 1] (a picture that is still normalised), other shapes, unknown colours.
    """
    for what, values in (("picture", picture), ("heatmap", heatmap)):
        if not isinstance(values, Tensor) or not values.is_floating_point() or not values.numel():
            got = f"{values.dtype} of {tuple(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
            raise TypeError(f"the {what} must be a tensor of floats in [0, 1], with pixels in it, not {got}")
    pictures, maps = picture.detach(), heatmap.detach()
    pictures, maps = pictures[None] if pictures.ndim == 3 else pictures, maps[None] if maps.ndim == 2 else maps
    if pictures.ndim == 4 and pictures.shape[1] not in (1, 3):
        raise ValueError(f"a picture of {pictures.shape[1]} channels cannot be shown; take three of them, or one, for example picture[..., :3, :, :]")
    if pictures.ndim != 4 or maps.ndim != 3 or len(maps) != len(pictures):
        raise ValueError("expected a picture (N, 3, H, W) or (3, H, W) and as many heatmaps (N, H, W) or (H, W), got "
                         f"{tuple(picture.shape)} and {tuple(heatmap.shape)}")
    _check_unit("alpha", torch.tensor(float(alpha)), "")
    _check_unit("the picture", pictures, "; is it still normalised? images.denormalise(x, mean, std) brings it back")
    _check_unit("the heatmap", maps, "; heatmap(attribution) scales it")
    maps = _enlarged(maps, pictures.shape[2:])
    if colours not in matplotlib.colormaps:
        raise ValueError(f"matplotlib has no colour map {colours!r}; one with nothing in the dark is {SEQUENTIAL!r}")
    painted = torch.from_numpy(matplotlib.colormaps[colours](maps.cpu().numpy())[..., :3]).to(pictures).movedim(-1, 1)
    found = ((1 - alpha) * pictures + alpha * painted).clamp(0, 1)
    return found if picture.ndim == 4 else found[0]


def box(heatmap: Tensor, threshold: float = 0.2) -> Box:
    """The smallest box around the largest connected part where the heatmap exceeds `threshold` times its maximum.

    heatmap: (H, W) or (1, H, W), not negative. 20 % of the maximum is what Zhou et al. (CVPR 2016, section 3) take to
    localise objects by CAM. Pixels are connected along their sides. Raises ValueError for a heatmap without any value
    above zero, for more than one, and for `threshold` outside [0, 1).
    """
    require_tensors(heatmap=heatmap)
    values = heatmap.detach().cpu().numpy()
    values = values[0] if values.ndim == 3 and len(values) == 1 else values
    if values.ndim != 2 or not np.isfinite(values).all() or values.min() < 0:
        raise ValueError(f"expected one heatmap (H, W) of values from 0 on, got the shape {tuple(heatmap.shape)}"
                         + (" with values that are negative or not finite" if values.ndim == 2 else ""))
    if not 0 <= threshold < 1:
        raise ValueError(f"expected a threshold in [0, 1), a share of the maximum, got {threshold}")
    if not values.max() > 0:
        raise ValueError("the heatmap is zero everywhere: there is nothing to put a box around")
    parts, _ = label(values > threshold * values.max())
    largest = np.bincount(parts.flat)[1:].argmax() + 1
    rows, columns = np.nonzero(parts == largest)
    return Box(*(int(v) for v in (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)))


def iou(first: Box, second: Box) -> float:
    """Intersection over union of two boxes: 1 where they are the same, 0 where they do not meet."""
    top, left = max(first.top, second.top), max(first.left, second.left)
    bottom, right = min(first.bottom, second.bottom), min(first.right, second.right)
    both = max(bottom - top, 0) * max(right - left, 0)
    either = _area(first) + _area(second) - both
    if min(_area(first), _area(second)) <= 0:
        raise ValueError(f"expected two boxes with pixels in them, got {first} and {second}")
    return both / either


def _area(box: Box) -> float:
    return max(box.bottom - box.top, 0) * max(box.right - box.left, 0)


def _check(attribution: Tensor, clip: float, sigma: float) -> None:
    if not isinstance(attribution, Tensor) or not attribution.is_floating_point():
        got = attribution.dtype if isinstance(attribution, Tensor) else type(attribution).__name__
        raise TypeError(f"the attribution must be a tensor of floats (N, C, H, W), not {got}")
    if attribution.ndim != 4 or not attribution.numel():
        raise ValueError(f"expected an attribution (N, C, H, W), got the shape {tuple(attribution.shape)}")
    if not attribution.isfinite().all():
        raise ValueError("the attribution has values that are NaN or infinite; was the input, or the network, broken?")
    if not 0 < clip <= 1:
        raise ValueError(f"expected clip in (0, 1], a quantile such as 0.99, got {clip}")
    if not sigma >= 0:
        raise ValueError(f"expected sigma ≥ 0, a standard deviation in pixels, got {sigma}")


def _check_unit(what: str, values: Tensor, hint: str) -> None:
    low, high = values.min().item(), values.max().item()
    if not (low >= -1e-4 and high <= 1 + 1e-4):  # room for rounding; NaN is refused, too
        raise ValueError(f"expected {what} in [0, 1], got {low:.3g} to {high:.3g}{hint}")


def _enlarged(maps: Tensor, size) -> Tensor:
    if size is None or tuple(size) == maps.shape[1:]:
        return maps
    return torch.nn.functional.interpolate(maps[:, None], size=tuple(size), mode="bilinear")[:, 0]


def _smoothed(maps: Tensor, sigma: float) -> Tensor:
    if sigma == 0:
        return maps
    return torch.from_numpy(gaussian_filter(maps.cpu().numpy(), sigma, axes=(1, 2))).to(maps)


def _scaled(maps: Tensor, clip: float) -> Tensor:
    """Each map divided by a quantile of its absolute values: by their maximum where the quantile is zero."""
    strengths = maps.abs().flatten(1)
    top = strengths.amax(dim=1)
    largest = torch.from_numpy(np.quantile(strengths.cpu().numpy(), clip, axis=1)).to(maps)
    largest = torch.where(largest > 0, largest, top)
    return maps / torch.where(largest > 0, largest, torch.ones_like(top))[:, None, None]
