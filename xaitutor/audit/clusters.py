"""SpRAy: explanations of many pictures, sorted by what they look like, so that a person has to look at a few kinds of them and not at all.

Lapuschkin, Wäldchen, Binder, Montavon, Samek and Müller, Unmasking Clever Hans predictors and assessing what machines really learn, Nature
Communications 2019.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import eigvalsh
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from xaitutor.attribution.inputs import at_least_one

MOST = 8  # kinds that the eigengap chooses from


class Clusters(NamedTuple):
    """`labels` (N,), counted from 0, the largest cluster first; the smallest `eigenvalues` of the graph's Laplacian, the first of which is 0."""

    labels: np.ndarray
    eigenvalues: np.ndarray


def spray(heat: Tensor, clusters: int | None = None, *, side: int = 8, neighbours: int = 8) -> Clusters:
    """Sort N maps (N, H, W) into clusters.

    Each map is averaged to side × side places and brought to length 1; each is joined to its nearest `neighbours` (and to whoever has it among theirs);
    spectral clustering cuts that graph. clusters: how many, or None for the eigengap: the normalised Laplacian I − D^(−½) A D^(−½) has one eigenvalue
    of 0 for each part of the graph that is joined to no other, and a small one for each that nearly is; the number after which they jump most, from 2
    to 8. Only where the heat lies counts, not how much there is of it. The same maps, the same clusters.

    Raises ValueError for another shape, values that are not finite, or fewer maps than neighbours or clusters ask for.
    """
    from sklearn.cluster import SpectralClustering

    at_least_one(side=side, neighbours=neighbours)
    _check(heat, clusters, neighbours)
    joined = affinity(heat, side, neighbours)
    values = eigvalsh(laplacian(joined))[: MOST + 1]
    count = int(np.diff(values)[1:].argmax()) + 2 if clusters is None else clusters
    if count == 1:
        return Clusters(np.zeros(len(heat), int), values)
    everybody = joined + 1e-9  # a graph in parts has no unique embedding, so that all are joined a little
    found = SpectralClustering(count, affinity="precomputed", assign_labels="cluster_qr", random_state=0).fit_predict(everybody)
    order = np.argsort(-np.bincount(found, minlength=count), kind="stable")
    return Clusters(np.argsort(order)[found], values)


def affinity(heat: Tensor, side: int, neighbours: int) -> np.ndarray:
    """Who is joined to whom, (N, N) of 0 and 1, symmetric, nobody to itself."""
    from sklearn.neighbors import kneighbors_graph

    small = adaptive_avg_pool2d(heat.detach().double()[:, None], side).flatten(1)
    small = small / small.norm(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
    graph = kneighbors_graph(small.cpu().numpy(), neighbours).toarray()
    return np.maximum(graph, graph.T)


def laplacian(joined: np.ndarray) -> np.ndarray:
    """I − D^(−½) A D^(−½), with the degrees D of the graph A; its eigenvalues lie in [0, 2]."""
    root = np.sqrt(joined.sum(axis=1))
    return np.eye(len(joined)) - joined / np.outer(root, root)


def _check(heat: Tensor, clusters: int | None, neighbours: int) -> None:
    if heat.ndim != 3 or not heat.isfinite().all():
        raise ValueError(f"expected finite maps (N, H, W), got {tuple(heat.shape)}" + (" with NaN or infinity" if heat.ndim == 3 else ""))
    if clusters is not None:
        at_least_one(clusters=clusters)
    needed = max(neighbours + 1, clusters or MOST + 1)
    if len(heat) < needed:
        raise ValueError(f"{len(heat)} maps are too few for {neighbours} neighbours" + (f" and {clusters} clusters" if clusters else "")
                         + f"; it takes {needed}")
