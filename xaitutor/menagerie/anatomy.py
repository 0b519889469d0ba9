"""Bodies: what an animal is made of, part by part, from far to near.

All seven animals are one quadruped with other numbers. Lengths are in body units (an animal is about one and a half of
them long), x to where it looks, y down, the origin on the ground below its middle.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from xaitutor.menagerie.geometry import Limb, blob, limb, limbs, spline, turn


class Part(NamedTuple):
    """One filled outline. `name` is the mask it belongs to, `paint` is "coat" or the name of a fixed colour, `limb` carries the
    coat, parts of one `solid` are shaded as one body."""

    name: str
    outline: np.ndarray
    paint: str
    solid: str
    limb: Limb | None = None


class Species(NamedTuple):
    """The numbers that make a quadruped."""

    length: float  # hip to shoulder
    height: float  # ground to spine
    above: tuple  # thickness of the trunk over the spine: rump, middle, chest
    below: tuple  # and under it
    leg: tuple  # radius of a leg at hip, knee, foot
    neck: tuple  # length, angle, radius at the shoulder, radius at the head
    skull: tuple  # length, angle below the horizon, radius at the back, radius at the muzzle
    ear: tuple  # length, width, angle above the horizon
    tail: tuple  # length, angle at the root, bend, radius at the root, radius at the tip
    extras: tuple = ()
    scale: float = 1.0


SPECIES = {
    "horse": Species(0.66, 0.80, (0.17, 0.15, 0.17), (0.19, 0.21, 0.22), (0.105, 0.052, 0.042),
                     (0.50, 52, 0.19, 0.105), (0.36, 42, 0.115, 0.068), (0.12, 0.04, 100), (0.52, -58, -28, 0.05, 0.075),
                     ("hooves", "crest", "hair tail"), 0.92),
    "cat": Species(0.72, 0.52, (0.16, 0.14, 0.16), (0.15, 0.16, 0.17), (0.105, 0.066, 0.066),
                   (0.20, 38, 0.17, 0.15), (0.0, 0, 0.20, 0.20), (0.075, 0.075, 0), (0.70, -8, 88, 0.052, 0.042), ("face",), 1.0),
    "lion": Species(0.72, 0.54, (0.16, 0.14, 0.17), (0.15, 0.16, 0.18), (0.105, 0.068, 0.068),
                    (0.22, 40, 0.18, 0.16), (0.0, 0, 0.19, 0.19), (0.07, 0.07, 0), (0.66, -30, 75, 0.042, 0.032),
                    ("face", "ruff", "tuft"), 0.98),
    "dog": Species(0.62, 0.58, (0.16, 0.14, 0.19), (0.14, 0.15, 0.21), (0.115, 0.06, 0.056),
                   (0.29, 47, 0.20, 0.155), (0.25, 14, 0.158, 0.07), (0.19, 0.068, 98), (0.44, -2, 70, 0.075, 0.085), ("nose",), 1.06),
    "giraffe": Species(0.50, 0.94, (0.15, 0.13, 0.16), (0.15, 0.16, 0.19), (0.095, 0.045, 0.04),
                       (0.80, 64, 0.17, 0.078), (0.24, 26, 0.088, 0.058), (0.11, 0.035, 165), (0.36, -72, -12, 0.024, 0.02),
                       ("hooves", "horns", "tuft", "crest"), 0.76),
    "elephant": Species(0.64, 0.74, (0.26, 0.27, 0.24), (0.26, 0.30, 0.27), (0.155, 0.13, 0.125),
                        (0.26, 18, 0.24, 0.22), (0.10, 40, 0.225, 0.16), (0.0, 0.0, 0), (0.40, -76, -12, 0.028, 0.018),
                        ("trunk", "flap", "tusk", "tuft", "toes"), 0.90),
    "cow": Species(0.78, 0.70, (0.16, 0.14, 0.16), (0.20, 0.25, 0.23), (0.11, 0.056, 0.05),
                   (0.28, 28, 0.20, 0.135), (0.27, 36, 0.128, 0.098), (0.13, 0.045, 172), (0.52, -82, -6, 0.03, 0.022),
                   ("hooves", "bull horns", "muzzle", "udder", "tuft"), 0.92),
}


def parts(shape: str, stride: float, head: float, tail: float) -> list[Part]:
    """All parts of a `shape` in the given pose (each number in [-1, 1]), in the order in which they are painted."""
    return _sofa() if shape == "sofa" else _quadruped(SPECIES[shape], stride, head, tail)


@cache
def part_names(shape: str) -> tuple[str, ...]:
    """The names of a shape's parts, as `Scene.without` and `Rendering.parts` know them."""
    return tuple(dict.fromkeys(part.name for part in parts(shape, 0, 0, 0)))


