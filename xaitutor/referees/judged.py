"""The referees before the truth: ``python -m xaitutor.referees.judged``. Which of them would one trust where there is no truth?

Each referee gives each method a value for each scene and network; so does the truth (`truth.scoreboard`). `agreement` says how alike their orders
of the methods are, `right_pairs` how often the referee names the better one of two where the truth is sure. `data/referees.json` holds the values.

All referees judge the same thing: the map for the scene's class, with its sign, the sum over colours; only pointing, mass, and those "without sign" get
the heat that one sees of it. Methods that ask a hundred times and more are not asked again under noise or with other weights.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xaitutor.attribution import METHODS, heatmap, signed_heatmap
from xaitutor.files import data_files, new_files
from xaitutor.progress import tqdm, until_interrupted
from xaitutor.referees import curves, faithfulness, randomisation
from xaitutor.referees.complexity import gini
from xaitutor.referees.similarity import rank_correlation
from xaitutor.truth import cache, controls, networks, scoreboard
from xaitutor.truth.agreement import rank_agreement
from xaitutor.truth.given import VARIANTS, Contestant, contestant
from xaitutor.truth.localisation import pointing_game, relevance_mass
from xaitutor.truth.networks import Network
from xaitutor.truth.scores import BATCH, fits
from xaitutor.truth.situations import pictures, situations
from xaitutor.units.sensitivity import Interval, interval

FILE = "referees.json"
SCENES = scoreboard.FEW  # of these everybody has scores
STEPS, FEW_STEPS, SHAKES = 16, 5, 5  # of a curve; of one with imputation; of max-sensitivity
NETWORKS = scoreboard.NETWORKS
QUESTIONS = ("rank", "class_contrast", "network_contrast")
SLOPES = ("gradient", "smoothgrad", "deconvnet", "guided_backprop", "guided_grad_cam")  # in units of score by colour, not of score


class Referee(NamedTuple):
    """What people call it, and whether more (1) or less (−1) of it is said to be better."""

    title: str
    better: int


REFEREES = {
    "deletion": Referee("Deletion, blur", -1), "deletion_grey": Referee("Deletion, grey", -1), "deletion_heat": Referee("Deletion, blur, without sign", -1),
    "road": Referee("Deletion, imputed (ROAD)", -1), "insertion": Referee("Insertion, blur", 1),
    "insertion_heat": Referee("Insertion, blur, without sign", 1), "infidelity": Referee("Infidelity", -1),
    "max_sensitivity": Referee("Max-sensitivity", -1), "cascade": Referee("Random weights, likeness", -1), "efficient_mprt": Referee("Random weights, entropy", 1),
    "pointing": Referee("Pointing game", 1), "mass": Referee("Heat on the object", 1), "gini": Referee("Sparseness (Gini)", 1),
    "consensus": Referee("Agreement with the others", 1),
}


# The result


def read() -> dict:
    """All of `data/referees.json`, verified: under "values" by network, referee and method one number a scene."""
    return json.loads(data_files.verify(FILE).read_text(encoding="utf-8"))


def agreement(referee: str, question: str = "class_contrast", only: Sequence[str] | None = None, without: Sequence[str] = ()) -> Interval:
    """Spearman's correlation over the methods between the referee's order of them and the truth's, in the mean over the networks.

    Both orders are of means over the scenes; the interval is over scenes. only: names of networks; without: methods that are left out. The
    controls are not among the methods. Positive: whom the referee praises, the truth praises, too.
    """
    tables = [_methods(table, without) for table in _tables(referee, question, only)]
    return _over_scenes(tables, [rank_agreement] * len(tables))


def right_pairs(referee: str, question: str = "class_contrast", only: Sequence[str] | None = None) -> Interval:
    """Of all pairs of methods and controls of which the truth is sure which is better, the share in which the referee says so, too, in the mean
    over the networks; ½ is chance. Where it makes no difference it is half right. The interval is over scenes."""
    tables = _tables(referee, question, only)
    return _over_scenes(tables, [partial(_named_right, _sure(table.true.tobytes(), table.true.shape)) for table in tables])


def by_network(referee: str, question: str = "class_contrast", without: Sequence[str] = ()) -> dict[str, Interval]:
    """`agreement` on each network alone."""
    return {name: agreement(referee, question, [name], without) for name in NETWORKS}


class _Table(NamedTuple):
    """On one network: the methods' `names`, and (methods, scenes) what the referee gave, the more the better, and what is true."""

    names: list[str]
    given: np.ndarray
    true: np.ndarray


