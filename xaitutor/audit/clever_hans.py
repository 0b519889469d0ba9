"""Found without being told: which class does the network recognise by the place in which it stands? Blindly, on scenes in which class and place are free.

1. Suspect (`excess`, `suspicion`). The same scenes in every place; of each, the relevance that a method gives to the background for the scene's own
   class. Where one class gets far more from one place than from the others, that place may be the reason.
2. Convict (`lost`). Take the animals that are recognised there, put them elsewhere, and count how many are no longer.

The first is a hint, the second is the proof. ``python -m xaitutor.audit.clever_hans`` measures both over many draws of scenes (`data/clever_hans.json`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from xaitutor.attribution import deeplift
from xaitutor.files import data_files, new_files
from xaitutor.menagerie import CLASSES, Dataset, Scene
from xaitutor.menagerie.scene import PLACES
from xaitutor.progress import tqdm, until_interrupted
from xaitutor.truth import networks
from xaitutor.truth.agreement import bootstrap
from xaitutor.truth.networks import Network
from xaitutor.truth.scoreboard import compact
from xaitutor.truth.situations import SPLIT
from xaitutor.units.sensitivity import Interval

FILE = "clever_hans.json"
NETWORKS = ("menagerie_resnet18", "menagerie_resnet18_standard", "menagerie_resnet18_biased")
SEEDS, SCENES, PROOFS = 20, 4, 30  # draws; scenes of each class in one of them; animals that are put elsewhere
SHARE = 0.1  # of answers that depend on the place: more is a Clever Hans
BATCH = 56


class Suspicion(NamedTuple):
    """The class and the place whose background relevance stands out most, and by how much, in logits: `excess` with its interval over scenes."""

    label: int
    place: str
    excess: Interval


def in_every_place(count: int, seed: int) -> list[list[Scene]]:
    """`count` scenes of each class, each in all places: (classes · count, places). The classes come in turn."""
    dataset = Dataset(count * len(CLASSES), SPLIT, seed)
    return [[dataset.scene(i).replace(place=place) for place in PLACES] for i in range(len(dataset))]


def excess(network: Network, scenes: Sequence[Sequence[Scene]], method: Callable = deeplift) -> np.ndarray:
    """How much more relevance the background has in a place than in the mean over all places: (classes, places, scenes), for each scene's own class.

    scenes: as `in_every_place` gives them. method: as (model, x, target) gives contributions to the logit, with their sign.
    """
    flat, labels = [scene for row in scenes for scene in row], np.repeat(np.arange(len(scenes)) % len(CLASSES), len(PLACES))
    found = np.concatenate([_background(network, flat[i:i + BATCH], labels[i:i + BATCH], method) for i in range(0, len(flat), BATCH)])
    by_class = found.reshape(-1, len(CLASSES), len(PLACES)).transpose(1, 2, 0)
    return by_class - by_class.mean(axis=1, keepdims=True)


def suspicion(table: np.ndarray) -> Suspicion:
    """The largest mean in a table of `excess`."""
    label, place = np.unravel_index(table.mean(axis=2).argmax(), table.shape[:2])
    return Suspicion(int(label), PLACES[place], bootstrap(table[label, place]))


def lost(network: Network, label: int, place: str, count: int = PROOFS, seed: int = 0) -> Interval:
    """Of the animals of this class that the network recognises in this place, the share that it no longer recognises elsewhere, with its interval.

    Each stands once in the place and once in one of the others, in turn; all else is the same. Raises ValueError where it recognises fewer than two.
    """
    dataset = Dataset(count * len(CLASSES), SPLIT, 1000 + seed)
    here = [dataset.scene(i).replace(place=place) for i in range(label, len(dataset), len(CLASSES))]
    others = [one for one in PLACES if one != place]
    there = [scene.replace(place=others[i % len(others)]) for i, scene in enumerate(here)]
    right, after = (answers(network, scenes) == label for scenes in (here, there))
    if right.sum() < 2:
        raise ValueError(f"{network.name} recognises {right.sum()} of {count} pictures of the class {list(CLASSES)[label]} on {place}: nothing can be lost")
    return bootstrap(~after[right])


def answers(network: Network, scenes: Sequence[Scene]) -> np.ndarray:
    """The class that the network names for each scene, (N,)."""
    x = network.inputs(np.stack([scene.render().image for scene in scenes]))
    with torch.no_grad():
        return torch.cat([network.model(part).argmax(dim=1) for part in x.split(BATCH)]).numpy()


def _background(network: Network, scenes: Sequence[Scene], labels: np.ndarray, method: Callable) -> np.ndarray:
    """The relevance of the background of each scene for its class, (N,)."""
    drawn = [scene.render() for scene in scenes]
    x = network.inputs(np.stack([rendering.image for rendering in drawn]))
    behind = torch.from_numpy(np.stack([1 - rendering.mask for rendering in drawn]))
    relevance = method(network.model, x, torch.from_numpy(labels)).detach().sum(dim=1)
    return (relevance * behind).sum(dim=(1, 2)).double().numpy()


# The measurement


def read() -> dict:
    """All of `data/clever_hans.json`, verified: by network a list of draws, each with class, place, excess, and the share of answers lost."""
    return json.loads(data_files.verify(FILE).read_text(encoding="utf-8"))


def main() -> None:
    asked, found = [networks.network(name) for name in NETWORKS], {name: [] for name in NETWORKS}
    for seed in tqdm(range(1, SEEDS + 1), "draws"):
        scenes = in_every_place(SCENES, seed)
        for network in asked:
            suspect = suspicion(excess(network, scenes))
            proof = lost(network, suspect.label, suspect.place, seed=seed)
            found[network.name].append({"class": list(CLASSES)[suspect.label], "place": suspect.place, "excess": round(suspect.excess.value, 2),
                                        "lost": round(proof.value, 3)})
    about = {"scenes of each class": SCENES, "animals put elsewhere": PROOFS, "method": "deeplift", "split": SPLIT}
    path = data_files.DATA / FILE
    new_files.put(path, compact({"about": about, "draws": found}))
    data_files.write_sums()
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    sys.exit(until_interrupted(main))
