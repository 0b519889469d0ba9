"""FEM: the places where many features are unusually strong, without a gradient and without a class.

Feature based Explanation Method (Fuad, Martin, Giot, Bourqui, Benois-Pineau and Zemmari, Features Understanding in 3D
CNNs for Actions Recognition in Video, IPTA 2020; Ayyar, Benois-Pineau and Zemmari's review of white box methods,
section 5.3), with the mean μ_k and the standard deviation σ_k of each feature map A_k:

    B_k = 1 where A_k > μ_k + K σ_k, else 0          L = Σ_k μ_k B_k
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xaitutor.attribution.last_maps import forward


def fem(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    layer: str | None = None, k: float = 1.0,
) -> Tensor:
    """Feature explanation: (N, 1, h, w), the sum of the maps' K-sigma masks, each weighted by its map's mean.

    x: (N, C, H, W), normalised. target: ignored, since FEM explains no class; it is there because every method has
    one. layer: a name from `model.named_modules()`; by default the last feature map. k: the K of K-sigma, above 0; 1 in
    the paper. 1 forward pass.

    Among n places none lies more than √(n − 1) standard deviations above their mean. Raises ValueError where k is not
    below that, since all would come out zero: at k = 2 a map must have more than 5 places. Equality is not
    above: the review prints ≥, by which each place of a constant map would be a rare one.
    """
    if not k > 0:
        raise ValueError(f"k must be above 0, a number of standard deviations, not {k}")
    maps, _, _ = forward(model, x, layer)
    places = maps.shape[2:].numel()
    if k * k >= places - 1:
        raise ValueError(f"of {tuple(maps.shape[2:])} = {places} places none can lie {k} standard deviations above "
                         f"their mean, at most √({places} − 1) = {(places - 1) ** 0.5:.2f}: all would be zero; take a "
                         "smaller k, a larger picture, or an earlier layer: layer=…")
    deviation, mean = torch.std_mean(maps, dim=(2, 3), keepdim=True, correction=0)
    return (mean * (maps > mean + k * deviation)).sum(dim=1, keepdim=True)
