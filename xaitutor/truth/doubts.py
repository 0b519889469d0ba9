"""Doubts about the truth itself, measured: ``python -m xaitutor.truth.doubts``. Which of its answers survive another question?

The same scenes and explanations are judged by other truths: more other places, other ones, regions hidden by blur or by grey
instead of by the renderer, larger regions, leaving out one instead of Shapley values. Then by explanations that are planted: φ itself,
as far as a coarse map, a map without negative values, or heat can show it; and edges multiplied by the class's logit, which know
nothing but the answer. `data/doubts.json` holds the result.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import kendalltau

from xaitutor.attribution import METHODS
from xaitutor.files import data_files, new_files
from xaitutor.progress import tqdm, until_interrupted
from xaitutor.truth import coalitions, controls, drawing, networks, scores
from xaitutor.truth.agreement import bootstrap, rank_agreement
from xaitutor.truth.contrasts import asked
from xaitutor.truth.given import contestant, relevance
from xaitutor.truth.networks import Network
from xaitutor.truth.scoreboard import NETWORKS, compact
from xaitutor.truth.scores import Record
from xaitutor.truth.shapley import left_out, merged, shapley_values
from xaitutor.truth.situations import pictures, situations

FILE = "doubts.json"
SCENES = 36  # three of each class
SIX = 6  # all other places there are
ASKED = ("rank", "class_contrast", "network_contrast")
LARGER = ((0, 1), (2,), (3, 4), (5,))  # legs and tail; body; neck and head; background
BLUR = 8  # pixels: the standard deviation
HIDDEN = 10  # pixels: a region with less is not to be seen


class Scenes(NamedTuple):
    """The scenes of all doubts: `values` (networks, N, classes, places, 32) with all six other places, `painted` by way of hiding (networks,
    N, classes, 64), and each network's `targets` (2, N): the true class, and the strongest other."""

    cast: list
    drawn: object
    values: np.ndarray
    painted: dict[str, np.ndarray]
    targets: np.ndarray


def read() -> dict:
    """All of `data/doubts.json`, verified. Raises what `data_files.verify` raises."""
    return json.loads(data_files.verify(FILE).read_text(encoding="utf-8"))


def main() -> None:
    asked_of = [networks.network(name) for name in NETWORKS]
    everybody = [contestant(name) for name in (*METHODS, *controls.CONTROLS)]
    found = scores.records(everybody, asked_of, [], SCENES)
    there = prepare(asked_of)
    result = {"about": {"scenes": SCENES, "blur": BLUR, "larger": LARGER, "questions": ASKED},
              "truths": compared(there), "methods": judged(there, found), "planted": planted(there, found), "hidden": hidden(there)}
    path = data_files.DATA / FILE
    new_files.put(path, compact(result))
    data_files.write_sums()
    print(f"{path}: {path.stat().st_size} bytes")


def prepare(asked_of: Sequence[Network], scenes: int = SCENES) -> Scenes:
    """All that the other truths are computed from."""
    cast = situations(range(scenes))
    places = [(s.scene.place, *drawing.elsewhere(s.scene, SIX)) for s in cast]
    values = coalitions.logits(asked_of, [s.scene for s in cast], places)
    drawn, labels = pictures([s.scene for s in cast]), np.array([s.label for s in cast])
    targets = np.stack([np.stack([labels, scores.strongest_other(v[:, :, 0, -1], labels)]) for v in values])
    ways = {"blurred": _blurred(drawn.images), "grey": _grey(asked_of[0], drawn.images)}
    return Scenes(cast, drawn, values, {way: _painted(asked_of, drawn, behind, way) for way, behind in ways.items()}, targets)


def truths(there: Scenes) -> dict[str, np.ndarray]:
    """The other truths by name, the first of them the one in use: φ of the two classes, (networks, 2, N, 6), or (networks, 2, N, 4)."""
    games = {"in use": _others(there, 2, 0)}
    games |= {f"{others} other places": _others(there, others, 0) for others in (4, SIX)}
    games |= {f"seed {seed}": _others(there, 2, seed) for seed in (1, 2, 3)}
    games |= there.painted
    result = {name: _of_targets(shapley_values(game), there.targets) for name, game in games.items()}
    result["one left out"] = _of_targets(left_out(games["in use"]), there.targets)
    result["larger regions"] = _of_targets(shapley_values(merged(games["in use"], LARGER)), there.targets)
    return result


