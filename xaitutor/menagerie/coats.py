"""Coats: the marks on a limb, as outlines in its skin coordinates (u, v).

A coat is a function ``(limb, draw) -> outlines (n, k, 2)``, where `draw` is the scene's random stream for this limb.
The outlines never leave the limb: v is clipped, so the marks of one part can never stain another.
"""

from __future__ import annotations

import numpy as np

from xaitutor.menagerie.geometry import Limb

_EDGE = 0.97  # marks end just inside the outline


def _plain(limb: Limb, draw) -> np.ndarray:
    return np.empty((0, 3, 2))


def _stripes(limb: Limb, draw) -> np.ndarray:
    """Bands across, which wobble and run thin towards the belly."""
    count = max(3, round(limb.length / 0.115))
    centre = (np.arange(count)[:, None] + 0.5 + 0.3 * (draw.random((count, 1)) - 0.5)) / count
    width = (0.20 + 0.12 * draw.random((count, 1))) / count
    end = np.where(draw.random((count, 1)) < 0.35, -0.2, -_EDGE)
    t = np.linspace(0, 1, 6)
    v = _EDGE + (end - _EDGE) * t
    bend = (0.22 / count) * np.sin(3.2 * t + 6.3 * draw.random((count, 1)))
    taper = width * np.where(end > -0.5, 1 - 0.9 * t, 1 - 0.35 * t)
    u = np.concatenate([centre + bend - taper, (centre + bend + taper)[:, ::-1]], axis=1)
    return limb.at(np.clip(u, 0, 1), np.concatenate([v, v[:, ::-1]], axis=1))


def _spots(limb: Limb, draw) -> np.ndarray:
    return _scatter(limb, draw, spacing=0.118, radius=0.036, corners=7, jitter=0.45, wobble=0.35)


def _patches(limb: Limb, draw) -> np.ndarray:
    """A giraffe's: polygons that nearly touch."""
    return _scatter(limb, draw, spacing=0.17, radius=0.088, corners=6, jitter=0.16, wobble=0.18)


def _blotches(limb: Limb, draw) -> np.ndarray:
    """A cow's: few, large, of any form."""
    return _scatter(limb, draw, spacing=0.36, radius=0.17, corners=9, jitter=0.55, wobble=0.6, chance=0.72)


def _saddle(limb: Limb, draw) -> np.ndarray:
    """A husky's: the back dark, the belly light, a ragged border between."""
    u = np.linspace(0, 1, 14)
    border = np.clip(0.3 * np.sin(9 * u + 6.3 * draw.random()) * draw.random() + 0.16 * (draw.random(14) - 0.5), -_EDGE, 0.8)
    return limb.at(np.concatenate([u, u[::-1]]), np.concatenate([np.full(14, _EDGE), border[::-1]]))[None]


def _scatter(limb: Limb, draw, spacing, radius, corners, jitter, wobble, chance: float = 1.0) -> np.ndarray:
    """Blobs on a staggered grid over the skin; lengths in body units."""
    thickness = float((limb.above + limb.below).mean())
    rows = max(1, round(thickness / spacing))
    columns = max(2, round(limb.length / spacing))
    n = rows * columns
    row, column = np.divmod(np.arange(n), columns)
    u = (column + 0.5 + 0.5 * (row % 2) - 0.25 + jitter * (draw.random(n) - 0.5)) / columns
    v = 2 * (row + 0.5 + jitter * (draw.random(n) - 0.5)) / rows - 1
    angle = np.arange(corners) * (2 * np.pi / corners) + 6.3 * draw.random((n, 1))
    reach = radius * (1 + wobble * (draw.random((n, corners)) - 0.5)) * (0.8 + 0.4 * draw.random((n, 1)))
    keep = draw.random(n) < chance
    u = u[:, None] + reach * np.cos(angle) / limb.length
    v = v[:, None] + 2 * reach * np.sin(angle) / thickness
    return limb.at(np.clip(u, 0, 1), np.clip(v, -_EDGE, _EDGE))[keep]


MARKS = {"plain": _plain, "stripes": _stripes, "spots": _spots, "patches": _patches, "blotches": _blotches, "saddle": _saddle}
