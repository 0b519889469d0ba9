"""Regions of a picture, and what to see where some of them are hidden: the ground of occlusion, masks, LIME, and Kernel SHAP.

Hiding is not removing: something else stands in the hidden place, and the network answers to that, too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from xaitutor.attribution.inputs import at_least_one, warn
from xaitutor.attribution.paths import start_of
from xaitutor.attribution.propagation import extremes
from xaitutor.vision import torchvision

FILLS = {  # by name: what stands in the place of what is hidden, (N, C, H, W) from x
    "grey": lambda x: torch.zeros_like(x),  # after normalising, the mean colour of the data set
    "black": lambda x: extremes(x)[0].expand_as(x),  # the least value of each channel
    "mean": lambda x: x.mean(dim=(2, 3), keepdim=True).expand_as(x),
    "blur": lambda x: blurred(x),
}
REGIONAL = "regions"  # the fill that is each region's own mean colour


def blurred(x: Tensor) -> Tensor:
    """x (N, C, H, W) without what is small: a Gaussian of a standard deviation of 1/22 of the shorter side (10 pixels of 224)."""
    sigma = max(min(x.shape[2:]) / 22.4, 0.5)
    reach = min(int(3 * sigma), min(x.shape[2:]) - 1)
    return torchvision.transforms.functional.gaussian_blur(x, 2 * reach + 1, sigma) if reach else x


def filling(x: Tensor, fill: str | float | Tensor | Callable, regions: Tensor | None = None) -> Tensor:
    """What is seen where x is hidden, (N, C, H, W).

    fill: a name of `FILLS`; "regions", the mean colour of each of the `regions` (N, H, W); a number, a picture (C, H, W), one for each
    image (N, C, H, W), or a function of x.
    """
    if not isinstance(fill, str):
        return start_of(x, fill)
    if fill == REGIONAL and regions is not None:
        return torch.stack([_means(image, labels) for image, labels in zip(x, regions)])
    if fill not in FILLS:
        names = (*FILLS, *([REGIONAL] if regions is not None else []))
        raise ValueError(f"fill must be one of {', '.join(map(repr, names))}, a number, a picture, or a function of x, not {fill!r}")
    return FILLS[fill](x)


def slic(x: Tensor, count: int = 50, compactness: float = 10) -> Tensor:
    """Superpixels: regions of like colour, numbered from 0, (N, H, W), about `count` in each picture and often fewer.

    Achanta et al., SLIC Superpixels Compared to State-of-the-Art Superpixel Methods, 2012, as in scikit-image, of each picture (N, C, H, W)
    stretched to [0, 1]. compactness: how much nearness counts beside colour. The same each time.
    """
    from skimage.segmentation import slic as segment

    at_least_one(count=count)
    least, most = x.amin(dim=(1, 2, 3), keepdim=True), x.amax(dim=(1, 2, 3), keepdim=True)
    pictures = ((x - least) / (most - least).clamp_min(1e-12)).detach().cpu().double().permute(0, 2, 3, 1).numpy()
    found = [segment(picture, count, compactness, start_label=0, channel_axis=-1) for picture in pictures]
    return torch.from_numpy(np.stack(found)).long().to(x.device)


def labels_of(x: Tensor, regions: int | Tensor) -> Tensor:
    """The regions of each picture as (N, H, W), numbered from 0 without a gap.

    regions: how many superpixels, or a map of whole numbers (H, W), or one for each picture (N, H, W). Warns where there are fewer than
    half of the superpixels asked for. Raises ValueError for another shape or for a picture of one region.
    """
    if isinstance(regions, bool) or not isinstance(regions, (int, Tensor, np.ndarray)):
        raise TypeError(f"regions must be a number of superpixels or a map of whole numbers (H, W), not {type(regions).__name__}")
    maps = slic(x, regions) if isinstance(regions, int) else _whole(torch.as_tensor(regions, device=x.device), x)
    numbered = torch.stack([labels.unique(return_inverse=True)[1] for labels in maps])
    counts = [int(labels.max()) + 1 for labels in numbered]
    if min(counts) < 2:
        raise ValueError("a picture has one region only, with which nothing can be compared; give more superpixels, or a map with several numbers")
    if isinstance(regions, int) and 2 * min(counts) < regions:
        warn(f"the picture has only {min(counts)} superpixels, not {regions}: it is too plain, or too small, for more")
    return numbered


def spread(values: np.ndarray, labels: Tensor) -> Tensor:
    """A map (H, W) whose sum over each region is the region's value, (R,), spread evenly."""
    values = torch.as_tensor(values)
    share = values.to(labels.device, torch.float32 if labels.device.type == "mps" else values.dtype) / labels.flatten().bincount(minlength=len(values))
    return share[labels]


def sums(attribution: Tensor, regions: Tensor) -> Tensor:
    """The attribution (N, C, H, W) summed over the colours and over each region of (N, H, W) or (H, W): (N, R)."""
    flat = attribution.sum(dim=1).flatten(1)
    labels = regions.expand(len(flat), *regions.shape[-2:]).flatten(1)
    return flat.new_zeros(len(flat), int(labels.max()) + 1).scatter_add(1, labels, flat)


def warn_of_the_unseen(x: Tensor, behind: Tensor, labels: Tensor) -> None:
    """Warn of regions that look like what would hide them: hiding them changes nothing, whatever they mean."""
    differ = (x - behind).abs().amax(dim=1) > 1e-6
    unseen = [int((~labels_of_one.flatten().bincount(weights=d.flatten().double()).bool()).sum()) for labels_of_one, d in zip(labels.cpu(), differ.cpu())]
    if any(unseen):
        worst = int(np.argmax(unseen))
        warn(f"{unseen[worst]} of {int(labels[worst].max()) + 1} regions look exactly like what would hide them, so that their attribution says "
             "nothing; another fill shows them")


def _whole(maps: Tensor, x: Tensor) -> Tensor:
    if maps.dtype.is_floating_point or maps.dtype.is_complex or maps.ndim not in (2, 3) or maps.shape[-2:] != x.shape[-2:] or (
            maps.ndim == 3 and len(maps) != len(x)):
        raise ValueError(f"regions must be whole numbers of the shape (H, W) = {tuple(x.shape[-2:])}, or one map for each of {len(x)} pictures, "
                         f"not {maps.dtype} of {tuple(maps.shape)}")
    return maps.long().expand(len(x), *x.shape[-2:])


def _means(image: Tensor, labels: Tensor) -> Tensor:
    """The picture in which each region has its mean colour."""
    flat, places = image.flatten(1), labels.flatten()
    total = flat.new_zeros(len(flat), int(places.max()) + 1).index_add(1, places, flat)
    return (total / places.bincount())[:, labels]
