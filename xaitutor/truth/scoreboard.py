"""Every method of the course against the truth: ``python -m xaitutor.truth.scoreboard`` (make scores), and what it found.

`data/explanations.json` holds, by network, score and method, means over the scenes with their 95 % intervals:

- the four questions of `contrasts`, by Spearman's correlation over the regions of each scene, signed and as heat
  ("…_unsigned"), and by Pearson's over the regions of all scenes ("…_pearson");
- where the object is: "pointing", "mass";
- "parts", a ranking of the parts by leaving out one, without the background: easily won by whoever knows where edges are;
- "alike", how alike a method's heatmaps of two classes are (`class_sensitivity`).

On top stand the means over the networks that a method fits; under "known" the networks whose reasons are known; under "untrained" the
same method on a network that learnt nothing; under "values" each scene's own scores, in hundredths, from which `difference`
computes the interval of a paired difference. Methods that ask for a hundred passes and more are scored over the first `FEW` scenes, three
of each class. A row is measured again when its method, the weights, the pictures or the way of scoring
have changed, and no other.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from xaitutor.attribution import METHODS
from xaitutor.files import data_files, new_files
from xaitutor.progress import tqdm, until_interrupted
from xaitutor.truth import cache, class_sensitivity, controls, disconnected, handwritten, networks, scores
from xaitutor.truth.agreement import bootstrap
from xaitutor.truth.contrasts import shares
from xaitutor.truth.drawing import parts
from xaitutor.truth.given import OPTIONS, VARIANTS, Contestant, contestant, explain
from xaitutor.truth.scores import BATCH, QUESTIONS, Record
from xaitutor.truth.situations import SEED, SPLIT, pictures, situations
from xaitutor.units.sensitivity import Interval

FILE = "explanations.json"
NETWORKS = tuple(networks.PARTNERS)
SCENES, FEW = 240, 36  # scenes; the first few for methods that ask for a hundred passes and more
PAIRED = (*QUESTIONS, "pointing", "mass", "parts")  # of these each scene's own scores are kept
KNOWN = ("disconnected", *handwritten.COUNTERS)
_LACKS = {"disconnected": ("linear head", "pixels", "regions")}  # it flattens a map of four places, and cuts the picture up first


class Row(NamedTuple):
    """One line of the table, ready to print: "0.61 [0.58, 0.64]" is a mean with its 95 % interval."""

    title: str
    rank: str
    class_contrast: str
    network_contrast: str
    picture_contrast: str
    pointing: str
    mass: str
    parts: str


# The result


def read() -> dict:
    """All of `data/explanations.json`, verified. Raises what `data_files.verify` raises."""
    return json.loads(data_files.verify(FILE).read_text(encoding="utf-8"))


def table(network: str = "menagerie_resnet18", names: Sequence[str] | None = None) -> list[Row]:
    """Methods and controls on one network: those of `names`, or the methods and then the controls.

    A lesson names its own, so that it says the same when the course has more.
    """
    scored = _of(network, "networks")
    rows = [_known(name, scored["rank"], "method") for name in names or scored["rank"]]
    return [Row(titles()[name], *(printed(*scored[column][name]) for column in Row._fields[1:])) for name in rows]


def untrained(network: str = "menagerie_resnet18") -> dict[str, tuple[str, str, str]]:
    """Pointing, mass and parts of each method, by its title, on a network of this architecture that learnt nothing."""
    scored = _of(network, "untrained")
    return {titles()[name]: tuple(printed(*scored[column][name]) for column in ("pointing", "mass", "parts"))
            for name in scored["mass"]}


def difference(column: str, first: str, second: str, network: str | None = None) -> Interval:
    """How much more `first` has than `second` on the same scenes, with its interval; without a network, in the mean over all that
    both fit. column: one of `PAIRED`. Raises ValueError for names that are not there.
    """
    values = read()["values"]
    _known(column, PAIRED, "score")
    asked = [values[name][column] for name in ([_known(network, values, "network")] if network else values)]
    both = [scored for scored in asked if first in scored and second in scored]
    if not both:
        raise ValueError(f"no network has scores of both {first!r} and {second!r}; there is {', '.join(asked[0])}")
    few = min(len(scored[name]) for scored in both for name in (first, second))  # the first scenes are everybody's
    gaps = np.mean([(np.array(scored[first][:few], float) - np.array(scored[second][:few], float)) / 100 for scored in both], axis=0)
    return bootstrap(gaps[np.isfinite(gaps)])


def beside(found: scores.Score) -> str:
    """A new method's row beneath those of the course on the same network, where there are any: a table to print."""
    columns = (*QUESTIONS, "pointing", "mass")
    lines = [f"{'':26}" + "".join(f"{column.replace('_', ' '):22}" for column in columns) + "passes   seconds"]
    scored = read()["networks"].get(found.network)
    for name in scored["rank"] if scored else ():
        lines.append(_line(titles()[name], [scored[column][name] for column in columns], scored["passes"][name], scored["seconds"][name]))
    lines.append(_line(f"→ {titles().get(found.method, found.method)}", [getattr(found, c) for c in columns], found.passes, found.seconds))
    others = f"{SCENES} scenes for the others ({FEW} where they ask a hundred times), " if scored else ""
    return "\n".join([*lines, f"{found.network}, against {found.partner}; {others}{found.scenes} scenes for →; 95 % intervals"])


