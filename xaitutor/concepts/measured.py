"""Units, probes, components and dictionaries before the same questions: ``python -m xaitutor.concepts.measured`` (`data/concepts.json`; a quarter of an hour).

Each basis is asked: how many of its features mean one thing (`units.judge`), which levels of the scenes' factors come out (`recovered`), how many come back with
another seed (`common`), and whether the best feature of a level is worth to a class what the level is worth, when a scene is drawn with it and without.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from xaitutor.concepts import dictionaries
from xaitutor.concepts.basis import Basis, Features, pooled, unit_basis, vectors
from xaitutor.concepts.components import components
from xaitutor.concepts.meanings import LEVELS, common, contributions, effects, recovered
from xaitutor.concepts.probes import concept_vector, probes
from xaitutor.concepts.tcav import draws, sensitivity, tcav
from xaitutor.files import data_files, new_files
from xaitutor.menagerie import CLASSES, sample
from xaitutor.progress import tqdm, until_interrupted
from xaitutor.truth import networks
from xaitutor.truth.networks import Network
from xaitutor.units.counterfactuals import FACTORS, Responses, independent_scenes, responses
from xaitutor.units.sensitivity import Interval, interval
from xaitutor.units.verdicts import judge

FILE = "concepts.json"
SCENES = 96  # a feature that is seldom active needs many
LABELLED = 600  # scenes that a probe learns from
NETWORK, BIASED, HEAD = "menagerie_resnet18", "menagerie_resnet18_biased", "fc"
CLASS_SCENES = 12
OUT = 0.9  # a level has come out where a feature's AUC is this or more


class Entry(NamedTuple):
    """A basis of a network's layer, and the same with another seed (None where there is none)."""

    network: Network
    layer: str
    basis: Basis
    again: Basis | None = None


def labelled(seed: int) -> tuple[Tensor, np.ndarray]:
    """Pictures (LABELLED, 3, 128, 128) in [0, 1] of scenes with independent factors, and which of `LEVELS` each has, (levels, LABELLED)."""
    scenes = independent_scenes(LABELLED, seed)
    return _pictures(scenes), np.array([[getattr(scene, factor) == level for scene in scenes] for factor, level in LEVELS])


def random_basis(a: Tensor, count: int, seed: int) -> Basis:
    """The control: directions that nothing was fitted to, active where the activation less its mean goes their way."""
    directions = F.normalize(torch.randn(count, a.shape[1], generator=torch.Generator().manual_seed(seed)), dim=1)
    mean = vectors(a).mean(0)[:, None, None]
    return Basis(directions, lambda new: torch.einsum("kc,nchw->nkhw", directions, new - mean).relu())


def agreement(given: np.ndarray, true: np.ndarray) -> Interval:
    """The correlation of two tables (scenes, levels, classes), each averaged over the scenes; resampled by scene."""
    n, one, two = len(given), given.reshape(len(given), -1), true.reshape(len(true), -1)

    def correlation(weights: np.ndarray) -> np.ndarray:
        a, b = (table - table.mean(-1, keepdims=True) for table in (weights @ one, weights @ two))
        return (a * b).sum(-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1))

    return interval(correlation, n)


def entries(network: Network, pictures: Tensor, taught: tuple[tuple[Tensor, np.ndarray], ...]) -> Iterator[tuple[str, Entry]]:
    """The bases of the table, each with its name. pictures: activations come from them; taught: what two draws of probes learn from."""
    def fitted(layer: str, fit) -> Entry:
        a = dictionaries.layer_activations(pictures, layer)
        return Entry(network, layer, *(fit(a, seed) for seed in (0, 1)))

    def learnt(layer: str) -> Entry:
        return Entry(network, layer, *(probes(pooled(network.model, layer, network.preprocess(x)), labels) for x, labels in taught))

    fresh = networks.untrained(NETWORK)
    for layer, channels, parts in (("layer4", 128, (8, 16, 32)), ("layer3", 64, (16,))):
        yield f"{layer}, units", Entry(network, layer, unit_basis(channels))
        yield f"{layer}, units, untrained", Entry(fresh, layer, unit_basis(channels))
        yield f"{layer}, random directions", fitted(layer, lambda a, seed: random_basis(a, 256, seed))
        yield f"{layer}, probes", learnt(layer)
        for k in parts:
            yield f"{layer}, components {k}", fitted(layer, lambda a, seed, k=k: components(a, k, seed))
        for features, active in ((64, 8), (256, 4), (256, 8), (256, 16), (1024, 8)) if layer == "layer4" else ((256, 8),):
            yield f"{layer}, dictionary {features}/{active}", fitted(layer, lambda a, seed, f=features, k=active: dictionaries.dictionary(
                dictionaries.train_dictionary(a, f, k, seed, progress=False)))