HEAD = ("head", "ears", "eyes", "muzzle", "trunk", "tusks", "horns", "mane")  # what leaves with the head


def _quadruped(s: Species, stride: float, head: float, tail: float) -> list[Part]:
    hip, shoulder = np.array([-s.length / 2, -s.height]), np.array([s.length / 2, -s.height])
    skull_at = shoulder + [0, 0.02] + turn([s.neck[0], 0], s.neck[1] + 10 * head)
    far_legs, near_legs = _legs(s, hip, shoulder, stride)
    built = [
        *far_legs,
        *_tail(s, hip, tail),
        *_ruff(s, skull_at),
        _limb("body", "trunk", [hip, (hip + shoulder) / 2 + [0, 0.02], shoulder], s.above, s.below),
        *_udder(s),
        *near_legs,
        *_neck(s, shoulder, skull_at),
    ]
    return built + (_face(s, skull_at) if "face" in s.extras else _profile(s, skull_at, head))


def _limb(name, solid, points, above, below=None, paint="coat") -> Part:
    shape = limb(points, above, below)
    return Part(name, shape.outline(), paint, solid, shape)


def _legs(s: Species, hip, shoulder, stride: float) -> tuple[list[Part], list[Part]]:
    """The far pair of legs and the near one, each hind leg first."""
    top = np.array([hip, shoulder, hip, shoulder]) + [[0.10, 0.04], [-0.06, 0.04], [0.02, 0.04], [0.0, 0.04]]
    swing = stride * np.array([0.13, -0.13, -0.15, 0.15])
    knee = np.column_stack([top[:, 0] + 0.45 * swing + [0.035, -0.015, 0.035, -0.015], top[:, 1] / 2 + 0.02])
    foot = np.column_stack([top[:, 0] + swing - [0.03, 0.0, 0.03, 0.0], np.full(4, -s.leg[2])])
    legs = limbs(np.stack([top, knee, foot]), s.leg)
    far = [part for i in (0, 1) for part in _leg(s, legs[i], foot[i], "far leg")]
    return far, [part for i in (2, 3) for part in _leg(s, legs[i], foot[i], "trunk")]


def _leg(s: Species, leg: Limb, foot, solid: str) -> list[Part]:
    built = [Part("legs", leg.outline(), "coat", solid, leg)]
    r = s.leg[2]
    if "hooves" in s.extras:
        built.append(Part("legs", foot + np.array([[-r, 0], [r, 0], [1.35 * r, r], [-1.2 * r, r]]), "hoof", solid))
    elif "toes" in s.extras:
        built += [Part("legs", blob(foot + [d * r, 0.8 * r], 0.28 * r, 0.2 * r), "tusk", solid) for d in (0.1, 0.7)]
    else:
        built.append(Part("legs", blob(foot + [0.45 * r, 0.42 * r], 1.15 * r, 0.58 * r), "coat", solid))
    return built


def _tail(s: Species, hip, tail: float) -> list[Part]:
    length, angle, bend, root, tip = s.tail
    start = hip + [-s.above[0] * 0.75, -0.04]
    steps = [angle + 12 * tail, angle + 0.5 * bend + 20 * tail, angle + bend + 28 * tail]
    points = [start]
    for step in steps:
        points.append(points[-1] + turn([-length / 3, 0], -step))
    paint = "mane" if "hair tail" in s.extras else "coat"
    built = [_limb("tail", "tail", points, np.interp([0, 0.4, 0.75, 1], [0, 0.6, 1], [root, max(root, tip), tip]), paint=paint)]
    if "tuft" in s.extras:
        built.append(Part("tail", limb([points[-1], points[-1] + turn([-0.1, 0], -steps[-1])], [0.05, 0.03]).outline(), "mane", "tail"))
    return built