def compared(there: Scenes) -> dict[str, dict[str, dict[str, list]]]:
    """By network and truth: how far it agrees with the one in use (rank correlation a scene, of φ and of its class contrast), and
    the mean change of φ, as a share of the mean |φ|. For larger regions, φ of the parts is added up."""
    everything, result = truths(there), {}
    for number, network in enumerate(NETWORKS):
        own = everything["in use"][number]
        result[network] = {}
        for name, other in list(everything.items())[1:]:
            theirs = other[number]
            mine = own if theirs.shape == own.shape else _added(own)
            result[network][name] = {
                "rank": _rounded(bootstrap(rank_agreement(theirs[0], mine[0]))),
                "class_contrast": _rounded(bootstrap(rank_agreement(theirs[0] - theirs[1], mine[0] - mine[1]))),
                "change": round(float(np.abs(theirs[0] - mine[0]).mean() / np.abs(mine[0]).mean()), 3)}
    return result


def judged(there: Scenes, found: dict[tuple[str, str], Record]) -> dict:
    """By network and question: each method's score by each truth; Kendall's τ between the orders of the methods; and which differences
    between two methods are certain by the truth in use, and have the same sign by all (or not)."""
    everything, result = truths(there), {}
    for number, network in enumerate(NETWORKS):
        partner = NETWORKS.index(networks.PARTNERS[network])
        result[network] = {question: {} for question in ASKED}
        for question in ASKED:
            rows = {name: _scores(question, number, partner, network, phi, found) for name, phi in everything.items()}
            means = {name: {who: row.mean() for who, row in scored.items()} for name, scored in rows.items()}
            order = {name: round(float(kendalltau(list(mean.values()), list(means["in use"].values())).statistic), 2)
                     for name, mean in means.items()}
            result[network][question] = {"tau": order, "scores": {name: _named(mean) for name, mean in means.items()}} | _survive(rows)
    return result


def planted(there: Scenes, found: dict[tuple[str, str], Record]) -> dict[str, dict[str, dict[str, float]]]:
    """By network, question and lie: what planted explanations score."""
    phi, result = truths(there)["in use"], {}
    edges = found["sobel", NETWORKS[0]].signed[0]
    size = there.drawn.regions.sum(axis=(2, 3))
    full = there.values[:, :, :, 0, -1]  # the logits of the whole scenes
    for number, network in enumerate(NETWORKS):
        logits = np.stack([full[number, np.arange(SCENES), target] for target in there.targets[number]])[..., None]
        partner = NETWORKS.index(networks.PARTNERS[network])
        theirs = full[partner, np.arange(SCENES), there.targets[number, 0]][:, None]
        on_object = np.where(np.arange(6) < 5, size, 0)
        lies = {
            "8 × 8 places": (np.stack([_coarse(there, p) for p in phi[number]]), _coarse(there, phi[partner, 0])),
            "nothing negative": (np.maximum(phi[number], 0), np.maximum(phi[partner, 0], 0)),
            "heat": (np.abs(phi[number]), np.abs(phi[partner, 0])),
            "only what is seen": (np.where(size >= HIDDEN, phi[number], 0), np.where(size >= HIDDEN, phi[partner, 0], 0)),
            "edges × logit": (edges * logits, edges * theirs),
            "object × logit": (on_object * logits, on_object * theirs),
        }
        result[network] = {question: {lie: round(float(_agreement(question, given, other, phi[number], phi[partner, 0]).mean()), 3)
                                      for lie, (given, other) in lies.items()} for question in ASKED}
    return result


def hidden(there: Scenes) -> dict[str, dict[str, float]]:
    """How many of the parts are hardly to be seen, and how much of Σ|φ| they have all the same."""
    unseen = there.drawn.regions[:, :5].sum(axis=(2, 3)) < HIDDEN
    phi, result = truths(there)["in use"], {}
    for number, network in enumerate(NETWORKS):
        own = np.abs(phi[number, 0])
        result[network] = {"parts": round(float(unseen.mean()), 3), "share of φ": round(float(own[:, :5][unseen].sum() / own.sum()), 4)}
    return result