def row(entry: Entry, true: np.ndarray | None) -> dict:
    """What the table says of a basis. true: (scenes, levels, classes), the change of each logit; None where the layer is not before a linear head."""
    measured = asked(entry.network, entry.layer, entry.basis)
    features = measured.values["shape"].shape[-1]
    verdicts = [judge(measured, feature) for feature in range(features)]
    found = recovered(measured)
    table = {"features": features, "one factor": sum(v.kind in FACTORS for v in verdicts), "one level": sum("detector" in v.verdict for v in verdicts),
             "silent": sum(v.kind == "silent" for v in verdicts), "recovered": [level for (_, level), one in found.items() if one.auc >= OUT],
             "mean auc": round(float(np.mean([one.auc for one in found.values()])), 3)}
    if entry.again is not None:
        table["common"] = round(common(measured, asked(entry.network, entry.layer, entry.again)), 3)
    if true is not None:
        given = contributions(measured, entry.basis.directions, entry.network.model.get_submodule(HEAD).weight.detach())
        table["worth"] = [round(value, 3) for value in agreement(given, true)]
    return table


def asked(network: Network, layer: str, basis: Basis) -> Responses:
    """How a basis' features respond to the counterfactual scenes."""
    return responses(Features(network.model, layer, basis), "features", network.preprocess, SCENES, progress=False)["features"]


def tcav_table(network: Network, layer: str, taught: tuple[Tensor, np.ndarray]) -> dict:
    """For each level and class: TCAV's score and p, and how much the class's own scenes lose or gain in its logit by the level: (classes, levels) each."""
    pictures, labels = taught
    rows = pooled(network.model, layer, network.preprocess(pictures))
    drawn = [draws(rows[has], rows[~has]) for has in torch.from_numpy(labels)]
    vectors_ = torch.stack([concept_vector(rows[has], rows[~has]) for has in torch.from_numpy(labels)])
    table: dict[str, list] = {"score": [], "p": [], "slope": [], "true": []}
    for k, name in enumerate(CLASSES):
        scenes = [sample(900 + i, name) for i in range(CLASS_SCENES)]
        gradients = sensitivity(network.model, layer, network.preprocess(_pictures(scenes)), k)
        found = [tcav(gradients, one) for one in drawn]
        table["score"].append([round(one.score, 3) for one in found])
        table["p"].append([float(f"{one.p:.1e}") for one in found])
        table["slope"].append([round(value, 3) for value in (gradients @ vectors_.T).mean(0).tolist()])
        table["true"].append([round(float(value), 3) for value in _worth(network, scenes, k)])
    return table


def _worth(network: Network, scenes, k: int) -> list[float]:
    """The mean logit k of scenes with each level, less that with the factor's other levels."""
    worth = []
    for factor, levels in FACTORS.items():
        pictures = _pictures([scene.replace(**{factor: level}) for scene in scenes for level in levels])
        with torch.no_grad():
            logits = torch.cat([network.model(network.preprocess(part))[:, k] for part in pictures.split(64)])
        means = logits.reshape(len(scenes), len(levels)).mean(0)
        worth += [means[i] - np.delete(means.numpy(), i).mean() for i in range(len(levels))]
    return worth


def _pictures(scenes) -> Tensor:
    return torch.from_numpy(np.stack([scene.render().image for scene in scenes])).permute(0, 3, 1, 2) / 255


def read() -> dict:
    """All of `data/concepts.json`, verified: "bases", a row for each, "tcav", by network, and "about"."""
    return json.loads(data_files.verify(FILE).read_text(encoding="utf-8"))


def main() -> None:
    network, taught = networks.network(NETWORK), tuple(labelled(seed) for seed in (7, 8))
    logits = responses(network.model, HEAD, network.preprocess, SCENES)[HEAD]
    true = np.stack([effects(logits, *level) for level in LEVELS], axis=1)
    bases = {}
    for name, entry in tqdm(entries(network, dictionaries.training_pictures(), taught), "bases"):
        bases[name] = row(entry, true if entry.layer == "layer4" and entry.network is network else None)
    tables = {name: {layer: tcav_table(networks.network(name), layer, taught[0]) for layer in ("layer3", "layer4")} for name in (NETWORK, BIASED)}
    about = {"scenes": SCENES, "labelled": LABELLED, "scenes of a class": CLASS_SCENES, "levels": LEVELS, "classes": list(CLASSES)}
    new_files.put(data_files.DATA / FILE, json.dumps({"about": about, "bases": bases, "tcav": tables}, separators=(",", ":")) + "\n")
    data_files.write_sums()


if __name__ == "__main__":
    sys.exit(until_interrupted(main))