def _neck(s: Species, shoulder, skull_at) -> list[Part]:
    start = shoulder + [-0.04, 0.03]
    built = [_limb("neck", "trunk", [start, start + 0.5 * (skull_at - start) + [0.01, 0.015], skull_at], [s.neck[2], (s.neck[2] + s.neck[3]) / 2.1, s.neck[3]])]
    if "crest" in s.extras:
        crest = built[0].limb
        u = np.linspace(0.22, 1.0, 7)
        ridge = crest.at(u, 1 + np.array([0.1, 0.45, 0.5, 0.5, 0.5, 0.5, 0.3]) * (0.12 / s.neck[2]))
        built.append(Part("mane", np.concatenate([ridge, crest.at(u[::-1], np.full(7, 0.62))]), "mane", "mane"))
    return built


def _profile(s: Species, at, head: float) -> list[Part]:
    """A head seen from the side."""
    angle = -s.skull[1] + 12 * head
    length, back, front = s.skull[0], s.skull[2], s.skull[3]
    along = lambda forward, up: at + turn([forward, -up], angle)  # noqa: E731
    muzzle = along(length, -0.01)
    built = []
    if "horns" in s.extras:
        for x in (-0.01, 0.05):
            tip = along(x, back + 0.09)
            built.append(Part("horns", limb([along(x, back * 0.7), tip], [0.018, 0.016]).outline(), "coat", "ears"))
            built.append(Part("horns", blob(tip, 0.03, 0.03), "mane", "ears"))
    if s.ear[0]:
        built += _ears(s, along)
    built.append(_limb("head", "head", [at, along(0.5 * length, 0.0), muzzle], [back, 0.56 * (back + front), front]))
    if s.ear[0]:
        built += _near_ear(s, along)
    if "bull horns" in s.extras:
        horn = [along(0.0, back * 0.8), along(0.05, back + 0.07), along(0.13, back + 0.11)]
        built.append(Part("horns", limb(horn, [0.035, 0.026, 0.008]).outline(), "tusk", "ears"))
    if "muzzle" in s.extras:
        built.append(Part("muzzle", limb([along(length * 0.9, 0.045), along(length * 0.9, -0.06)], [0.075, 0.085]).outline(), "pink", "head"))
        built.append(Part("muzzle", blob(along(length + 0.03, 0.03), 0.016, 0.02), "dark", "head"))
    if "nose" in s.extras:
        built.append(Part("muzzle", blob(along(length + front * 0.72, front * 0.35), 0.042, 0.036), "dark", "nose"))
        built.append(Part("muzzle", limb([along(length * 0.62, -front * 0.75), along(length + front * 0.3, -front * 0.6)], [0.008, 0.008]).outline(), "dark", "nose"))
    if "hooves" in s.extras and "muzzle" not in s.extras:
        built.append(Part("muzzle", blob(along(length + front * 0.45, 0.01), 0.012, 0.015), "dark", "head"))
    if "trunk" in s.extras:
        built += _trunk(s, at, head)
    eye = along(0.36 * length, 0.36 * back) if "trunk" not in s.extras else at + [0.13, -0.05]
    return built + _eye(eye)


def _ears(s: Species, along) -> list[Part]:
    return [Part("ears", _ear(s, along(-0.035, 0.72 * s.skull[2])), "coat", "far ear")]


def _near_ear(s: Species, along) -> list[Part]:
    root = along(0.03, 0.74 * s.skull[2])
    ear = _ear(s, root)
    return [Part("ears", ear, "coat", "ears"), Part("ears", root + 0.55 * (ear - root) + [0.008, -0.012], "inner ear", "ears")]


def _ear(s: Species, root) -> np.ndarray:
    length, width, angle = s.ear
    flat = np.array([[-0.03, -width], [0.55 * length, -0.9 * width], [length, 0], [0.55 * length, 0.9 * width], [-0.03, width]])
    return root + turn(flat, angle)


def _eye(at, size: float = 0.036) -> list[Part]:
    return [
        Part("eyes", blob(at, size, size), "dark", "eyes"),
        Part("eyes", blob(at + np.array([0.012, -0.014]), 0.36 * size, 0.36 * size), "glint", "eyes"),
    ]


