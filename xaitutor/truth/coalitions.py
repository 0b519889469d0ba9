"""The value of a coalition: what a network says of a scene of which only some regions are there.

v(S) are the logits of the scene drawn with the regions of S (`drawing`). Where the background is not in S, they are the mean
over other places. 2⁶ coalitions of the five parts and the background: 32 × (1 + others) pictures a scene, each drawn once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from xaitutor.menagerie.scene import Scene
from xaitutor.progress import tqdm
from xaitutor.truth import cache, drawing
from xaitutor.truth.networks import Network

BATCH = 32  # pictures in memory at a time: the parts' coalitions in one place


def coalition_values(networks: Sequence[Network], scenes: Sequence[Scene], others: int = drawing.OTHERS,
                     seed: int = 0) -> np.ndarray:
    """v(S) of all classes: (networks, scenes, classes, 64) float64. In S region i is there where bit i is 1: the five parts, then
    the background. What was computed before comes from the cache; a scene is drawn once for all networks.
    """
    return with_background(logits(networks, scenes, [(scene.place, *drawing.elsewhere(scene, others, seed)) for scene in scenes]))


def with_background(by_place: np.ndarray) -> np.ndarray:
    """The game of all six regions (…, 64), from the parts' in each place (…, places, 32), of which the first is the scene's own."""
    return np.concatenate([by_place[..., 1:, :].mean(axis=-2), by_place[..., 0, :]], axis=-1)


def logits(networks: Sequence[Network], scenes: Sequence[Scene], places: Sequence[Sequence[str]]) -> np.ndarray:
    """The logits of the parts' coalitions in these places: (networks, scenes, classes, places, 32)."""
    names = [[_name(network, scene, where) for scene, where in zip(scenes, places)] for network in networks]
    known = [[name and cache.read("values", name) for name in row] for row in names]
    found = [[None if one is None else one["logits"] for one in row] for row in known]
    missing = [i for i in range(len(scenes)) if any(row[i] is None for row in found)]
    drawn = drawing.draw((scenes[i], places[i]) for i in missing)
    for i in tqdm(missing, "coalitions", disable=len(missing) < 3, leave=False):
        pictures = next(drawn)
        for network, row, name in zip(networks, found, names):
            if row[i] is None:
                row[i] = _logits(network, pictures)
                if name[i]:
                    cache.write("values", name[i], logits=row[i])
    return np.stack([np.stack(row) for row in found])


def _logits(network: Network, pictures: np.ndarray) -> np.ndarray:
    """(classes, places, 32) float64 of pictures (places, 32, 128, 128, 3)."""
    x = network.inputs(pictures.reshape(-1, *pictures.shape[2:])).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        found = torch.cat([network.model(batch) for batch in x.split(BATCH)])
    return found.cpu().double().numpy().reshape(*pictures.shape[:2], -1).transpose(2, 0, 1)


def _name(network: Network, scene: Scene, places: Sequence[str]) -> str | None:
    if network.weights is None:
        return None
    return cache.name_of(scene, tuple(places), network.weights, cache.code("xaitutor.truth.coalitions"))
