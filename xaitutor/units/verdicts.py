"""Selectivity: which factor of the scene moves a unit, which level of it, and what may the unit be called?

A name is given only for what the intervals show; the criteria are the constants below. All are free of the unit's scale
and offset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np
from torch import nn

from xaitutor.menagerie.scene import CLASSES
from xaitutor.units.counterfactuals import FACTORS, Crossing, Responses, crossing, responses
from xaitutor.units.maps import check_unit
from xaitutor.units.sensitivity import Interval, interval, is_constant, total_effects, variance

DOMINANT = 0.5  # a factor carries a unit that would lose more than half of its variance without it
HALF = 0.5  # one level stands out if no other gets half as far: else the unit is as much about the second
LARGE = 0.8  # standard deviations of the unit, Cohen's (1988) large effect; at 0.5 an untrained network's units pass
CROSSED = 24  # scenes of the crossing: it shows each pair in every scene, so that half as many do
KINDS = (*FACTORS, "conjunction", "polysemantic", "undecided", "silent")


class Conjunction(NamedTuple):
    """The pair of levels that a unit likes best, and how much each of the two does without the other.

    `both`: the response to the pair, above the mean response to scenes with neither. `first`, `second`: the same for
    the first level with the best other partner, and for the second. `surplus`: both − max(first, second) / HALF.
    `share`: the total-effect index of the two factors as one.
    """

    levels: tuple[str, str]
    both: float
    first: float
    second: float
    surplus: Interval
    share: Interval


class Selectivity(NamedTuple):
    """What one unit responds to.

    `verdict`: in words, "stripes detector (coat)". `kind`: one of `KINDS`. `shares`: each factor's total-effect index.
    `levels`: for each factor and level the mean response. `effects`: for each the response to the level less the mean
    response to the same scene's other levels, in standard deviations of the unit. `conjunction`: what shape and coat do
    together; None where no crossing was measured.
    """

    verdict: str
    kind: str
    shares: dict[str, Interval]
    levels: dict[str, dict[str, Interval]]
    effects: dict[str, dict[str, Interval]]
    conjunction: Conjunction | None


def selectivity(
    model: nn.Module, layer: str, unit: int, preprocess: Callable, scenes: int = 48, by: str = "mean", seed: int = 0,
    progress: bool = True,
) -> Selectivity:
    """Measure one unit: `responses` and `crossing` of its layer, then `judge`. For many units measure once.

    Raises ValueError, TypeError and IndexError as these do.
    """
    measured = responses(model, layer, preprocess, scenes, by, seed, progress)[layer]
    crossed = crossing(model, layer, preprocess, min(scenes, CROSSED), by=by, seed=seed, progress=progress)[layer]
    return judge(measured, unit, crossed)


def judge(measured: Responses, unit: int, crossed: Crossing | None = None) -> Selectivity:
    """What the responses say of one unit. The first of these that holds:

    - *silent*: the same response in every picture;
    - *conjunction*, "zebra detector (shape × coat)": shape and coat, taken as one, are above DOMINANT and above all
      other factors as below, and the best pair raises the unit more than twice as much as either level does with any
      other partner. Needs `crossed`, of shape and coat;
    - a *factor*: its share is above DOMINANT, and its interval above the intervals of all other factors. "stripes
      detector (coat)" if the best level raises the unit more than twice as much as the second (counted from the lowest
      level), else "coat, no single level: …" with those that raise it;
    - *polysemantic*, "stripes or snow": two levels of different factors that make no class together, each of which
      raises the unit by a LARGE effect in scenes without the other;
    - *undecided*: nothing of this. Most such units have a large share of more than one factor.

    "Raises", "more" and "LARGE" are said where the whole interval shows it. What looks alike to the unit may be two
    levels (a unit for bright pictures likes snow and white coats): "polysemantic" is about causes in the scene, not in
    the pixels. A unit that is silent in most scenes needs more of them.

    Raises IndexError for a unit that the layer does not have, ValueError for a crossing of other factors.
    """
    values = _of_unit(measured.values, unit)
    joint = None if crossed is None else _conjunction(crossed, unit)
    deviation = 1.0 if is_constant(values) else float(np.sqrt(interval(variance(values), len(measured.scenes)).value))
    shares = total_effects(values)
    effects = {factor: _by_level(factor, _contrasts(response) / deviation) for factor, response in values.items()}
    levels = {factor: _by_level(factor, response) for factor, response in values.items()}
    kind, verdict = "silent", "silent"
    if not is_constant(values):
        kind, verdict = _decide(measured.scenes, values, deviation, shares, effects, joint)
    return Selectivity(verdict, kind, shares, levels, effects, joint)


def census(
    model: nn.Module, layers: str | Iterable[str], preprocess: Callable, scenes: int = 48, by: str = "mean",
    seed: int = 0, progress: bool = True,
) -> dict[str, dict[str, int]]:
    """How many units of each layer are of which kind: ``{layer: {kind: count}}``, the kinds in the order of `KINDS`.

    Raises ValueError as `responses` does.
    """
    measured = responses(model, layers, preprocess, scenes, by, seed, progress)
    crossed = crossing(model, list(measured), preprocess, min(scenes, CROSSED), by=by, seed=seed, progress=progress)
    found = {}
    for name in measured:
        units = range(crossed[name].values.shape[-1])
        counts = Counter(judge(measured[name], unit, crossed[name]).kind for unit in units)
        found[name] = {kind: counts[kind] for kind in KINDS}
    return found


def _of_unit(values: dict[str, np.ndarray], unit: int) -> dict[str, np.ndarray]:
    count = next(iter(values.values())).shape[-1]
    unit = check_unit(unit, count, "measured")
    return {factor: response[..., unit] for factor, response in values.items()}


def _decide(scenes, values, deviation, shares, effects, joint) -> tuple[str, str]:
    """Kind and verdict of a unit that responds."""
    others = max(share.high for factor, share in shares.items() if factor not in ("shape", "coat"))
    if joint and joint.share.value > DOMINANT and joint.share.low > others and joint.surplus.low > 0:
        return "conjunction", f"{_class_name(*joint.levels)} detector (shape × coat)"
    first = max(shares, key=lambda factor: shares[factor].value)
    others = max(share.high for factor, share in shares.items() if factor != first)
    if shares[first].value > DOMINANT and shares[first].low > others:
        table = effects[first]
        raising = sorted((level for level in table if table[level].low > 0), key=lambda level: -table[level].value)
        if _stands_out(values[first]):
            return first, f"{raising[0]} detector ({first})"
        return first, f"{first}, no single level: {', '.join(raising)}"
    for pair in _unrelated_causes(scenes, values, deviation, effects):
        return "polysemantic", f"polysemantic: {' or '.join(level for _, level in pair)}"
    return "undecided", "undecided"


def _stands_out(responses: np.ndarray) -> bool:
    """Does the best level (scenes, levels) raise the unit more than twice as much as the second, from the lowest on?"""
    best = responses.mean(0).argmax()

    def surplus(weights):
        means = weights @ responses
        others = np.delete(means, best, axis=-1)
        return means[..., best] - others.max(-1) / HALF + others.min(-1) * (1 / HALF - 1)

    return interval(surplus, len(responses)).low > 0


def _unrelated_causes(scenes, values, deviation, effects):
    """Pairs of (factor, level) of two factors that no class combines, each of which raises the unit without the other.

    The strongest first.
    """
    causes = [(factor, level) for factor, table in effects.items() for level in table if table[level].value > LARGE]
    causes.sort(key=lambda cause: -effects[cause[0]][cause[1]].value)
    for one, other in combinations(causes, 2):
        if one[0] != other[0] and not _related(one, other):
            if all(_raises(scenes, values, deviation, *pair) for pair in ((one, other), (other, one))):
                yield one, other


def _raises(scenes, values, deviation, cause, absent) -> bool:
    """Does the cause raise the unit in the scenes without the absent one?"""
    (factor, level), (other, gone) = cause, absent
    without = np.array([getattr(scene, other) != gone for scene in scenes])
    effect = _contrasts(values[factor])[without, FACTORS[factor].index(level)] / deviation
    return interval(lambda weights: weights @ effect, len(effect)).low > LARGE


def _related(one, other) -> bool:
    """Is there a class of which both are typical: more frequent in it than if all levels were equally frequent?"""
    def typical(kind, factor, level):
        return _frequency(kind, factor, level) > 1 / len(FACTORS[factor])

    return any(typical(kind, *one) and typical(kind, *other) for kind in CLASSES.values())


def _frequency(kind, factor: str, level: str) -> float:
    """How often the pictures of a class have this level."""
    if factor == "shape":
        return float(kind.shape == level)
    if factor == "coat":
        return (level in kind.coats) / len(kind.coats)
    return kind.colours.get(level, 0.0) if factor == "colour" else 1 / len(FACTORS["place"])


def _conjunction(crossed: Crossing, unit: int) -> Conjunction:
    if crossed.factors != ("shape", "coat"):
        raise ValueError(f"a conjunction is one of shape and coat; this crossing is of {' and '.join(crossed.factors)}")
    values = _of_unit({"": crossed.values}, unit)[""]
    n, rows, columns = values.shape
    a, b = np.unravel_index(values.mean(0).argmax(), (rows, columns))
    neither = np.delete(np.delete(values, a, 1), b, 2).mean((1, 2))
    above = values - neither[:, None, None]

    def parts(weights):
        means = np.tensordot(weights, above, 1)
        return means[..., a, b], np.delete(means[..., a, :], b, -1).max(-1), np.delete(means[..., :, b], a, -1).max(-1)

    def surplus(weights):
        both, first, second = parts(weights)
        return both - np.maximum(np.maximum(first, second), 0) / HALF

    both, first, second = (float(part) for part in parts(np.full(n, 1 / n)))
    share = total_effects({"pair": values.reshape(n, -1)})["pair"]
    return Conjunction((FACTORS["shape"][a], FACTORS["coat"][b]), both, first, second, interval(surplus, n), share)


def _class_name(shape: str, coat: str) -> str:
    """The class that is this crossing and no other, or the crossing in words."""
    names = [name for name, kind in CLASSES.items() if kind.shape == shape and kind.coats == (coat,)]
    return names[0] if names else f"{coat} {shape}"


def _contrasts(responses: np.ndarray) -> np.ndarray:
    """Each level's response less the mean of the same scene's other levels: (scenes, levels)."""
    levels = responses.shape[1]
    return (responses - responses.mean(1, keepdims=True)) * levels / (levels - 1)


def _by_level(factor: str, responses: np.ndarray) -> dict[str, Interval]:
    """The mean over the scenes, for each level."""
    return {level: interval(lambda weights, column=column: weights @ column, len(responses))
            for level, column in zip(FACTORS[factor], responses.T)}
