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
from xaitutor.menagerie.places import SCALE, SIZE, channels, drawn, whole
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
    _owner: np.ndarray  # uint8: the number of the part that each fine pixel of the window shows; 0 is none
    _names: dict[int, str]  # of the part with each number
    _window: tuple[slice, slice]  # rows and columns around the object
    _uncovered: np.ndarray  # (128, 128): how much the grass leaves free

    @cached_property
    def parts(self) -> dict[str, np.ndarray]:
        masks = {}
        for number, name in self._names.items():
            masks.setdefault(name, []).append(number)
        shares = {name: _average(np.isin(self._owner, numbers)) for name, numbers in masks.items()}
        return {name: whole(share, self._window) * self._uncovered for name, share in shares.items()}


def render(scene: Scene) -> Rendering:
    """Draw `scene`. Deterministic: the same scene gives the same pixels."""
    place = _at(scene)
    body = [part._replace(outline=place(part.outline)) for part in anatomy.parts(scene.shape, scene.stride, scene.head, scene.tail)]
    parts = _numbered(_present(body, scene.missing))
    picture = places.background(scene.place, scene.seed)
    if parts:
        _shadow(picture, scene)
    owner, marks, window = _fill(scene, parts, place)
    mask, coat = _average(owner > 0), _average(marks & owner)  # the last bit of an owner's number: does it wear the coat?
    behind = picture[:, *window]
    behind *= 1 - mask
    behind += _paint(scene, parts, owner, coat) * _light(scene, parts, body, owner, window)
    grass, colour = places.cover(scene.place, scene.seed, scene.cover, scene.x * SIZE, scene.y * SIZE)
    picture += grass * (colour[:, None, None] - picture)
    picture *= np.float32(scene.light) * (1 + 0.02 * places.noise(stream(scene.seed, "grain")))
    uncovered = 1 - grass
    image = np.stack(np.clip(picture + 0.5, 0, 255).astype(np.uint8), axis=-1)
    names = {number: part.name for number, part in parts.items()}
    return Rendering(image, whole(mask, window) * uncovered, whole(coat, window) * uncovered, owner, names, window, uncovered)


def _numbered(parts: list[anatomy.Part]) -> dict[int, anatomy.Part]:
    """Numbers that grow from far to near; the last bit says whether the part wears the coat."""
    return {2 * i + (part.paint == "coat"): part for i, part in enumerate(parts, start=1)}


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


def _fill(scene: Scene, parts, place) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice]]:
    """Which part each fine pixel shows and which fine pixels are marked, in a window around the object; and that window."""
    owner, marks = (Image.new("L", (SIZE * SCALE, SIZE * SCALE)) for _ in range(2))
    own, mark = ImageDraw.Draw(owner), ImageDraw.Draw(marks)
    counted: dict[str, int] = {}
    for number, part in parts.items():
        outline = part.outline.ravel().tolist()
        own.polygon(outline, fill=number)
        if scene.coat == "plain":
            continue
        mark.polygon(outline, fill=0)  # what is in front hides the marks behind it
        if part.limb is not None and part.paint == "coat" and not (scene.coat == "saddle" and part.name == "legs"):
            counted[part.name] = counted.get(part.name, -1) + 1
            draw = stream(scene.seed, f"{scene.coat} {part.name} {counted[part.name]}")
            for spot in place(MARKS[scene.coat](part.limb, draw)):
                mark.polygon(spot.ravel().tolist(), fill=1)
    window, fine = drawn(owner)
    return np.asarray(owner.crop(fine)), np.asarray(marks.crop(fine)), window


def _paint(scene: Scene, parts, owner, coat) -> np.ndarray:
    """The object's colours in its window, multiplied by its mask, (3, height, width)."""
    base, mark = _palette(scene)
    paints = {paint: _colour(paint, base, mark) for paint in {part.paint for part in parts.values()}}
    colours = np.zeros((256, 3), np.uint8)
    for number, part in parts.items():
        colours[number] = paints[part.paint]
    indexed = Image.fromarray(owner, mode="P")
    indexed.putpalette(colours.tobytes())
    return channels(indexed.convert("RGB").reduce(SCALE)) + coat * (mark - base)[:, None, None]


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


