"""The scenes that explanations are judged on, each in two situations: as it is, and with one thing changed.

The change stays inside the world that the networks were trained on: another coat of the same shape, another animal, or
another place. What comes out is always one of the twelve classes, in a colour that this class has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from xaitutor.menagerie import CLASSES, Dataset, Scene
from xaitutor.menagerie.scene import PLACES
from xaitutor.menagerie.streams import stream
from xaitutor.truth.drawing import masks

SPLIT, SEED = "test", 7  # scenes in which no network was trained
FACTORS = ("coat", "place", "animal")


class Situation(NamedTuple):
    """A scene, its class's index, and the same scene with `factor` changed ("coat", "place" or "animal")."""

    scene: Scene
    label: int
    changed: Scene
    factor: str


class Pictures(NamedTuple):
    """Drawn scenes: `images` (N, 128, 128, 3) uint8, `regions` (N, 6, 128, 128) in [0, 1], `objects` (N, 128, 128) bool, the
    pixels that are more than half the object's."""

    images: np.ndarray
    regions: np.ndarray
    objects: np.ndarray


def situations(indices: range) -> list[Situation]:
    """The situations of these numbers, from 0 on: the classes in turn, and with each twelve of them the factor.

    Where a class has no other coat, or a sofa no other animal, the place is changed.
    """
    dataset = Dataset(indices.stop, SPLIT, SEED)
    return [_situation(dataset.scene(i), dataset.label(i), FACTORS[i // len(CLASSES) % len(FACTORS)]) for i in indices]


def pictures(scenes: Sequence[Scene]) -> Pictures:
    """The scenes as they are, and what is true of their pixels."""
    drawn = [scene.render() for scene in scenes]
    return Pictures(np.stack([rendering.image for rendering in drawn]),
                    np.stack([masks(scene, rendering) for scene, rendering in zip(scenes, drawn)]),
                    np.stack([rendering.mask for rendering in drawn]) > 0.5)


def _situation(scene: Scene, label: int, factor: str) -> Situation:
    changes = {"coat": _coats, "animal": _animals, "place": _places}[factor](scene)
    if not changes:
        factor, changes = "place", _places(scene)
    chosen = changes[int(stream(scene.seed, "picture contrast").random() * len(changes))]
    return Situation(scene, label, scene.replace(**chosen), factor)


def _places(scene: Scene) -> list[dict]:
    return [{"place": place} for place in PLACES if place != scene.place]


def _coats(scene: Scene) -> list[dict]:
    return [{"coat": coat} for kind in CLASSES.values() if kind.shape == scene.shape and scene.colour in kind.colours
            for coat in kind.coats if coat != scene.coat]


def _animals(scene: Scene) -> list[dict]:
    if scene.shape == "sofa":  # it has no part that an animal has
        return []
    return [{"shape": kind.shape, "coat": kind.coats[0]} for kind in CLASSES.values()
            if kind.shape not in (scene.shape, "sofa") and scene.colour in kind.colours]
