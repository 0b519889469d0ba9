"""A method's scores: what it gives the regions of many scenes, against what these regions are worth.

    score("grad_cam")                            a method of the course, on `menagerie_resnet18`, over 48 scenes
    score("my_module:my_method", network="menagerie_vgg", scenes=12)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from torch import nn

from xaitutor.menagerie import CLASSES
from xaitutor.progress import tqdm
from xaitutor.truth import networks
from xaitutor.truth.agreement import bootstrap, pooled_agreement, rank_agreement
from xaitutor.truth.coalitions import coalition_values
from xaitutor.truth.contrasts import asked
from xaitutor.truth.given import Contestant, Given, contestant, explain
from xaitutor.truth.networks import Network
from xaitutor.truth.shapley import left_out, shapley_values
from xaitutor.truth.situations import Situation, pictures, situations
from xaitutor.units.sensitivity import Interval

LACKS = {"menagerie_vgg": ("linear head",)}  # it flattens its last feature map
SPREAD = 0.5  # logits: parts whose effects differ by less have no order worth finding
BATCH = len(CLASSES)  # one scene of each class
QUESTIONS = ("rank", "class_contrast", "network_contrast", "picture_contrast")


class Record(NamedTuple):
    """What one method gave the regions of N scenes on one network, and the truth, before anything is compared.

    `signed`, `heat`, `phi`: (3, N, 6) as `contrasts.asked` takes them (of a mere partner (1, N, 6)). `effects` (N, 5): how far
    the class's logit falls without each part. The others as in `Given`.
    """

    signed: np.ndarray
    heat: np.ndarray
    phi: np.ndarray
    effects: np.ndarray
    pointing: np.ndarray
    mass: np.ndarray
    passes: np.ndarray
    seconds: np.ndarray


class Truth(NamedTuple):
    """What the regions of N scenes are worth to one network: `phi` (3, N, 6) or (1, N, 6), `effects` (N, 5), `rivals` (N,)."""

    phi: np.ndarray
    effects: np.ndarray
    rivals: np.ndarray


class Score(NamedTuple):
    """One row: means over the scenes with 95 % intervals; forward and backward passes and seconds for one picture."""

    method: str
    network: str
    partner: str
    scenes: int
    rank: Interval
    class_contrast: Interval
    network_contrast: Interval
    picture_contrast: Interval
    pointing: Interval
    mass: Interval
    passes: tuple[float, float]
    seconds: float


def score(method: str | Callable, network: str | nn.Module = "menagerie_resnet18", scenes: int = 48, progress: bool = True) -> Score:
    """The scores of one method on one network, over the first `scenes` scenes.

    method, network: as `given.contestant` and `networks.network` take them. Two quiet cores need less than two minutes
    for 48 scenes of a method of one pass. Raises ValueError for what cannot be scored, naming method and scene.
    """
    if isinstance(scenes, bool) or not isinstance(scenes, int) or scenes < 2:
        raise ValueError(f"scenes must be a whole number of at least 2, for there to be an interval, not {scenes!r}")
    who, asked_of = contestant(method), networks.network(network)
    if not fits(who, asked_of):
        raise ValueError(f"{who.title} needs a network with a {who.needs}; {asked_of.name} has none")
    other = networks.partner(asked_of)
    found = records([who], [asked_of], [other], scenes, progress)
    mine = found[who.name, asked_of.name]
    values = columns(mine, found[who.name, other.name])
    means = {name: bootstrap(values[name]) for name in (*QUESTIONS, "pointing", "mass")}
    return Score(who.name, asked_of.name, other.name, scenes, **means, passes=tuple(mine.passes.tolist()), seconds=float(mine.seconds))


def fits(who: Contestant, network: Network) -> bool:
    """Whether the network has what the method needs."""
    return who.needs not in LACKS.get(network.name, ())


def records(contestants: Sequence[Contestant], asked_of: Sequence[Network], partners: Sequence[Network],
            scenes: int, progress: bool = True) -> dict[tuple[str, str], Record]:
    """What each method gave on each network it fits, by both names. Goes on where it was interrupted.

    Of the `partners` only what a network contrast needs is measured: the scene as it is, and its true class.
    """
    found = defaultdict(list)
    for start in tqdm(range(0, scenes, BATCH), "scenes", disable=not progress or scenes <= BATCH):
        cast = situations(range(start, min(start + BATCH, scenes)))
        plain, changed = pictures([s.scene for s in cast]), pictures([s.changed for s in cast])
        for network, true in zip((*asked_of, *partners), truths(asked_of, partners, cast)):
            asked_for = _questions(cast, plain, changed, true.rivals, start)[: len(true.phi)]
            for who in contestants:
                if fits(who, network):
                    answers = [explain(who, network, *question) for question in asked_for]
                    found[who.name, network.name].append(_record(answers, true))
    return {names: _joined(parts) for names, parts in found.items()}


def truths(asked_of: Sequence[Network], partners: Sequence[Network], cast: Sequence[Situation]) -> list[Truth]:
    """What the regions are worth to each network, and to each partner in the first situation."""
    both = coalition_values([*asked_of, *partners], [s.scene for s in cast])
    changed = coalition_values(asked_of, [s.changed for s in cast])
    labels, rows = np.array([s.label for s in cast]), np.arange(len(cast))
    result = []
    for number, values in enumerate(both):
        rivals = strongest_other(values[..., -1], labels)
        games = [values[rows, labels]]
        if number < len(asked_of):
            games += [values[rows, rivals], changed[number, rows, labels]]
        effects = left_out(games[0][:, 32:])[:, :5]  # the background is there
        result.append(Truth(np.stack([shapley_values(game) for game in games]), effects, rivals))
    return result


def strongest_other(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The class with the largest logit among all but the true one: (N,), for logits (N, classes)."""
    others = np.array(logits)
    others[np.arange(len(labels)), labels] = -np.inf
    return others.argmax(axis=1)


