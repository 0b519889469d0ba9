"""Limbs: a centre line with a thickness, and a coordinate system on its skin.

Everything that a menagerie animal is made of is a limb: trunk and tail, neck and leg, the cushion of a sofa. A point
on its skin is (u, v): u runs along it from 0 to 1, v across it from -1 (below) to 1 (above). Coats are drawn in
(u, v), so they follow the body however it bends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

_CAP = np.sin(np.linspace(0, np.pi / 2, 5)[1:])  # where a rounded end is sampled, in radii
_LEFT = np.array([1.0, -1.0])  # (x, y) turned left on the page is (y, -x)


@dataclass(frozen=True)
class Limb:
    """Sampled centre line `centre` (n, 2), dorsal unit normals `normal` (n, 2), radii `above` and `below` (n,)."""

    centre: np.ndarray
    normal: np.ndarray
    above: np.ndarray
    below: np.ndarray

    @cached_property
    def travelled(self) -> np.ndarray:
        """The arc length of the centre line up to each sample (n,), in body units."""
        step = self.centre[1:] - self.centre[:-1]
        return np.concatenate([[0], np.cumsum(np.hypot(step[:, 0], step[:, 1]))])

    @property
    def length(self) -> float:
        """The arc length of the whole centre line."""
        return float(self.travelled[-1])

    def at(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Points (…, 2) at the skin coordinates `u` in [0, 1] and `v` in [-1, 1]."""
        u = u * self.length
        along = (*self.centre.T, *self.normal.T, self.above, self.below)
        x, y, normal_x, normal_y, above, below = (np.interp(u, self.travelled, values) for values in along)
        reach = v * np.where(v > 0, above, below)
        return np.stack([x + reach * normal_x, y + reach * normal_y], axis=-1)

    def outline(self) -> np.ndarray:
        """The closed outline, (2n, 2)."""
        upper = self.centre + self.above[:, None] * self.normal
        lower = self.centre - self.below[:, None] * self.normal
        return np.concatenate([upper, lower[::-1]])


def spline(values) -> np.ndarray:
    """Catmull-Rom curve through `values` (k, …), five points a segment, ends included: (5k − 4, …)."""
    values = np.asarray(values, dtype=float)
    padded = np.concatenate([2 * values[:1] - values[1:2], values, 2 * values[-1:] - values[-2:-1]])[:, None]
    a, b, c, d = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = (np.arange(5) / 5).reshape(-1, *[1] * (values.ndim - 1))
    pieces = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.concatenate([pieces.reshape(-1, *values.shape[1:]), values[-1:]])


def limb(points, above, below=None) -> Limb:
    """A limb with rounded ends through `points` (k, 2), as thick as `above` and `below` (k,) say (below = above where None).

    Image coordinates: y grows downwards; v = 1 is the side to the left of the direction of travel on the page, which is the
    upper side of a limb that runs from left to right.
    """
    return limbs(np.asarray(points, float)[:, None], above, below)[0]


def limbs(points: np.ndarray, above, below=None) -> list[Limb]:
    """Limbs of the same thickness, through `points` (k, m, 2): m at once take hardly longer than one."""
    given = np.empty((*points.shape[:2], 4))
    given[..., :2] = points
    given[..., 2] = np.reshape(above, (-1, 1))
    given[..., 3] = np.reshape(above if below is None else below, (-1, 1))
    skeleton = spline(given)
    sample, beyond, thin = _rounded(len(skeleton))
    tangent = _slope(skeleton[..., :2]).take(sample, axis=0)
    tangent /= np.hypot(tangent[..., 0], tangent[..., 1])[..., None]
    skeleton = skeleton.take(sample, axis=0)
    centre, above, below = skeleton[..., :2], skeleton[..., 2], skeleton[..., 3]
    centre = centre + (beyond * (above + below) / 2)[..., None] * tangent
    normal, above, below = tangent[..., ::-1] * _LEFT, thin * above, thin * below
    return [Limb(centre[:, i], normal[:, i], above[:, i], below[:, i]) for i in range(points.shape[1])]


def _slope(curve: np.ndarray) -> np.ndarray:
    """Central differences along a curve (n, …), one-sided at its ends."""
    slope = np.empty_like(curve)
    slope[1:-1] = (curve[2:] - curve[:-2]) / 2
    slope[0], slope[-1] = curve[1] - curve[0], curve[-1] - curve[-2]
    return slope


@cache  # by the number of samples, of which few occur
def _rounded(samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What rounds the ends of a limb: which sample each of its points comes from (n,), the ends coming four times more; how many
    radii it is moved along the tangent, and by what its radii are multiplied, (n, 1)."""
    cap = len(_CAP)
    sample = np.clip(np.arange(-cap, samples + cap), 0, samples - 1)
    beyond = np.concatenate([-_CAP[::-1], np.zeros(samples), _CAP])[:, None]
    return sample, beyond, np.sqrt(1 - beyond**2)


def blob(centre, width: float, height: float, corners: int = 14) -> np.ndarray:
    """Outline (corners, 2) of an upright ellipse with half axes `width` and `height`."""
    return _circle(corners) * [width, height] + centre


@cache
def _circle(corners: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def turn(vector, degrees: float) -> np.ndarray:
    """`vector` (…, 2) turned anticlockwise on the page (y grows downwards)."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return np.asarray(vector, float) @ [[cosine, -sine], [sine, cosine]]
