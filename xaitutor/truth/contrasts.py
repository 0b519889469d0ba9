"""Paired truth: two situations that share everything but one thing. What changes in the explanation, against what changes in the truth.

| contrast | the same | changed |
|---|---|---|
| class | picture, network | the class that is explained: the true one, and the strongest other |
| network | picture, class | the network; each table is first divided by the sum of its absolute values |
| picture | network, class | one thing in the scene, inside the world (`situations`) |

What does not look at the class changes by nothing in the first, what does not look at the network in the second: it scores
exactly 0, whatever the picture looks like. In the picture contrast edges change with the picture, and controls are needed.
"""

from __future__ import annotations

import numpy as np

ROUNDING = 1e-6  # of the sum of absolute values: a smaller change is float32's


def change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """after − before for tables (N, regions); what is no more than rounding in float32 is exactly 0, so that ranks tie."""
    difference = after - before
    size = (np.abs(before) + np.abs(after)).sum(axis=-1, keepdims=True)
    return np.where(np.abs(difference) <= ROUNDING * size, 0.0, difference)


def shares(table: np.ndarray) -> np.ndarray:
    """Each row (…, regions) divided by the sum of its absolute values; a row of zeros stays one.

    Networks have logits, and methods gradients, of different sizes; this makes two networks comparable.
    """
    total = np.abs(table).sum(axis=-1, keepdims=True)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)


def asked(tables: np.ndarray, partner: np.ndarray) -> dict[str, np.ndarray]:
    """What each question is about, by its name, (N, regions): asked of the explanations and of the truth alike.

    tables: (3, N, regions), for the true class, for the strongest other, and for the true class in the changed scene;
    partner: (N, regions), the other network's for the true class. "rank" is the one question without a pair.
    """
    true_class, rival, changed = tables
    return {"rank": true_class, "class_contrast": change(rival, true_class),
            "network_contrast": change(shares(partner), shares(true_class)), "picture_contrast": change(true_class, changed)}