def _line(title: str, cells, passes, seconds: float) -> str:
    asked = "{:g} + {:g}".format(*passes)
    return f"{title:26}" + "".join(f"{printed(*cell):22}" for cell in cells) + f"{asked:9}{seconds:.3f}"


def titles() -> dict[str, str]:
    """What people call each method and control."""
    return {name: method.title for name, method in METHODS.items()} | {name: title for name, (_, title, _) in VARIANTS.items()} | controls.TITLES


def printed(mean: float, low: float, high: float) -> str:
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]".replace("-0.00", "0.00").replace("-", "−")


def _of(network: str, section: str) -> dict:
    found = read()[section]
    return found[_known(network, found, "network")]


def _known(name: str, names, what: str) -> str:
    if name not in names:
        raise ValueError(f"there are no scores of the {what} {name!r}; there are of {', '.join(names)}")
    return name


# The measurement


def main() -> None:
    """Measure what has changed, and write the file anew: first the few scenes of methods of many passes, then the others, so that whoever
    interrupts it has the first."""
    everybody = [contestant(name) for name in (*METHODS, *VARIANTS, *controls.CONTROLS)]
    asked, names = [networks.network(name) for name in NETWORKS], [who.name for who in everybody]
    current = fingerprints(everybody, asked)
    path = data_files.DATA / FILE
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    done = {name for name, code in old.get("fingerprints", {}).items() if current.get(name) == code}
    fresh = [who for who in everybody if who.name not in done]
    print(f"{len(fresh)} of {len(everybody)} to measure: {', '.join(who.name for who in fresh) or 'nothing has changed'}")
    found = {}
    for scenes, many in ((FEW, True), (SCENES, False)):
        group = [who for who in fresh if who.many == many]
        found = together(found, measure(group, asked, scenes), names) if group else found
        done |= {who.name for who in group}
        result = together(old, found | {"fingerprints": {name: current[name] for name in names if name in done}}, names)
        new_files.put(path, compact(about() | result))
        data_files.write_sums()
    print(f"{path}: {path.stat().st_size} bytes")


def measure(contestants: Sequence[Contestant], asked: Sequence[networks.Network], scenes: int) -> dict:
    """All that the file says of these methods."""
    found = scores.records(contestants, asked, [], scenes)
    values = {network.name: _values(contestants, network.name, found) for network in asked}
    result = {"networks": {name: _summary(columns) | _costs(name, found) for name, columns in values.items()}}
    for name, columns in result["networks"].items():
        columns |= _pooled(contestants, name, found)
    result |= {question: _over_networks(question, contestants, values) for question in QUESTIONS}
    result["known"] = {name: _known_truth(name, contestants) for name in KNOWN}
    result["untrained"] = {name: _summary(_untrained(name, contestants, found, scenes)) for name in networks.UNTRAINED}
    result["alike"] = {network.name: _alike(contestants, network) for network in asked}
    result["values"] = {name: {column: {who: _hundredths(row) for who, row in columns[column].items()} for column in PAIRED}
                        for name, columns in values.items()}
    return result


def together(old: dict, new: dict, names: Sequence[str]) -> dict:
    """One tree of both, the new before the old; where methods stand, they stand in the order of `names`, and no others."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    both = {key: together(old[key], new[key], names) if key in old and key in new else (new if key in new else old)[key]
            for key in {**old, **new}}
    return {name: both[name] for name in names if name in both} if set(both) & set(names) else both


def fingerprints(contestants: Sequence[Contestant], asked: Sequence[networks.Network]) -> dict[str, str]:
    """What each method's rows depend on, in 20 digits: its code, the weights, the pictures, the way of scoring.

    The pictures themselves, not the code that draws them: who makes the renderer faster has changed nothing.
    """
    rooms = [f"xaitutor.truth.{room}" for room in ("scores", "disconnected", "handwritten", "class_sensitivity")]
    shared = (cache.code(*rooms, without="xaitutor.menagerie"), [network.weights for network in asked], _drawn())
    return {who.name: cache.name_of(who.code, *shared) for who in contestants}


def about() -> dict:
    """How it was measured."""
    return {"about": {
        "split": SPLIT, "seed": SEED, "scenes": SCENES, "scenes of many passes": FEW, "options": OPTIONS, "interval": "95 % bootstrap, percentile",
        "partners": networks.PARTNERS, "spread": scores.SPREAD, "grids": disconnected.GRIDS, "patches": handwritten.PICTURES,
        "values": "each scene's own scores, in hundredths", "torch": torch.__version__.partition("+")[0]}}


def compact(result: dict) -> str:
    """JSON with one line for each method's row: to be read, and compared, by people."""
    text = json.dumps(result, ensure_ascii=False, separators=(",", ": "))
    return text.replace('},"', '},\n"').replace('],"', '],\n"') + "\n"