def _others(there: Scenes, others: int, seed: int) -> np.ndarray:
    """The game with the first so many places of this seed's order: (networks, N, classes, 64)."""
    games = []
    for i, s in enumerate(there.cast):
        drawn = drawing.elsewhere(s.scene, SIX)
        chosen = [1 + drawn.index(place) for place in drawing.elsewhere(s.scene, others, seed)]
        games.append(coalitions.with_background(there.values[:, i][:, :, [0, *chosen]]))
    return np.stack(games, axis=1)


def _painted(asked_of, drawn, behind: np.ndarray, way: str) -> np.ndarray:
    """v(S) where what is not in S is painted over with `behind` (N, 128, 128, 3): (networks, N, classes, 64)."""
    result = np.empty((len(asked_of), len(behind), 12, 64))
    for i in tqdm(range(len(behind)), way, leave=False):
        there = np.stack([drawn.regions[i, [r for r in range(6) if s >> r & 1]].sum(axis=0) for s in range(64)])[..., None]
        mixed = (there * drawn.images[i] + (1 - there) * behind[i] + 0.5).astype(np.uint8)
        for number, network in enumerate(asked_of):
            with torch.inference_mode():
                result[number, i] = network.model(network.inputs(mixed)).double().numpy().T
    return result


def _blurred(images: np.ndarray) -> np.ndarray:
    return gaussian_filter(images.astype(np.float32), BLUR, axes=(1, 2))


def _grey(network: Network, images: np.ndarray) -> np.ndarray:
    return np.broadcast_to(255 * np.float32(network.preprocess.mean), images.shape)


def _of_targets(values: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """From all classes, (networks, N, classes, regions), those of `targets` (networks, 2, N): (networks, 2, N, regions)."""
    rows = np.arange(values.shape[1])
    return np.stack([np.stack([own[rows, target] for target in pair]) for own, pair in zip(values, targets)])


def _added(table: np.ndarray) -> np.ndarray:
    """What the larger regions have together."""
    return np.stack([table[..., list(group)].sum(axis=-1) for group in LARGER], axis=-1)


def _scores(question: str, number: int, partner: int, network: str, phi: np.ndarray, found) -> dict[str, np.ndarray]:
    """Each method's score of each scene by this truth."""
    true, rows = (phi[number], phi[partner, 0]), {}
    for (who, where), record in found.items():
        other = found.get((who, NETWORKS[partner]))
        if where == network:
            given = record.signed[:2], other.signed[0]
            given = given if true[1].shape == given[1].shape else tuple(_added(table) for table in given)
            rows[who] = _agreement(question, *given, *true)
    return rows


def _agreement(question: str, given, other, phi, other_phi) -> np.ndarray:
    ask = lambda tables, partner: asked(np.stack([*tables, tables[0]]), partner)[question]  # noqa: E731
    return rank_agreement(ask(given, other), ask(phi, other_phi))


def _coarse(there: Scenes, phi: np.ndarray) -> np.ndarray:
    """What is left of φ (N, 6) in a map of 8 × 8 places: spread evenly over each region, averaged, enlarged as methods' maps are."""
    regions = torch.from_numpy(there.drawn.regions).double()
    density = torch.from_numpy(phi) / regions.sum(dim=(2, 3)).clamp(min=1)
    whole = torch.einsum("nr,nrhw->nhw", density, regions)[:, None]
    return relevance(torch.nn.functional.adaptive_avg_pool2d(whole, 8), regions).numpy()


def _survive(rows: dict[str, dict[str, np.ndarray]]) -> dict[str, list[str]]:
    """The differences that are certain by the truth in use, "a > b": those with the same sign by all truths, and the others."""
    kept, lost = [], []
    for a, b in combinations(rows["in use"], 2):
        gap = bootstrap(rows["in use"][a] - rows["in use"][b])
        if gap.low > 0 or gap.high < 0:
            better, worse = (a, b) if gap.value > 0 else (b, a)
            everywhere = all((scored[better] - scored[worse]).mean() > 0 for scored in rows.values())
            (kept if everywhere else lost).append(f"{better} > {worse}")
    return {"survive": kept, "fall": lost}


def _named(means: dict[str, float]) -> dict[str, float]:
    return {name: round(float(mean), 3) + 0.0 for name, mean in means.items()}


def _rounded(values) -> list[float]:
    return [round(float(value), 3) + 0.0 for value in values]


if __name__ == "__main__":
    sys.exit(until_interrupted(main))
