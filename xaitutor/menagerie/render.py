"""Rendering: a scene becomes a picture and the masks that tell the truth about it.

Outlines are filled with part numbers on a canvas three times larger and averaged down, so that the masks of all parts add up
to the object's and every edge is smooth. Only Pillow and NumPy are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from xaitutor.menagerie import anatomy, places
from xaitutor.menagerie.coats import MARKS
from xaitutor.menagerie.places import SCALE, SIZE
from xaitutor.menagerie.streams import stream

if TYPE_CHECKING:
    from xaitutor.menagerie.scene import Scene

UNIT = 50  # pixels in a body unit of an animal of size 1

# Base colour, and the colour of marks.
PALETTES = {
    "white": ((238, 234, 226), (46, 44, 48)),
    "golden": ((226, 166, 84), (62, 36, 20)),
    "brown": ((152, 98, 58), (58, 34, 22)),
    "grey": ((150, 152, 158), (58, 60, 68)),
    "black": ((72, 66, 66), (214, 206, 196)),
}
MARK_STRENGTH = {"plain": 0.0, "stripes": 0.95, "spots": 0.9, "patches": 0.78, "blotches": 0.92, "saddle": 0.86}
FIXED = {
    "dark": (34, 28, 28), "glint": (250, 250, 250), "hoof": (66, 54, 48), "tusk": (246, 238, 218), "pink": (226, 164, 156),
    "inner ear": (214, 156, 146), "nose": (196, 110, 110), "wood": (104, 70, 44),
}


@dataclass(frozen=True)
class Rendering:
    """A picture and the truth about it.

    `image`: (128, 128, 3) uint8. `mask`: (128, 128) float32 in [0, 1], how much of each pixel is the object (grass in front hides it).
    `parts`: the same for each visible part; they add up to `mask`. `coat`: how much of each pixel is a mark of the coat.
    """

    image: np.ndarray
    mask: np.ndarray
    coat: np.ndarray
    _owner: np.ndarray  # (384, 384) uint8: which part each fine pixel shows, from 1; 0 is none
    _names: tuple[str, ...]
    _uncovered: np.ndarray  # (128, 128): how much the grass leaves free

    @cached_property
    def parts(self) -> dict[str, np.ndarray]:
        masks = {}
        for number, name in enumerate(self._names, start=1):
            masks.setdefault(name, []).append(number)
        return {name: _average(np.isin(self._owner, numbers)) * self._uncovered for name, numbers in masks.items()}


def render(scene: Scene) -> Rendering:
    """Draw `scene`. Deterministic: the same scene gives the same pixels."""
    whole = anatomy.parts(scene.shape, scene.stride, scene.head, scene.tail)
    parts = _present(whole, scene.missing)
    place = _at(scene)
    picture = places.background(scene.place, scene.seed)
    owner, marks = _fill(scene, parts, place)
    if parts:
        _shadow(picture, scene)
    mask = _average(owner > 0)
    body, coat = _paint(scene, parts, whole, owner, marks)
    picture = picture * (1 - mask[..., None]) + body
    grass, colour = places.cover(scene.place, scene.seed, scene.cover, scene.x * SIZE, scene.y * SIZE)
    picture += grass[..., None] * (colour - picture)
    picture *= np.float32(scene.light) * (1 + 0.02 * places.noise(stream(scene.seed, "grain")))[..., None]
    uncovered = 1 - grass
    image = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    return Rendering(image, mask * uncovered, coat * uncovered, owner, tuple(part.name for part in parts), uncovered)


def _present(parts: list[anatomy.Part], missing: frozenset[str]) -> list[anatomy.Part]:
    if "object" in missing:
        return []
    gone = missing | set(anatomy.HEAD) if "head" in missing else missing
    return [part for part in parts if part.name not in gone]


def _scale(scene: Scene) -> float:
    return UNIT * scene.size * (anatomy.SPECIES[scene.shape].scale if scene.shape in anatomy.SPECIES else 0.92)


def _at(scene: Scene):
    """Body units to fine pixels."""
    scale = SCALE * _scale(scene) * np.array([scene.facing, 1])
    origin = SCALE * SIZE * np.array([scene.x, scene.y])
    return lambda points: points * scale + origin


def _fill(scene: Scene, parts, place) -> tuple[np.ndarray, np.ndarray]:
    """Which part each fine pixel shows, and which fine pixels are marked."""
    owner, marks = (Image.new("L", (SIZE * SCALE, SIZE * SCALE)) for _ in range(2))
    own, mark = ImageDraw.Draw(owner), ImageDraw.Draw(marks)
    counted: dict[str, int] = {}
    for number, part in enumerate(parts, start=1):
        outline = place(part.outline).ravel().tolist()
        own.polygon(outline, fill=number)
        if scene.coat == "plain":
            continue
        mark.polygon(outline, fill=0)  # what is in front hides the marks behind it
        if part.limb is not None and part.paint == "coat" and not (scene.coat == "saddle" and part.name == "legs"):
            counted[part.name] = counted.get(part.name, -1) + 1
            draw = stream(scene.seed, f"{scene.coat} {part.name} {counted[part.name]}")
            for spot in MARKS[scene.coat](part.limb, draw):
                mark.polygon(place(spot).ravel().tolist(), fill=1)
    return np.asarray(owner), np.asarray(marks)


def _paint(scene: Scene, parts, whole, owner, marks) -> tuple[np.ndarray, np.ndarray]:
    """The object's colours, multiplied by its mask, (128, 128, 3), and the coat's mask (128, 128)."""
    base, mark = _palette(scene)
    colours = np.zeros((256, 3), np.uint8)
    wears = np.zeros(256, np.uint8)
    for number, part in enumerate(parts, start=1):
        colours[number] = _colour(part.paint, base, mark)
        wears[number] = part.paint == "coat"
    indexed = Image.fromarray(owner, mode="P")
    indexed.putpalette(colours.ravel().tolist())
    flat = np.asarray(indexed.convert("RGB").reduce(SCALE), np.float32)
    coat = _average(marks & wears[owner]) if scene.coat != "plain" else np.zeros((SIZE, SIZE), np.float32)
    paint = flat + coat[..., None] * (mark - base)
    return paint * _light(scene, parts, whole, owner)[..., None], coat


def _palette(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    base, dark = (np.float32(colour) for colour in PALETTES[scene.colour])
    base = base * np.float32(1 + 0.10 * (stream(scene.seed, "colour").random(3) - 0.5))
    return base, base + np.float32(MARK_STRENGTH[scene.coat]) * (dark - base)


def _colour(paint: str, base, mark) -> np.ndarray:
    if paint == "coat":
        return np.clip(base, 0, 255)
    if paint == "mane":
        return np.clip(0.42 * base + 0.10 * np.float32([120, 70, 40]), 0, 255)
    if paint == "cheek":
        return np.clip(0.35 * base + 0.65 * np.float32([250, 244, 236]), 0, 255)
    return np.float32(FIXED[paint])


def _light(scene: Scene, parts, whole, owner) -> np.ndarray:
    """Brightness (128, 128): each solid is lit from above, as if it were round, and fur is a little uneven.

    A solid's light comes from its whole outline, hidden and missing parts included: taking the head off leaves the neck as it was.
    """
    solids = dict.fromkeys(part.solid for part in parts)
    lookup = np.zeros(256, np.uint8)
    lookup[1 : len(parts) + 1] = [1 + list(solids).index(part.solid) for part in parts]
    fine = [owner[i::SCALE, j::SCALE] for i in range(SCALE) for j in range(SCALE)]
    solid = lookup[np.maximum.reduce(fine)]  # what is nearest in each pixel
    light = np.ones((SIZE, SIZE), np.float32)
    place = _at(scene)
    for number, name in enumerate(solids, start=1):
        if name != "eyes":
            here = solid == number
            slope = _slope([place(part.outline) / SCALE for part in whole if part.solid == name], scene.size)
            light[here] = ((0.80 if name.startswith("far") else 1.0) + 1.15 * slope)[here]
    return light * (1 + 0.03 * places.noise(stream(scene.seed, "fur")))


def _slope(outlines, size: float) -> np.ndarray:
    """How much the surface of a rounded solid faces the light, (128, 128): the slope of its blurred silhouette."""
    silhouette = Image.new("L", (SIZE, SIZE))
    pen = ImageDraw.Draw(silhouette)
    for outline in outlines:
        pen.polygon(outline.ravel().tolist(), fill=255)
    box = _box(outlines, margin=12)
    soft = silhouette.crop(box).filter(ImageFilter.GaussianBlur(3.2 * max(0.5, float(size))))
    height = np.asarray(soft, np.float32) / 255
    slope = np.zeros((SIZE, SIZE), np.float32)
    inside = slope[box[1] : box[3], box[0] : box[2]]
    inside[1:-1] = height[2:] - height[:-2]
    inside[:, 1:-1] += 0.4 * (height[:, 2:] - height[:, :-2])
    return slope


def _box(outlines, margin: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the smallest window that holds the outlines and a margin."""
    points = np.concatenate(outlines)
    low = np.clip(points.min(0) - margin, 0, SIZE - 2)
    high = np.clip(points.max(0) + margin, low + 2, SIZE)
    return tuple(int(c) for c in (*low, *high))


def _shadow(picture: np.ndarray, scene: Scene) -> None:
    """A soft ellipse on the ground, as long as the animal."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    width = _scale(scene) * 0.62
    far = ((x - scene.x * SIZE) / width) ** 2 + ((y - scene.y * SIZE - 0.5) / (0.17 * width)) ** 2
    picture *= (1 - 0.42 * np.exp(-(far**1.5)))[..., None]


def _average(fine: np.ndarray) -> np.ndarray:
    """The share of each pixel's fine pixels that are set, (128, 128) float32."""
    return np.asarray(Image.fromarray(fine.view(np.uint8) * np.uint8(255)).reduce(SCALE), np.float32) / 255
