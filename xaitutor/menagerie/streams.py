"""Random streams: each detail of each scene has one of its own, so that changing one factor never moves another."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, detail: str) -> np.random.Generator:
    """The random stream of one detail of one scene."""
    return np.random.default_rng([seed, zlib.crc32(detail.encode())])
