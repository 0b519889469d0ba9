"""Probes: the direction in which a linear classifier goes from pictures without a concept to pictures with it.

Alain and Bengio, Understanding intermediate layers using linear classifier probes, 2016; as *concept activation vectors*: Kim et al., Interpretability
beyond feature attribution, ICML 2018. A probe finds what the layer knows. Whether the network uses it is another question (`tcav`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from xaitutor.concepts.basis import Basis

STRENGTH, STEPS = 0.1, 2000  # of scikit-learn's logistic regression: its C, on channels with mean 0 and deviation 1


def concept_vector(with_it: Tensor, without: Tensor) -> Tensor:
    """The unit vector (D,) that points from activations without a concept to activations with it.

    with_it (n, D), without (m, D): one activation a picture, `pooled` or flattened. The normal of the logistic regression's boundary. Raises ValueError for
    fewer than two pictures on a side, and for activations that are not finite.
    """
    rows, labels = _checked(with_it, without)
    fitted = _classifier().fit(rows, labels)
    vector = fitted[-1].coef_[0] / fitted[0].scale_
    return torch.from_numpy(vector / np.linalg.norm(vector)).to(with_it)


def accuracy(with_it: Tensor, without: Tensor, folds: int = 5) -> float:
    """The share of pictures that the probe tells rightly when it was fitted on the others (cross-validation); balanced: ½ is chance.

    Raises ValueError as `concept_vector` does, and for fewer pictures on a side than `folds`.
    """
    rows, labels = _checked(with_it, without)
    if min(labels.sum(), (~labels).sum()) < folds:
        raise ValueError(f"{folds} folds need at least as many pictures with the concept and without, not {labels.sum()} and {(~labels).sum()}")
    return float(cross_val_score(_classifier(), rows, labels, scoring="balanced_accuracy", cv=folds).mean())


def probes(rows: Tensor, labels: Sequence[Sequence[bool]]) -> Basis:
    """A basis of one probe a concept: rows (n, C) of `pooled` activations, labels (concepts, n), which pictures have it.

    A probe's activation is how far the activation goes along its direction, below 0 where it goes the other way.
    """
    directions = torch.stack([concept_vector(rows[torch.as_tensor(has)], rows[~torch.as_tensor(has)]) for has in np.asarray(labels, dtype=bool)])
    return Basis(directions, lambda a: torch.einsum("kc,nchw->nkhw", directions.to(a), a))


def _classifier() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=STEPS, class_weight="balanced"))


def _checked(with_it: Tensor, without: Tensor) -> tuple[np.ndarray, np.ndarray]:
    for name, rows in (("with_it", with_it), ("without", without)):
        if not isinstance(rows, Tensor) or rows.ndim != 2 or len(rows) < 2:
            raise ValueError(f"{name} is one activation for each of at least 2 pictures, (n, D), not {getattr(rows, 'shape', type(rows).__name__)}")
        if not rows.isfinite().all():
            raise ValueError(f"{name} has activations that are NaN or infinite")
    if with_it.shape[1] != without.shape[1]:
        raise ValueError(f"the activations have {with_it.shape[1]} numbers with the concept and {without.shape[1]} without")
    rows = torch.cat([with_it, without]).detach().double().cpu().numpy()
    return rows, np.arange(len(rows)) < len(with_it)