def _face(s: Species, at) -> list[Part]:
    """A head that looks at us: a cat's."""
    r = s.skull[2]
    at = at + [0.05, -0.02]
    built = []
    for side in (-1, 1):
        ear = at + [side * 0.72 * r, -0.74 * r]
        built.append(Part("ears", blob(ear, s.ear[0], s.ear[1]), "coat", "ears"))
        built.append(Part("ears", blob(ear + [0, 0.012], 0.55 * s.ear[0], 0.55 * s.ear[1]), "inner ear", "ears"))
    built.append(_limb("head", "head", [at + [-0.16 * r, 0], at + [0.16 * r, 0]], [0.94 * r, 0.94 * r]))
    cheeks = at + [0, 0.42 * r]
    built.append(Part("muzzle", limb([cheeks - [0.26 * r, 0], cheeks + [0.26 * r, 0]], [0.34 * r, 0.34 * r]).outline(), "cheek", "muzzle"))
    nose = cheeks + [0, -0.2 * r]
    built.append(Part("muzzle", nose + r * np.array([[-0.2, -0.1], [0.2, -0.1], [0.04, 0.12], [-0.04, 0.12]]), "nose", "nose"))
    for side in (-1, 1):
        mouth = [nose + [0, 0.1 * r], nose + [side * 0.1 * r, 0.3 * r], nose + [side * 0.26 * r, 0.3 * r]]
        built.append(Part("muzzle", limb(mouth, [0.012, 0.012, 0.01]).outline(), "dark", "nose"))
        eye = at + [side * 0.40 * r, -0.12 * r]
        built.append(Part("head", blob(eye, 0.27 * r, 0.27 * r), "cheek", "eyes"))
        built += _eye(eye, 0.18 * r)
    return built


def _ruff(s: Species, at) -> list[Part]:
    if "ruff" not in s.extras:
        return []
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = 0.345 + 0.028 * np.cos(12 * angle)
    centre = at + [0.03, 0.02]
    mane = centre + np.column_stack([radius * np.cos(angle), 1.06 * radius * np.sin(angle)])
    return [Part("mane", mane, "mane", "mane")]


def _trunk(s: Species, at, head: float) -> list[Part]:
    root = at + [0.14, 0.06]
    lift = 0.10 * head
    points = [root, root + [0.12, 0.16], root + [0.15, 0.34 - lift], root + [0.22, 0.47 - 2.2 * lift], root + [0.33, 0.45 - 4 * lift]]
    flap = at + np.array([[0.02, -0.2], [-0.1, -0.25], [-0.24, -0.2], [-0.3, -0.04], [-0.26, 0.14], [-0.16, 0.26], [-0.06, 0.2], [0.0, 0.08]])
    tusk = limb([root + [-0.01, 0.13], root + [0.08, 0.24], root + [0.2, 0.25]], [0.032, 0.026, 0.008])
    return [
        Part("tusks", tusk.outline(), "tusk", "ears"),
        _limb("trunk", "head", points, [0.125, 0.088, 0.068, 0.056, 0.046]),
        Part("ears", spline(np.concatenate([flap, flap[:1]])), "coat", "ears"),
    ]


def _udder(s: Species) -> list[Part]:
    if "udder" not in s.extras:
        return []
    return [Part("body", blob([-0.17, -s.height + s.below[1] + 0.02], 0.11, 0.075), "pink", "far leg")]


def _sofa() -> list[Part]:
    feet = [Part("feet", np.array([[x - 0.04, -0.1], [x + 0.04, -0.1], [x + 0.03, 0], [x - 0.03, 0]]), "wood", "feet") for x in (-0.6, 0.6)]
    return [
        *feet,
        _limb("back", "back", [[-0.56, -0.55], [0, -0.57], [0.56, -0.55]], [0.23, 0.25, 0.23], [0.3, 0.3, 0.3]),
        _limb("seat", "seat", [[-0.54, -0.2], [0.54, -0.2]], [0.09, 0.09], [0.12, 0.12]),
        _limb("cushions", "left cushion", [[-0.44, -0.34], [-0.14, -0.34]], [0.085, 0.085]),
        _limb("cushions", "right cushion", [[0.14, -0.34], [0.44, -0.34]], [0.085, 0.085]),
        _limb("arms", "left arm", [[-0.66, -0.42], [-0.66, -0.18]], [0.12, 0.1]),
        _limb("arms", "right arm", [[0.66, -0.42], [0.66, -0.18]], [0.12, 0.1]),
    ]