def _light(scene: Scene, parts, body, owner, window) -> np.ndarray:
    """Brightness in the object's window: each solid is lit from above, as if it were round, and fur is a little uneven.

    A solid's light comes from its whole outline, hidden and missing parts included: taking the head off leaves the neck as it was.
    """
    solids = list(dict.fromkeys(part.solid for part in parts.values()))
    lookup = np.zeros(256, np.uint8)
    for number, part in parts.items():
        lookup[number] = 1 + solids.index(part.solid)
    rows = np.maximum.reduce([owner[i::SCALE] for i in range(SCALE)])
    nearest = np.maximum.reduce([rows[:, i::SCALE] for i in range(SCALE)])
    solid = whole(lookup[nearest], window)
    light = np.ones((SIZE, SIZE), np.float32)
    for number, name in enumerate(solids, start=1):
        if name != "eyes":
            around, slope = _slope([part.outline / SCALE for part in body if part.solid == name], scene.size)
            lit = (0.80 if name.startswith("far") else 1.0) + 1.15 * slope
            np.copyto(light[around], lit, where=solid[around] == number)
    return (light * (1 + 0.03 * places.noise(stream(scene.seed, "fur"))))[window]


def _slope(outlines, size: float) -> tuple[tuple[slice, slice], np.ndarray]:
    """How much the surface of a rounded solid faces the light: the slope of its blurred silhouette, in a window around it."""
    silhouette = Image.new("L", (SIZE, SIZE))
    pen = ImageDraw.Draw(silhouette)
    for outline in outlines:
        pen.polygon(outline.ravel().tolist(), fill=255)
    left, top, right, bottom = box = _box(outlines, margin=12)
    soft = silhouette.crop(box).filter(ImageFilter.GaussianBlur(3.2 * max(0.5, float(size))))
    height = np.asarray(soft, np.float32) / 255
    slope = np.zeros_like(height)
    slope[1:-1] = height[2:] - height[:-2]
    slope[:, 1:-1] += 0.4 * (height[:, 2:] - height[:, :-2])
    return (slice(top, bottom), slice(left, right)), slope


def _box(outlines, margin: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the smallest window that holds the outlines and a margin."""
    x, y = np.concatenate(outlines).T.tolist()
    left, top = (int(min(max(min(c) - margin, 0), SIZE - 2)) for c in (x, y))
    right, bottom = (int(min(max(max(c) + margin, low + 2), SIZE)) for c, low in ((x, left), (y, top)))
    return left, top, right, bottom


def _shadow(picture: np.ndarray, scene: Scene) -> None:
    """A soft ellipse on the ground, as long as the animal."""
    width = _scale(scene) * 0.62
    height = 0.17 * width
    # Three heights above and below, exp(-27) is left of it: nothing, in float32.
    top, bottom = (int(np.clip(scene.y * SIZE + reach, 0, SIZE)) for reach in (-3 * height, 3 * height + 2))
    x, y = np.arange(SIZE, dtype=np.float32), np.arange(top, bottom, dtype=np.float32)[:, None]
    far = ((x - scene.x * SIZE) / width) ** 2 + ((y - scene.y * SIZE - 0.5) / height) ** 2
    # Powers and exponentials differ between processors in their last bit. In double precision that is rounded away; in float32 it
    # would change a grey level in one picture of three hundred.
    fall = np.power(far, 1.5, dtype=float).astype(np.float32)
    picture[:, top:bottom] *= 1 - 0.42 * np.exp(-fall, dtype=float).astype(np.float32)


def _average(fine: np.ndarray) -> np.ndarray:
    """The share of each pixel's fine pixels that are set, float32."""
    return np.asarray(Image.fromarray(fine.view(np.uint8) * np.uint8(255)).reduce(SCALE), np.float32) / 255