def columns(mine: Record, partner: Record) -> dict[str, np.ndarray]:
    """All scores of each scene, by name, (N,): the four questions, signed and as heat ("…_unsigned"), pointing and mass of the
    object, and "parts", the ranking of the five parts by leaving out one, NaN where they differ by less than `SPREAD`."""
    true = asked(mine.phi, partner.phi[0])
    result = {}
    for ending, what in (("", "signed"), ("_unsigned", "heat")):
        found = asked(getattr(mine, what), getattr(partner, what)[0])
        result |= {name + ending: rank_agreement(found[name], true[name]) for name in QUESTIONS}
    return result | {"pointing": mine.pointing, "mass": mine.mass, "parts": parts_ranking(mine.signed[0], mine.effects)}


def parts_ranking(signed: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """Rank agreement of the first five regions with what each alone takes away, (N,); NaN where that tells them not apart."""
    return np.where(np.ptp(effects, axis=1) >= SPREAD, rank_agreement(signed[:, :5], effects), np.nan)


def pooled(mine: Record, partner: Record) -> dict[str, Interval]:
    """Pearson's correlation over the regions of all scenes, signed and unsigned, for each question."""
    true = asked(mine.phi, partner.phi[0])
    result = {}
    for ending, what in (("_pearson", "signed"), ("_unsigned_pearson", "heat")):
        found = asked(getattr(mine, what), getattr(partner, what)[0])
        result |= {name + ending: pooled_agreement(found[name], true[name]) for name in QUESTIONS}
    return result


def _questions(cast, plain, changed, rivals: np.ndarray, start: int) -> list[tuple]:
    """Pictures, classes and names of the three situations."""
    labels = np.array([s.label for s in cast])
    names = [f"scene {start + i} ({list(CLASSES)[s.label]}, {s.scene.place})" for i, s in enumerate(cast)]
    return [(plain, labels, names), (plain, rivals, names), (changed, labels, [f"{name}, another {s.factor}" for name, s in zip(names, cast)])]


def _record(answers: Sequence[Given], true: Truth) -> Record:
    first = answers[0]
    return Record(np.stack([a.signed for a in answers]), np.stack([a.heat for a in answers]), true.phi, true.effects,
                  first.pointing, first.mass, first.passes, first.seconds)


def _joined(records: Sequence[Record]) -> Record:
    """One after the other along the scenes; passes and seconds are their means."""
    signed, heat, phi, effects, pointing, mass, passes, seconds = zip(*records)
    return Record(*(np.concatenate(tables, axis=1) for tables in (signed, heat, phi)),
                  *(np.concatenate(tables) for tables in (effects, pointing, mass)), np.mean(passes, axis=0), np.mean(seconds))
