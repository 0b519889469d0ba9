"""Where is the object? Heat against its mask: pointing game, mass, rank accuracy.

None of these numbers says anything alone, nor what the network uses: what knows neither network nor class (`controls`) has to be
scored beside them, and the same method on a network that learnt nothing (Clark, Wilming and Haufe, XAI-TRIS, 2024).

Heat is (N, H, W), non-negative: sign and colours are reduced by then, and the reduction chosen affects the score.
`attribution.heatmap(…, reduce=…, clip=1)` does it, with the `reduce` of each method in `METHODS`; clip = 1, since a
clipped map has many maxima.
"""

from __future__ import annotations

import torch
from torch import Tensor

from xaitutor.attribution.inputs import require_tensors


def pointing_game(heat: Tensor, mask: Tensor) -> Tensor:
    """Does the maximum lie on the object? (N,) bool, for non-negative heat (N, H, W) and mask (N, H, W) bool.

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

    Arras, Osman and Samek 2022, equation 5. Where pixels as hot as the K-th would make more than K, the ties are
    broken at random, and this is its expectation: a constant map has the mask's share of the picture.
    """
    _check(heat, mask)
    heat, mask = heat.flatten(1).double(), mask.flatten(1)
    k = mask.sum(dim=1)
    last = heat.sort(dim=1, descending=True).values.gather(1, k[:, None] - 1)
    above, equal = heat > last, heat == last
    share = (equal & mask).sum(dim=1) / equal.sum(dim=1).double()
    return ((above & mask).sum(dim=1) + (k - above.sum(dim=1)) * share) / k


def _check(heat: Tensor, mask: Tensor) -> None:
    require_tensors(heat=heat, mask=mask)
    if heat.ndim != 3 or heat.shape != mask.shape or not heat.numel():
        raise ValueError("expected heat (N, H, W) and a mask of the same shape, got "
                         f"{tuple(heat.shape)} and {tuple(mask.shape)}")
    if mask.dtype != torch.bool:
        raise ValueError(f"expected a mask of True and False, got {mask.dtype}; mask > 0.5 makes one")
    if not mask.any(dim=2).any(dim=1).all():
        raise ValueError("a mask is empty: there is no object to find in that picture; leave it out")
    if not heat.isfinite().all() or heat.min() < 0:
        raise ValueError("heat must be finite and not negative; attribution.heatmap(…, clip=1) takes the sign away")