def _tables(referee: str, question: str, only: Sequence[str] | None) -> list[_Table]:
    _known(referee, REFEREES, "referee"), _known(question, QUESTIONS, "question")
    values, truth = read()["values"], scoreboard.read()["values"]
    result = []
    for network in only or NETWORKS:
        given, true = values[_known(network, values, "network")][referee], truth[network][question]
        names = [name for name in given if name in true]
        result.append(_Table(names, REFEREES[referee].better * np.array([given[name] for name in names]),
                             np.array([true[name][: len(given[name])] for name in names]) / 100))
    return result


def _methods(table: _Table, without: Sequence[str]) -> _Table:
    kept = [i for i, name in enumerate(table.names) if name not in (*controls.CONTROLS, *without)]
    return _Table([table.names[i] for i in kept], table.given[kept], table.true[kept])


def _over_scenes(tables: Sequence[_Table], statistics: Sequence[Callable]) -> Interval:
    """The mean over networks of each one's `statistic(given, true)`, of means over resampled scenes, both (resamples, methods), with its interval."""

    def mean(weights: np.ndarray) -> np.ndarray:
        rows = np.atleast_2d(weights).T  # (scenes, resamples)
        # rounded, so that methods that are equal stay so in whatever order a processor adds
        found = np.mean([statistic(*(np.round(each @ rows, 9).T for each in (table.given, table.true))) for table, statistic in zip(tables, statistics)], axis=0)
        return found if np.ndim(weights) > 1 else found[0]

    return interval(mean, tables[0].given.shape[1])


@lru_cache(maxsize=16)  # the same for all referees
def _sure(values: bytes, shape: tuple[int, int]) -> np.ndarray:
    """Of each pair of rows (methods, scenes), +1 where the first is certainly better (its interval of the paired difference lies above 0), −1 the other
    way, 0 unsure."""
    true = np.frombuffer(values).reshape(shape)
    result = np.zeros((len(true), len(true)))
    for i in range(len(true)):
        for j in range(i):
            gap = interval(lambda w, i=i, j=j: w @ (true[i] - true[j]), true.shape[1])
            result[i, j] = (gap.low > 0) - (gap.high < 0)
    return result


def _named_right(sure: np.ndarray, given: np.ndarray, _) -> np.ndarray:
    gap = np.sign(given[:, :, None] - given[:, None]) * sure
    return (gap[:, sure != 0] + 1).mean(axis=1) / 2


def _known(name: str, names, what: str) -> str:
    if name not in names:
        raise ValueError(f"there is no {what} {name!r} here; there is {', '.join(names)}")
    return name


# The measurement


def main() -> None:
    everybody = [who for who in map(contestant, (*METHODS, *VARIANTS, *controls.CONTROLS)) if who.needs != "regions"]
    values = {name: measure(networks.network(name), everybody) for name in NETWORKS}
    path = data_files.DATA / FILE
    about = {"scenes": SCENES, "steps": STEPS, "steps with imputation": FEW_STEPS, "shakes": SHAKES, "better": {name: r.better for name, r in REFEREES.items()}}
    new_files.put(path, scoreboard.compact({"about": about, "values": values}))
    data_files.write_sums()
    print(f"{path}: {path.stat().st_size} bytes")


