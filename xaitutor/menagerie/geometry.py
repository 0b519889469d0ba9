"""Limbs: a centre line with a thickness, and a coordinate system on its skin.

Everything that a menagerie animal is made of is a limb: trunk and tail, neck and leg, the cushion of a sofa. A point
on its skin is (u, v): u runs along it from 0 to 1, v across it from -1 (below) to 1 (above). Coats are drawn in
(u, v), so they follow the body however it bends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_CAP = np.sin(np.linspace(0, np.pi / 2, 5)[1:])  # where a rounded end is sampled, in radii


@dataclass(frozen=True)
class Limb:
    """Sampled centre line `centre` (n, 2), dorsal unit normals `normal` (n, 2), radii `above` and `below` (n,)."""

    centre: np.ndarray
    normal: np.ndarray
    above: np.ndarray
    below: np.ndarray
    along: np.ndarray  # arc length of each sample, from 0 to 1
    length: float

    def at(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Points (…, 2) at the skin coordinates `u` in [0, 1] and `v` in [-1, 1]."""
        reach = v * np.where(v > 0, np.interp(u, self.along, self.above), np.interp(u, self.along, self.below))
        column = [np.interp(u, self.along, self.centre[:, i]) + reach * np.interp(u, self.along, self.normal[:, i]) for i in (0, 1)]
        return np.stack(column, axis=-1)

    def outline(self) -> np.ndarray:
        """The closed outline, (2n, 2)."""
        upper = self.centre + self.above[:, None] * self.normal
        lower = self.centre - self.below[:, None] * self.normal
        return np.concatenate([upper, lower[::-1]])


def spline(values, samples: int = 5) -> np.ndarray:
    """Catmull-Rom curve through `values` (k, …), `samples` points a segment, ends included."""
    values = np.asarray(values, dtype=float)
    padded = np.concatenate([2 * values[:1] - values[1:2], values, 2 * values[-1:] - values[-2:-1]])
    t = np.linspace(0, 1, samples, endpoint=False).reshape(-1, *[1] * (values.ndim - 1))
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:]):
        pieces.append(b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))))
    return np.concatenate([*pieces, values[-1:]])


def limb(points, above, below=None) -> Limb:
    """A limb with rounded ends through `points` (k, 2), as thick as `above` and `below` (k,) say (below = above where None).

    Image coordinates: y grows downwards; v = 1 is the side to the left of the direction of travel on the page, which is the
    upper side of a limb that runs from left to right.
    """
    skeleton = spline(np.column_stack([np.asarray(points, float), above, above if below is None else below]))
    centre, radii = skeleton[:, :2], skeleton[:, 2:]
    tangent = np.gradient(centre, axis=0)
    tangent /= np.hypot(tangent[:, 0], tangent[:, 1])[:, None]
    thin = np.sqrt(1 - _CAP**2)[:, None]
    reach = _CAP[:, None]
    centre = np.concatenate([
        (centre[0] - reach * radii[0].mean() * tangent[0])[::-1], centre, centre[-1] + reach * radii[-1].mean() * tangent[-1]])
    radii = np.concatenate([(thin * radii[0])[::-1], radii, thin * radii[-1]])
    tangent = np.concatenate([np.repeat(tangent[:1], 4, 0), tangent, np.repeat(tangent[-1:], 4, 0)])
    normal = np.column_stack([tangent[:, 1], -tangent[:, 0]])
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(centre, axis=0).T))])
    return Limb(centre, normal, radii[:, 0], radii[:, 1], along / along[-1], along[-1])


def blob(centre, width: float, height: float, corners: int = 14) -> np.ndarray:
    """Outline (corners, 2) of an upright ellipse with half axes `width` and `height`."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.column_stack([centre[0] + width * np.cos(angle), centre[1] + height * np.sin(angle)])


def turn(vector, degrees: float) -> np.ndarray:
    """`vector` (…, 2) turned anticlockwise on the page (y grows downwards)."""
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(vector, float) @ matrix.T
