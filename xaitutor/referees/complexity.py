"""Is the map simple? Few hot places are easier to read than many; that they are the right ones is another matter."""

from __future__ import annotations

import torch
from torch import Tensor

from xaitutor.attribution.inputs import require_tensors


def gini(attribution: Tensor) -> Tensor:
    """The Gini index of the absolute values: (N,) in [0, 1), 0 where all are the same, 1 − 1/n where one place has everything.

        Σ_k (2k − n − 1) a_(k) / (n Σ_k a_(k))          a_(1) ≤ … ≤ a_(n)

    attribution: (N, …), of which each image's values are taken together. A map of zeros has 0. Chalasani et al., Concise Explanations of Neural Networks using
    Adversarial Training, ICML 2020; the index: Hurley and Rickard, Comparing Measures of Sparsity, 2009.
    """
    require_tensors(attribution=attribution)
    values = attribution.detach().flatten(1).abs().double().sort(dim=1).values
    n = values.shape[1]
    rank = 2 * torch.arange(1, n + 1, dtype=torch.float64, device=values.device) - n - 1
    total = values.sum(dim=1)
    return torch.where(total > 0, (values * rank).sum(dim=1) / (n * total).clamp_min(torch.finfo(torch.float64).tiny), 0.0)


def entropy(attribution: Tensor, bins: int = 100) -> Tensor:
    """The entropy, in nats, of the histogram of each image's values in `bins` equal bins from the least to the largest: (N,) in [0, ln bins].

    0 where all values are the same. Hedström et al., A Fresh Look at Sanity Checks for Saliency Maps, 2024.
    """
    require_tensors(attribution=attribution)
    if not attribution.numel():
        raise ValueError(f"the attribution is empty: {tuple(attribution.shape)}")
    flat = attribution.detach().flatten(1).double()
    result = []
    for values in flat.cpu():
        share = torch.histc(values, bins) / len(values) if values.min() < values.max() else torch.ones(1, dtype=torch.float64)
        result.append(-(share * share.clamp_min(1e-300).log()).sum())
    return torch.stack(result).to(flat.device)