def measure(network: Network, everybody: Sequence[Contestant], scenes: int = SCENES) -> dict[str, dict[str, list[float]]]:
    """What each referee gives each method that fits the network, for each scene: by referee and method."""
    found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in REFEREES}
    for start in range(0, scenes, BATCH):
        cast = situations(range(start, min(start + BATCH, scenes)))
        drawn, labels = pictures([s.scene for s in cast]), torch.tensor([s.label for s in cast])
        x, maps = network.inputs(drawn.images), {}
        seen = faithfulness.falls(network.model, x, labels)
        for who in tqdm([who for who in everybody if fits(who, network)], f"{network.name}, from scene {start}"):
            values = _kept(who, network, x, labels, seen, torch.from_numpy(drawn.objects))
            maps[who.name] = torch.from_numpy(values.pop("map"))
            for referee, row in values.items():
                found[referee][who.name] += [round(float(value), 3) + 0.0 for value in row]
        for name, row in consensus({name: one for name, one in maps.items() if name not in controls.CONTROLS}, maps).items():
            found["consensus"][name] += [round(float(value), 3) + 0.0 for value in row]
    return {referee: dict(rows) for referee, rows in found.items()}


def consensus(methods: dict[str, Tensor], everybody: dict[str, Tensor]) -> dict[str, Tensor]:
    """For each map (N, H, W) of everybody the mean rank correlation with those of all other methods: (N,)."""
    return {name: torch.stack([rank_correlation(one, other) for of, other in methods.items() if of != name]).mean(dim=0) for name, one in everybody.items()}


def _kept(who: Contestant, network: Network, *situation) -> dict[str, np.ndarray]:
    """As `_values`; from the cache where nothing has changed."""
    name = cache.name_of(who.code, network.weights, cache.name_of(situation[0].numpy().tobytes()), cache.code("xaitutor.referees.judged", without="xaitutor.menagerie"))
    return cache.read("referees", name) or cache.write("referees", name, **{key: np.asarray(value) for key, value in _values(who, network, *situation).items()})


def _values(who: Contestant, network: Network, x: Tensor, labels: Tensor, seen: faithfulness.Falls, objects: Tensor) -> dict[str, Tensor]:
    """What each referee gives a method on some scenes, by name, and the method's "map" with its sign, at a quarter of the size."""
    model, size = network.model, x.shape[2:]
    attribution = who.function(model, x.clone(), labels.clone()).detach()
    signed, heat = signed_heatmap(attribution, clip=1, size=size), heatmap(attribution, who.reduce, clip=1, size=size)
    curve = lambda game, by, steps=STEPS, fill="blur": game(model, x, labels, by, fill=fill, steps=steps)  # noqa: E731
    nothing = seen.fall.square().mean(dim=1)
    found = {
        "deletion": curve(curves.deletion, signed), "deletion_grey": curve(curves.deletion, signed, fill="grey"), "deletion_heat": curve(curves.deletion, heat),
        "road": curve(curves.deletion, signed, FEW_STEPS, curves.IMPUTED), "insertion": curve(curves.insertion, signed),
        "insertion_heat": curve(curves.insertion, heat),
        "infidelity": faithfulness.missed(seen, attribution, contributions=who.name not in SLOPES) / nothing,
        "pointing": pointing_game(heat, objects).double(), "mass": relevance_mass(heat, objects), "gini": gini(attribution),
        "map": torch.nn.functional.avg_pool2d(signed, 4),
    }
    if not who.many:
        found["max_sensitivity"] = faithfulness.max_sensitivity(model, x, labels, who.function, samples=SHAKES)
        found["cascade"] = randomisation.cascade(model, x, labels, who.function).mean(dim=0)
        found["efficient_mprt"] = randomisation.efficient_mprt(model, x, labels, who.function)
    return found


if __name__ == "__main__":
    sys.exit(until_interrupted(main))
