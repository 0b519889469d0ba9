"""The coalitions of a scene, drawn: every part there or missing, in the scene's own place and in others.

The regions of a scene are its five parts and the background. Nothing is painted over: the renderer leaves a part out, and what
is behind it shows; a background is taken out by showing the same animal in other places. Without torch, so that the
processes that draw start at once.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np

from xaitutor.menagerie.anatomy import HEAD
from xaitutor.menagerie.scene import PLACES, Scene
from xaitutor.menagerie.streams import stream

OTHERS = 2  # other places that stand for "no background"
_PARTS = ("legs", "tail", "body", "neck", "head")
_SOFA = ("feet", "back", "seat", "cushions", "arms")
_FEW = 6  # scenes that are drawn before other processes would have started


def parts(scene: Scene) -> tuple[str, ...]:
    """The five parts of a scene's object that are left out one by one. With the head goes what sits on it."""
    return _SOFA if scene.shape == "sofa" else _PARTS


def masks(scene: Scene, rendering) -> np.ndarray:
    """How much of each pixel belongs to each region, (6, 128, 128) float32: the parts, then the background; they add up to 1.

    Grass in front belongs to the background, and so does the animal's shadow.
    """
    covered = [_mask(rendering, part) for part in parts(scene)]
    return np.stack([*covered, 1 - np.sum(covered, axis=0)])


def _mask(rendering, part: str) -> np.ndarray:
    """The mask of all that leaves with a part; a part that grass or another part hides has an empty one."""
    leaving = HEAD if part == "head" else (part,)
    return sum((mask for name, mask in rendering.parts.items() if name in leaving), np.zeros_like(rendering.mask))


def elsewhere(scene: Scene, others: int = OTHERS, seed: int = 0) -> tuple[str, ...]:
    """`others` places that are not the scene's, drawn by its own seed and `seed`; a smaller number gives the first of them.

    Raises ValueError for fewer than two (one place alone would be a part of the answer) and for more than there are.
    """
    there = [place for place in PLACES if place != scene.place]
    if not 2 <= others <= len(there):
        raise ValueError(f"others must be 2 to {len(there)} other places, not {others!r}")
    order = np.argsort(stream(scene.seed, f"elsewhere {seed}").random(len(there)))
    return tuple(there[i] for i in order[:others])


def coalitions(scene: Scene, places: Sequence[str]) -> np.ndarray:
    """The scene with each subset of its parts in each of the places: (places, 32, 128, 128, 3) uint8.

    In picture s of a place part i is there where bit i of s is 1: the last has all of them, the first none.
    """
    names = parts(scene)
    missing = [[part for i, part in enumerate(names) if not subset >> i & 1] for subset in range(2 ** len(names))]
    return np.stack([[scene.replace(place=place).without(*gone).render().image for gone in missing] for place in places])


def draw(scenes: Iterable[tuple[Scene, Sequence[str]]]) -> Iterator[np.ndarray]:
    """`coalitions` of each scene and its places, in this order, by as many processes as there are cores."""
    scenes = list(scenes)
    if len(scenes) <= _FEW:
        yield from (coalitions(*scene) for scene in scenes)
        return
    workers, waiting = min(os.cpu_count() or 1, 8), deque()
    try:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            for scene in scenes:
                waiting.append(pool.submit(coalitions, *scene))
                if len(waiting) > 2 * workers:  # some are ready before they are asked for, not all
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise RuntimeError("the processes that draw did not start; in a script of your own, put the call below "
                           "if __name__ == \"__main__\":") from error
