"""How well does an explanation agree with the truth, where the truth is known?

Two kinds of truth. Where the object is: its mask. What the network uses: how far the score falls when a part is taken
out of the scene. None of these numbers says anything alone: what knows neither network nor class (noise, a blob in
the centre, the picture's own edges) has to be scored beside it, and the same method on a network that learnt nothing
(Clark, Wilming and Haufe, XAI-TRIS, 2024).

Masks are scored against heat, (N, H, W) from 0 on: the sign and the colours are gone by then, and how they went changes
the score. `attribution.heatmap(…, reduce=…, clip=1)` does it, with the `reduce` of each method in `METHODS`; clip = 1,
since a clipped map has many maxima. Parts are scored against the signed attribution.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import sobel as slope
from scipy.stats import rankdata
from torch import Tensor, nn

from xaitutor.attribution.inputs import explaining, scores
from xaitutor.units.sensitivity import Interval, interval

# Where the object is


def pointing_game(heat: Tensor, mask: Tensor) -> Tensor:
    """Does the maximum lie on the object? (N,) bool, for heat (N, H, W) from 0 on and mask (N, H, W) bool.

    Zhang, Lin, Brandt, Shen and Sclaroff, Top-down Neural Attention by Excitation Backprop, ECCV 2016, here without their
    15 pixels of tolerance. Where the maximum is reached more than once, all of them must lie on the object, so that a
    constant map never hits. Raises ValueError for other shapes, values that are negative or not finite, empty masks.
    """
    _check(heat, mask)
    top = heat.amax(dim=(1, 2), keepdim=True)
    return ((heat < top) | mask).all(dim=2).all(dim=1)


def relevance_mass(heat: Tensor, mask: Tensor) -> Tensor:
    """The share of all heat that lies on the object: Σ_mask heat / Σ heat, (N,) in [0, 1]. As `pointing_game` takes it.

    Arras, Osman and Samek, CLEVR-XAI: A benchmark dataset for the ground truth evaluation of neural network
    explanations, Information Fusion 2022, equation 4. A constant map has the mask's share of the picture, and so
    does one that is zero everywhere, which says no more.
    """
    _check(heat, mask)
    heat = heat.double()
    heat = torch.where(heat.sum(dim=(1, 2), keepdim=True) > 0, heat, 1.0)
    return (heat * mask).sum(dim=(1, 2)) / heat.sum(dim=(1, 2))


def relevance_rank(heat: Tensor, mask: Tensor) -> Tensor:
    """Of the K hottest pixels, the share that lies on the object of K pixels: (N,) in [0, 1]. As `pointing_game` takes it.

    Arras, Osman and Samek 2022, equation 5. Where pixels as hot as the K-th would make more than K, what is left is
    drawn from them by lot, and this is its expectation: a constant map has the mask's share of the picture.
    """
    _check(heat, mask)
    heat, mask = heat.flatten(1).double(), mask.flatten(1)
    k = mask.sum(dim=1)
    last = heat.sort(dim=1, descending=True).values.gather(1, k[:, None] - 1)
    above, equal = heat > last, heat == last
    share = (equal & mask).sum(dim=1) / equal.sum(dim=1).double()
    return ((above & mask).sum(dim=1) + (k - above.sum(dim=1)) * share) / k


# What the network uses


def part_effects(model: nn.Module, x: Tensor, removed: Tensor, target: int | Sequence[int] | Tensor) -> Tensor:
    """How far the class's logit falls when a part is taken out of the scene: (N, parts), S_c(x) − S_c(without part).

    x: (N, C, H, W), normalised; removed: (N, parts, C, H, W), the same pictures drawn again without each part.
    target: a class for all or one for each picture. Hesse, Schaub-Meyer and Roth, FunnyBirds, ICCV 2023.
    """
    if removed.ndim != 5 or (len(removed), *removed.shape[2:]) != tuple(x.shape) or not removed.shape[1]:
        raise ValueError(f"expected pictures without each part, (N, parts, C, H, W), for x {tuple(x.shape)}; "
                         f"got {tuple(removed.shape)}")
    parts = removed.shape[1]
    with explaining(model, x) as x, torch.no_grad():
        classes = torch.as_tensor(target).expand(len(x))
        before = scores(model, x, classes)
        after = scores(model, removed.flatten(0, 1), classes.repeat_interleave(parts))
        return before[:, None] - after.reshape(-1, parts)


def part_relevance(attribution: Tensor, parts: Tensor) -> Tensor:
    """The signed attribution summed over colours and over each part's mask: (N, parts).

    attribution: (N, C, h, w), enlarged to the masks' size (bilinear) where it is smaller. parts: (N, parts, H, W) in
    [0, 1]; where an edge pixel is half the part's, half of its attribution is.
    """
    if attribution.ndim != 4 or parts.ndim != 4 or len(attribution) != len(parts):
        raise ValueError("expected an attribution (N, C, h, w) and as many masks (N, parts, H, W), got "
                         f"{tuple(attribution.shape)} and {tuple(parts.shape)}")
    signed = attribution.detach().double().sum(dim=1, keepdim=True)
    if signed.shape[2:] != parts.shape[2:]:
        signed = nn.functional.interpolate(signed, size=parts.shape[2:], mode="bilinear")
    return (signed * parts).sum(dim=(2, 3))


def effect_correlation(given: Tensor, effects: Tensor) -> Tensor:
    """Spearman's rank correlation between what each part was given and its effect: (N,) in [−1, 1].

    given: (N, parts) of `part_relevance`; effects: (N, parts) of `part_effects`. Ties share their mean rank. Parts that
    were all given the same are in no order: 0. Where all effects are the same there is no order to find: ValueError,
    leave such a scene out. Hesse, Schaub-Meyer and Roth 2023 (their part-wise comparison of importance).
    """
    if given.ndim != 2 or given.shape != effects.shape or given.shape[1] < 2:
        raise ValueError("expected two tables (N, parts) of one shape with at least 2 parts, got "
                         f"{tuple(given.shape)} and {tuple(effects.shape)}")
    if not (given.isfinite().all() and effects.isfinite().all()):
        raise ValueError("what the parts were given, or their effects, has values that are NaN or infinite")
    a, b = (_centred_ranks(table) for table in (given, effects))
    if (b == 0).all(dim=1).any():
        raise ValueError("all parts of a scene have the same effect: the network does not tell them apart; leave it out")
    lengths = a.norm(dim=1) * b.norm(dim=1)
    return (a * b).sum(dim=1) / torch.where(lengths > 0, lengths, 1.0)


def bootstrap(values: Tensor | np.ndarray) -> Interval:
    """The mean of one value a scene, (N,), with its 95 % percentile bootstrap interval: (value, low, high).

    Efron 1979; 1000 resamples of the scenes, seeded. For two methods on the same scenes take the differences:
    their interval is much narrower than the two intervals side by side suggest.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"expected one finite value for each of at least 2 scenes, got the shape {values.shape}"
                         + (" with NaN or infinity" if values.ndim == 1 and len(values) > 1 else ""))
    return interval(lambda weights: weights @ values, len(values))


