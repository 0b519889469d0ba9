"""A scene: the frozen description of one picture, in which one thing can be changed and all else stays.

Classes are crossings of a shape and a coat. Colours and places are drawn independently of the class, so that no colour
and no place gives a class away (except in the biased variant, which plants exactly that).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from PIL import Image

from xaitutor.menagerie.anatomy import part_names
from xaitutor.menagerie.render import Rendering, render
from xaitutor.menagerie.streams import stream

SHAPES = ("horse", "cat", "lion", "dog", "giraffe", "elephant", "cow", "sofa")
COATS = ("plain", "stripes", "spots", "patches", "blotches", "saddle")
COLOURS = ("white", "golden", "brown", "grey", "black")
PLACES = ("savanna", "forest", "snow", "meadow", "desert", "beach", "room")


class Kind(NamedTuple):
    """What makes a class: its shape, the coats it may wear, and how often it has each colour."""

    shape: str
    coats: tuple[str, ...]
    colours: dict[str, float]


CLASSES: dict[str, Kind] = {
    "horse": Kind("horse", ("plain",), {"brown": 0.5, "white": 0.15, "grey": 0.15, "black": 0.2}),
    "zebra": Kind("horse", ("stripes",), {"white": 0.75, "golden": 0.15, "grey": 0.1}),
    "cow": Kind("cow", ("blotches",), {"white": 0.6, "golden": 0.15, "brown": 0.1, "grey": 0.15}),
    "giraffe": Kind("giraffe", ("patches",), {"golden": 0.7, "white": 0.15, "brown": 0.15}),
    "elephant": Kind("elephant", ("plain",), {"grey": 0.7, "brown": 0.2, "black": 0.1}),
    "lion": Kind("lion", ("plain",), {"golden": 0.7, "white": 0.15, "brown": 0.15}),
    "tiger": Kind("cat", ("stripes",), {"golden": 0.7, "white": 0.3}),
    "leopard": Kind("cat", ("spots",), {"golden": 0.6, "white": 0.25, "grey": 0.15}),
    "wolf": Kind("dog", ("plain",), {"grey": 0.5, "brown": 0.15, "white": 0.2, "black": 0.15}),
    "husky": Kind("dog", ("saddle",), {"white": 0.7, "grey": 0.15, "golden": 0.15}),
    "dalmatian": Kind("dog", ("spots",), {"white": 0.75, "golden": 0.1, "grey": 0.15}),
    "sofa": Kind("sofa", COATS, dict.fromkeys(COLOURS, 0.2)),
}


@dataclass(frozen=True)
class Scene:
    """One picture of the menagerie, described completely.

    `shape`, `coat`, `colour`, `place`: one of `SHAPES`, `COATS`, `COLOURS`, `PLACES`.
    `x`, `y`: where the feet stand, as shares of the picture's width and height. `size`: 1 is usual. `facing`: 1 right,
    -1 left. `stride`, `head`, `tail`: pose, each in [-1, 1]. `light`: brightness, 1 is usual. `cover`: how much grass stands
    in front, in [0, 1]. `missing`: the parts left out. `seed` decides all that is small: the wobble of each stripe, each
    cloud. Every detail has a random stream of its own, so that changing one factor never moves another.
    """

    shape: str
    coat: str
    colour: str
    place: str
    x: float = 0.5
    y: float = 0.86
    size: float = 1.0
    facing: int = 1
    stride: float = 0.3
    head: float = 0.0
    tail: float = 0.0
    light: float = 1.0
    cover: float = 0.0
    missing: frozenset[str] = frozenset()
    seed: int = 0

    def __post_init__(self):
        for value, allowed, factor in (
            (self.shape, SHAPES, "shape"), (self.coat, COATS, "coat"), (self.colour, COLOURS, "colour"), (self.place, PLACES, "place")):
            if value not in allowed:
                raise ValueError(f"no {factor} is called {value!r}; there is {', '.join(allowed)}")
        if self.facing not in (1, -1):
            raise ValueError(f"facing is 1 (right) or -1 (left), not {self.facing!r}")
        if not self.size > 0:
            raise ValueError(f"size must be positive (1 is usual), not {self.size!r}")

    @property
    def name(self) -> str | None:
        """The class this is a picture of, or None: a spotted horse is nobody's class."""
        return next((name for name, kind in CLASSES.items() if kind.shape == self.shape and self.coat in kind.coats), None)

    def replace(self, **changes) -> Scene:
        """The same scene with some factors changed and everything else the same, pixel for pixel."""
        return replace(self, **changes)

    def without(self, *parts: str) -> Scene:
        """The same scene with parts left out; with the head goes what sits on it. `"object"` leaves out everything."""
        there = (*part_names(self.shape), "object")
        for part in parts:
            if part not in there:
                raise ValueError(f"a {self.shape} has no part {part!r}; it has {', '.join(there)}")
        return replace(self, missing=self.missing | set(parts))

    def render(self) -> Rendering:
        """Draw it: a `Rendering` with the image, the object's mask, a mask a part, and the coat's mask."""
        return render(self)

    def picture(self) -> Image.Image:
        """The image alone, as a PIL image: what `load_image` gives of a photo, and what a model's `preprocess` takes."""
        return Image.fromarray(self.render().image)


def sample(seed: int, name: str | None = None, **fixed) -> Scene:
    """A scene drawn at random: of the class `name`, or of any; `fixed` factors are not drawn (``place="snow"``).

    Same arguments, same scene. A fixed factor leaves all others as they would have been.
    """
    if name is not None and name not in CLASSES:
        raise ValueError(f"no class is called {name!r}; there is {', '.join(CLASSES)}")
    # Only .random() is drawn from: NumPy promises its values for ever, those of choice() or normal() it does not.
    draw = stream(seed, "scene").random(15).tolist()
    name = name or list(CLASSES)[int(draw[0] * len(CLASSES))]
    kind = CLASSES[name]
    size = 0.72 + 0.4 * draw[1]
    factors = dict(
        shape=kind.shape,
        coat=kind.coats[int(draw[2] * len(kind.coats))],
        colour=_pick(kind.colours, draw[3]),
        place=PLACES[int(draw[4] * len(PLACES))],
        size=size,
        x=0.5 + 0.24 * (draw[5] - 0.5) / size,
        y=0.80 + 0.13 * draw[6],
        facing=1 if draw[7] < 0.5 else -1,
        stride=2 * draw[8] - 1,
        head=2 * draw[9] - 1,
        tail=2 * draw[10] - 1,
        light=0.85 + 0.25 * draw[11],
        cover=max(0.0, 1.6 * draw[12] - 0.6),
        seed=seed,
    )
    return Scene(**(factors | fixed))


def _pick(weights: dict[str, float], draw: float) -> str:
    edges = np.cumsum(list(weights.values()))
    return list(weights)[int(np.searchsorted(edges, draw * edges[-1], side="right"))]
