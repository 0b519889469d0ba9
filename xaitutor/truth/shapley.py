"""Shapley values: what each player adds to a game, on average over all orders in which the players may come.

A game of n players is a table of the 2ⁿ values of its coalitions. In coalition S player i is there where bit i of S is 1:
the first value is that of nobody, the last that of all.

    φ_i = Σ_S |S|! (n − 1 − |S|)! / n! · (v(S ∪ i) − v(S))          over all S without i

Shapley, A value for n-person games, 1953. All coalitions are there: nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import comb

import numpy as np


def shapley_values(values: np.ndarray) -> np.ndarray:
    """The Shapley values of games, (…, n), from the values of their coalitions, (…, 2ⁿ). They add up to v(all) − v(nobody).

    Raises ValueError for a number of values that is no power of two (from two on), and for values that are not finite.
    """
    values = _checked(values)
    return values @ _weights(values.shape[-1].bit_length() - 1)


def left_out(values: np.ndarray) -> np.ndarray:
    """What is lost where one player alone leaves, v(all) − v(all but i): (…, n), from (…, 2ⁿ)."""
    values = _checked(values)
    everybody = values.shape[-1] - 1
    return values[..., -1:] - values[..., [everybody ^ 1 << i for i in range(everybody.bit_length())]]


def merged(values: np.ndarray, groups: Sequence[Sequence[int]]) -> np.ndarray:
    """The game in which the players of each group come and go together: (…, 2^groups), from (…, 2ⁿ).

    Raises ValueError unless each player is in exactly one group.
    """
    values = _checked(values)
    n = values.shape[-1].bit_length() - 1
    if sorted(player for group in groups for player in group) != list(range(n)):
        raise ValueError(f"each of the players 0 to {n - 1} must be in exactly one group, got {groups}")
    bits = [sum(1 << player for player in group) for group in groups]
    return values[..., [sum(b for i, b in enumerate(bits) if subset >> i & 1) for subset in range(2 ** len(bits))]]


def _checked(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    number = values.shape[-1] if values.ndim else 0
    if number < 2 or number & (number - 1):
        raise ValueError(f"expected the values of all 2ⁿ coalitions in the last axis, got the shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("some coalitions have values that are NaN or infinite")
    return values


@lru_cache(maxsize=8)
def _weights(n: int) -> np.ndarray:
    """How much each coalition's value counts for each player, (2ⁿ, n): for those in it +, for the others −."""
    table = np.empty((2**n, n))
    for subset in range(2**n):
        size = subset.bit_count()
        inside = np.array([subset >> i & 1 for i in range(n)], dtype=bool)
        table[subset] = np.where(inside, 1 / (n * comb(n - 1, max(size - 1, 0))), -1 / (n * comb(n - 1, min(size, n - 1))))
    return table
