"""How alike are two maps, or a map and a mask? The measures of agreement that the field took over from the study of eye movements.

Maps are (N, H, W), masks (N, H, W) of True and False; each function gives (N,). `similarity`, `kl_divergence`, and what has a threshold, `dice` and
`iou`, need heat: values from 0 on. A map without any differences is like no other: correlations are 0 there.

Bylinskii, Judd, Oliva, Torralba and Durand, What do different evaluation metrics tell us about saliency models?, IEEE TPAMI 2019.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import rankdata
from skimage.metrics import structural_similarity
from torch import Tensor

from xaitutor.adversarial.similarity import dice
from xaitutor.attribution.inputs import require_tensors

__all__ = ["auc_borji", "auc_judd", "dice", "iou", "kl_divergence", "nss", "pearson", "rank_correlation", "similarity", "ssim"]
_EPSILON = 1e-12


def pearson(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's correlation over the places ("CC"), in [−1, 1]: 1 where one map is the other times a positive factor, plus a number."""
    a, b = (one.flatten(1).double() for one in _two_maps(first, second))
    a, b = a - a.mean(dim=1, keepdim=True), b - b.mean(dim=1, keepdim=True)
    length = a.norm(dim=1) * b.norm(dim=1)
    return torch.where(length > 0, (a * b).sum(dim=1) / length.clamp_min(torch.finfo(torch.float64).tiny), 0.0)


def rank_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's correlation over the places, in [−1, 1]; places of the same value share their mean rank."""
    a, b = (torch.from_numpy(rankdata(one.detach().cpu().flatten(1).numpy(), axis=1)).view(one.shape) for one in _two_maps(first, second))
    return pearson(a, b).to(first.device)


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """The structural similarity (Wang et al. 2004), at most 1, of two maps that are each scaled to [0, 1] first, as Adebayo et al. do."""
    a, b = (_unit(one).cpu().numpy() for one in _two_maps(first, second))
    side = min(7, *a.shape[1:])
    side -= 1 - side % 2
    if side < 3:
        raise ValueError(f"maps of {a.shape[1]} × {a.shape[2]} places are too small for the structural similarity; enlarge them first")
    found = [structural_similarity(one, other, win_size=side, data_range=1.0) for one, other in zip(a, b)]
    return torch.tensor(found, dtype=torch.float64, device=first.device)


def similarity(first: Tensor, second: Tensor) -> Tensor:
    """SIM, what two distributions have in common: Σ min(p, q) of the maps divided by their sums, in [0, 1]."""
    p, q = (_distribution(one) for one in _two_maps(first, second))
    return torch.minimum(p, q).sum(dim=1)


def kl_divergence(first: Tensor, second: Tensor) -> Tensor:
    """The Kullback–Leibler divergence of the first map, p, from the second, the true one, q: Σ q ln(q / (p + ε) + ε), ε = 1e-12. 0 where they are the same.

    Not symmetric: it punishes the first for what it leaves out. As the MIT saliency benchmark has it.
    """
    p, q = (_distribution(one) for one in _two_maps(first, second))
    return (q * (q / (p + _EPSILON) + _EPSILON).log()).sum(dim=1)


def auc_judd(heat: Tensor, mask: Tensor) -> Tensor:
    """The probability that a place in the mask is hotter than one outside (half where they are equal): the area under the ROC curve, in [0, 1].

    Exactly that area, by ranks (Mann and Whitney); Judd et al. 2009 take the mask's places as thresholds and come near it.
    """
    values, inside = _map_and_mask(heat, mask)
    ranks = torch.from_numpy(rankdata(values.cpu().numpy(), axis=1)).to(values)
    positive, negative = inside.sum(dim=1), (~inside).sum(dim=1)
    if not negative.all():
        raise ValueError("a mask covers the whole picture: there is nothing to tell it from")
    return ((ranks * inside).sum(dim=1) - positive * (positive + 1) / 2) / (positive * negative)


def auc_borji(heat: Tensor, mask: Tensor, samples: int = 1000, seed: int = 0) -> Tensor:
    """As `auc_judd`, of places in the mask against places drawn from *all* of the picture, `samples` of each with repetition: (N,) in [0, 1].

    Borji, Sihite and Itti 2013. Where the mask is large it lies nearer to ½ than Judd's, since drawn places lie in the mask, too.
    """
    values, inside = _map_and_mask(heat, mask)
    generator, found = torch.Generator().manual_seed(seed), []
    for one, where in zip(values.cpu(), inside.cpu()):
        hits = one[where]
        hot = hits[torch.randint(len(hits), (samples,), generator=generator)]
        drawn = one[torch.randint(len(one), (samples,), generator=generator)]
        both = torch.cat([hot, drawn])[None, None]
        found.append(auc_judd(both, (torch.arange(2 * samples) < samples)[None, None])[0])
    return torch.stack(found).to(heat.device)


def nss(heat: Tensor, mask: Tensor) -> Tensor:
    """Normalised scanpath saliency: the mean over the mask of the map in standard deviations from its own mean. 0 for a map in random order or a plain one.

    Peters, Iyer, Itti and Koch 2005.
    """
    values, inside = _map_and_mask(heat, mask)
    spread = values.std(dim=1, correction=0, keepdim=True)
    scores = torch.where(spread > 0, (values - values.mean(dim=1, keepdim=True)) / spread.clamp_min(torch.finfo(torch.float64).tiny), 0.0)
    return (scores * inside).sum(dim=1) / inside.sum(dim=1)


def iou(first: Tensor, second: Tensor, threshold: float = 0.2) -> Tensor:
    """|A ∩ B| / |A ∪ B| of the places hotter than `threshold` times their map's maximum, in [0, 1]: Dice / (2 − Dice). As `dice`. Jaccard 1901."""
    both = dice(first, second, threshold)
    return both / (2 - both)


def _two_maps(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    require_tensors(first=first, second=second)
    if first.ndim != 3 or first.shape != second.shape or not first.numel():
        raise ValueError(f"expected two maps (N, H, W) of one shape, got {tuple(first.shape)} and {tuple(second.shape)}")
    if not (first.isfinite().all() and second.isfinite().all()):
        raise ValueError("a map has values that are NaN or infinite")
    return first.detach(), second.detach()


def _map_and_mask(heat: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    require_tensors(heat=heat, mask=mask)
    if mask.dtype != torch.bool:
        raise ValueError(f"expected a mask of True and False, got {mask.dtype}; mask > 0.5 makes one")
    _two_maps(heat, mask)
    if not mask.flatten(1).any(dim=1).all():
        raise ValueError("a mask is empty: there is no place in it")
    return heat.detach().flatten(1).double(), mask.flatten(1)


def _distribution(heat: Tensor) -> Tensor:
    if heat.min() < 0:
        raise ValueError("heat must not be negative; attribution.heatmap takes the sign away")
    flat = heat.flatten(1).double()
    total = flat.sum(dim=1, keepdim=True)
    return torch.where(total > 0, flat / total.clamp_min(torch.finfo(torch.float64).tiny), 1 / flat.shape[1])


def _unit(values: Tensor) -> Tensor:
    flat = values.double()
    least, most = flat.amin(dim=(1, 2), keepdim=True), flat.amax(dim=(1, 2), keepdim=True)
    return (flat - least) / (most - least).clamp_min(np.finfo(float).tiny)
