"""What a picture could look like where pixels are missing: each the mean of its neighbours, and a little noise (ROAD).

A hidden pixel v_p solves Σ_q w_pq (v_p − v_q) = 0 over its eight neighbours q, w = 1/6 beside and above, 1/12 across: one sparse linear system
for all hidden pixels together. Plain areas and even slopes come out as they were; what had edges is smooth.

Rong, Leemann, Borisov, Kasneci and Kasneci, A Consistent and Efficient Evaluation Strategy for Attribution Methods, ICML 2022.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve
from torch import Tensor

_NEIGHBOURS = {(0, 1): 1 / 6, (1, 0): 1 / 6, (1, 1): 1 / 12, (1, -1): 1 / 12}  # and their opposites


def imputed(image: Tensor, hidden: Tensor, noise: float = 0.01, generator: torch.Generator | None = None) -> Tensor:
    """The image (C, H, W) with the pixels where `hidden` (H, W) is True filled in from their neighbours; the others stay as they are.

    noise: the standard deviation of what is added, so that a network cannot tell filled places by their smoothness; in the image's own units.
    Where all is hidden, it is the mean colour. Raises ValueError for other shapes, or a mask that is not of True and False.
    """
    if image.ndim != 3 or hidden.shape != image.shape[1:] or hidden.dtype != torch.bool:
        raise ValueError(f"expected an image (C, H, W) and a mask (H, W) of True and False, got {tuple(image.shape)} and {hidden.dtype} of "
                         f"{tuple(hidden.shape)}")
    if not hidden.any():
        return image.clone()
    filled = image.mean(dim=(1, 2), keepdim=True).expand_as(image) if hidden.all() else _solved(image, hidden)
    shake = noise * torch.randn(image.shape, generator=generator).to(image)
    return torch.where(hidden, filled + shake, image)


def _solved(image: Tensor, hidden: Tensor) -> Tensor:
    """Without noise."""
    values, mask = image.detach().cpu().double().flatten(1).numpy().T, hidden.cpu().numpy()
    number = np.full(mask.size, -1)
    number[mask.ravel()] = np.arange(mask.sum())
    here, there, weights = _edges(mask.shape)
    mine = mask.ravel()[here]
    here, there, weights = here[mine], there[mine], weights[mine]
    row, unknown = number[here], mask.ravel()[there]
    n = int(mask.sum())
    system = coo_matrix((weights, (row, row)), (n, n)) - coo_matrix((weights[unknown], (row[unknown], number[there[unknown]])), (n, n))
    right = np.zeros((n, values.shape[1]))
    np.add.at(right, row[~unknown], weights[~unknown, None] * values[there[~unknown]])
    solution = spsolve(system.tocsc(), right).reshape(n, -1)
    values = values.copy()
    values[mask.ravel()] = solution
    return torch.from_numpy(values.T.reshape(image.shape)).to(image)


def _edges(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of neighbours, both ways: pixel, neighbour, weight."""
    index, pairs = np.arange(np.prod(size)).reshape(size), []
    for (down, right), weight in _NEIGHBOURS.items():
        first = index[: size[0] - down, max(-right, 0): size[1] - max(right, 0)].ravel()
        second = index[down:, max(right, 0): size[1] - max(-right, 0)].ravel()
        pairs += [(first, second, weight), (second, first, weight)]
    return (np.concatenate([a for a, _, _ in pairs]), np.concatenate([b for _, b, _ in pairs]),
            np.concatenate([np.full(len(a), w) for a, _, w in pairs]))
