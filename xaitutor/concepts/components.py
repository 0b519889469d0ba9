"""Components: directions that explain a layer's activations by adding up, and never by taking away.

    A ≈ U W,    A (places, C), U (places, k), W (k, C), all ≥ 0

Non-negative matrix factorisation: Lee and Seung, Learning the parts of objects, Nature 1999; of activations: Olah et al., The building blocks of
interpretability, Distill 2018, and CRAFT, Fel et al. 2023. The factorisation is scikit-learn's.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from xaitutor.concepts.basis import Basis, as_maps, require_activations, vectors

STEPS = 400  # of coordinate descent
PLACES = 6000  # that are looked at


def components(a: Tensor, k: int, seed: int = 0) -> Basis:
    """`k` components of activations a (N, C, h, w) behind a ReLU: a `Basis`, each direction of length 1.

    Of more than `PLACES` places, as many are drawn at random. `seed`: draws them, and where the search begins; another seed may find other components. A
    feature's activation in new pictures is the non-negative least squares solution for the components that were found.

    Raises ValueError for negative activations (take a layer behind a ReLU), and for k not between 1 and the number of channels.
    """
    require_activations(a, k)
    if not 1 <= k <= a.shape[1]:
        raise ValueError(f"k is a number of components between 1 and the {a.shape[1]} channels, not {k}")
    if a.min() < 0:
        raise ValueError(f"components are for activations that are not negative, and here is {a.min():.3g}; take a layer behind a ReLU")
    rows = _drawn(vectors(a), seed)
    model = NMF(k, init="nndsvdar", max_iter=STEPS, random_state=seed, tol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits of an approximation
        model.fit(rows)
    lengths = np.linalg.norm(model.components_, axis=1, keepdims=True).clip(1e-12)
    model.components_ = (model.components_ / lengths).astype(rows.dtype)
    return Basis(torch.from_numpy(model.components_).to(a), lambda new: _encoded(model, new))


def _drawn(rows: Tensor, seed: int) -> np.ndarray:
    generator = torch.Generator().manual_seed(seed)
    return rows[torch.randperm(len(rows), generator=generator)[:PLACES]].cpu().numpy()


def _encoded(model: NMF, a: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = model.transform(vectors(a).clamp_min(0).cpu().numpy())
    return as_maps(torch.from_numpy(found).to(a), a)
