"""The stage: the scenes that the studio can build, all in one pose, and one layer of paint for each animal.

Eight shapes, six coats, five colours, seven places, one part left out or none: 10080 pictures. They are not stored. A place is a picture, and
an animal, with its shadow, a layer with transparency; what lies over what is the picture that the renderer draws, but for rounding.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from xaitutor.menagerie import CLASSES, Scene
from xaitutor.menagerie.render import _shadow
from xaitutor.truth.drawing import masks, parts

POSE = {"x": 0.5, "y": 0.86, "size": 1.1, "stride": 0.3, "head": 0.2, "tail": 0.1, "light": 0.9, "seed": 5}


def scene(shape: str, coat: str, place: str, colour: str | None = None, missing: str = "") -> Scene:
    """The studio's scene; without a colour in the `usual_colour`. `missing`: one of its `truth.drawing.parts`, or nothing."""
    built = Scene(shape, coat, colour or usual_colour(shape, coat), place, **POSE)
    return built.without(missing) if missing else built


def usual_colour(shape: str, coat: str) -> str:
    """The most frequent colour of the class with this shape and coat; where there is none, of the first class with this shape."""
    kinds = [kind for kind in CLASSES.values() if kind.shape == shape]
    kind = next((kind for kind in kinds if coat in kind.coats), kinds[0])
    return max(kind.colours, key=kind.colours.get)


@cache
def background(place: str) -> np.ndarray:
    """The place without anybody, (128, 128, 3) uint8."""
    return scene("horse", "plain", place).without("object").render().image


def layer(of: Scene) -> np.ndarray:
    """The animal and its shadow without the place, (128, 128, 4) uint8: red, green, blue, and how much of the place it covers.

    A picture is I = B · s · (1 − m) + C, with the empty place B, the shadow s, the object's mask m and the object C. So the layer covers
    α = 1 − s (1 − m), and its colour is C / α.
    """
    rendering = of.render()
    shadow = np.ones((3, *rendering.mask.shape), np.float32)
    _shadow(shadow, of)
    free = shadow[0] * (1 - rendering.mask)
    cover = 1 - free
    paint = (rendering.image - background(of.place) * free[..., None]) / np.maximum(cover, 1 / 255)[..., None]
    return np.concatenate([_bytes(paint), _bytes(255 * cover)[..., None]], axis=-1)


def over(animal: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The layer (128, 128, 4) laid over a picture (128, 128, 3), as a browser's canvas does it: uint8."""
    cover = animal[..., 3:].astype(np.float32) / 255
    return _bytes(animal[..., :3] * cover + place * (1 - cover))


def regions(shape: str) -> np.ndarray:
    """How much of each pixel belongs to each of the five parts, (5, 128, 128) uint8 of 255; the rest is the background's. The same in each coat."""
    standing = scene(shape, "plain", "savanna")
    return _bytes(255 * masks(standing, standing.render())[:5])


def part_names(shape: str) -> tuple[str, ...]:
    """The parts that can be left out, in the order of `regions`."""
    return parts(scene(shape, "plain", "savanna"))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)
