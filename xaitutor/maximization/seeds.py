"""Random numbers that begin with a seed inside a block, and go on outside as if nothing had been."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch, NumPy and `random` for the block; their states are put back after it, also after an exception."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            torch.manual_seed(seed)
            np.random.seed(seed)
            random.seed(seed)
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