# What knows nothing of the network: methods to compare with, (N, 1, H, W) from x (N, C, H, W)


def random(model: nn.Module, x: Tensor, target=None, *, seed: int = 0) -> Tensor:
    """Noise, N(0, 1): signed as the gradient is. Each picture has its own, the same in any batch; all else is ignored."""
    noise = torch.stack([torch.randn(1, *x.shape[2:], generator=_generator(picture, seed)) for picture in x])
    return noise.to(x)


def centre(model: nn.Module, x: Tensor, target=None, *, width: float = 0.25) -> Tensor:
    """A Gaussian blob in the middle, exp(−d² / 2σ²), σ = `width` times the side: photographers centre their objects."""
    rows, columns = (torch.linspace(-0.5, 0.5, side).to(x) for side in x.shape[2:])
    blob = torch.exp(-(rows[:, None] ** 2 + columns**2) / (2 * width**2))
    return blob.expand(len(x), 1, *blob.shape).clone()


def sobel(model: nn.Module, x: Tensor, target=None) -> Tensor:
    """The picture's own edges: the length of the Sobel gradient of its mean over colours."""
    grey = x.detach().cpu().double().mean(dim=1).numpy()
    # One by one: along all axes but its own SciPy's filter smooths, also from picture to picture.
    edges = np.stack([np.hypot(slope(picture, axis=0), slope(picture, axis=1)) for picture in grey])
    return torch.from_numpy(edges)[:, None].to(x)


BASELINES = {"random": random, "centre": centre, "sobel": sobel}


def _generator(picture: Tensor, seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(zlib.crc32(picture.detach().cpu().numpy().tobytes(), seed))


def _check(heat: Tensor, mask: Tensor) -> None:
    if heat.ndim != 3 or heat.shape != mask.shape or not heat.numel():
        raise ValueError("expected heat (N, H, W) and a mask of the same shape, got "
                         f"{tuple(heat.shape)} and {tuple(mask.shape)}")
    if mask.dtype != torch.bool:
        raise ValueError(f"expected a mask of True and False, got {mask.dtype}; mask > 0.5 makes one")
    if not mask.any(dim=2).any(dim=1).all():
        raise ValueError("a mask is empty: there is no object to find in that picture; leave it out")
    if not heat.isfinite().all() or heat.min() < 0:
        raise ValueError("heat must be finite and not negative; attribution.heatmap(…, clip=1) takes the sign away")


def _centred_ranks(table: Tensor) -> Tensor:
    ranks = torch.from_numpy(rankdata(table.detach().cpu().numpy(), axis=1))
    return ranks - ranks.mean(dim=1, keepdim=True)