def _values(contestants, network: str, found: dict[tuple[str, str], Record]) -> dict[str, dict[str, np.ndarray]]:
    """Each scene's scores, by column and method."""
    rows = {who.name: scores.columns(found[who.name, network], found.get((who.name, networks.PARTNERS[network])))
            for who in contestants if (who.name, network) in found}
    return _by_column(rows)


def _pooled(contestants, network: str, found) -> dict[str, dict[str, list]]:
    rows = {who.name: scores.pooled(found[who.name, network], found.get((who.name, networks.PARTNERS[network])))
            for who in contestants if (who.name, network) in found}
    return {column: {who: _rounded(cell) for who, cell in row.items()} for column, row in _by_column(rows).items()}


def _summary(columns: dict[str, dict[str, np.ndarray]]) -> dict[str, dict[str, list]]:
    return {column: {who: _rounded(bootstrap(row[np.isfinite(row)])) for who, row in rows.items()} for column, rows in columns.items()}


def _costs(network: str, found) -> dict[str, dict]:
    """Passes and seconds for one picture; and of the first scene φ and each method's shares, for a test to compute again."""
    mine = {who: record for (who, where), record in found.items() if where == network}
    first = next(iter(mine.values()))
    return {"passes": {who: _rounded(record.passes) for who, record in mine.items()},
            "seconds": {who: round(float(record.seconds), 4) for who, record in mine.items()},
            "first": {who: _rounded(shares(record.signed[0, 0])) for who, record in mine.items()},
            "phi": _rounded(first.phi[0, 0])}


def _over_networks(question: str, contestants, values) -> dict[str, list]:
    """The mean over the networks that a method fits; a network contrast of two networks counts once."""
    pairs = {frozenset((name, networks.PARTNERS[name])): name for name in NETWORKS}
    asked = pairs.values() if question == "network_contrast" else NETWORKS
    rows = {who.name: [values[name][question][who.name] for name in asked if who.name in values[name][question]] for who in contestants}
    return {who: _rounded(bootstrap(np.mean(row, axis=0))) for who, row in rows.items()}


def _known_truth(name: str, contestants) -> dict[str, list]:
    share = disconnected.share_in_cell if name == "disconnected" else lambda who: handwritten.class_contrast(who, name)
    fitting = [who for who in contestants if who.needs not in _LACKS.get(name, ("regions",))]
    return {who.name: _rounded(share(who)) for who in tqdm(fitting, name)}


def _alike(contestants, network: networks.Network) -> dict[str, list]:
    methods = [who for who in contestants if who.name not in controls.CONTROLS and who.needs != "regions" and scores.fits(who, network)]
    rows = {who.name: class_sensitivity.alike(who, network) for who in tqdm(methods, f"{network.name}, two classes")}
    return {name: _rounded(bootstrap(row[np.isfinite(row)])) for name, row in rows.items()}


def _untrained(name: str, contestants, found, scenes: int) -> dict[str, dict[str, np.ndarray]]:
    """Each scene's scores on the network that learnt nothing; the parts' effects are the trained one's."""
    network, given = networks.untrained(name), defaultdict(list)
    for start in tqdm(range(0, scenes, BATCH), network.name):
        cast = situations(range(start, min(start + BATCH, scenes)))
        drawn, targets = pictures([s.scene for s in cast]), np.array([s.label for s in cast])
        for who in contestants:
            if (who.name, name) in found and who.name not in controls.CONTROLS:
                given[who.name].append(explain(who, network, drawn, targets, [f"scene {start + i}" for i in range(len(cast))]))
    return _by_column({who: {
        "pointing": np.concatenate([one.pointing for one in parts]), "mass": np.concatenate([one.mass for one in parts]),
        "parts": scores.parts_ranking(np.concatenate([one.signed for one in parts]), found[who, name].effects),
    } for who, parts in given.items()})


def _drawn() -> str:
    """The SHA-256 of all pictures that are explained, and of each scene without one of its parts."""
    digest = hashlib.sha256()
    for i, s in enumerate(tqdm(situations(range(SCENES)), "pictures", leave=False)):
        for scene in (s.scene, s.changed, s.scene.without(parts(s.scene)[i % 5])):
            digest.update(scene.render().image.tobytes())
    return digest.hexdigest()


def _by_column(rows: dict[str, dict]) -> dict[str, dict]:
    """From by method and column to by column and method."""
    return {column: {who: row[column] for who, row in rows.items()} for column in next(iter(rows.values()), {})}


def _hundredths(row: np.ndarray) -> list:
    return [round(100 * value) if np.isfinite(value) else None for value in row.tolist()]


def _rounded(values) -> list[float]:
    return [round(float(value), 3) + 0.0 for value in values]  # + 0.0: no −0.0


if __name__ == "__main__":
    sys.exit(until_interrupted(main))
