"""How often the audit finds a fault that was planted, and how often it accuses a network in which there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from xaitutor.audit import FAULTS, QUESTIONS, audit, planted
from xaitutor.audit.findings import ALARM, DOUBT
from xaitutor.networks.models import EMBEDDED
from xaitutor.progress import tqdm

SEEDS, PICTURES = 20, 12
METHOD = "grad_cam"


class Rate(NamedTuple):
    """Of `runs` with this fault in this network: how often the question that must find it raised an alarm, with `preprocess` and labels given
    and without (without labels nobody can tell that they are off); `doubts`: how often it had at least a doubt without. For "nothing": how often
    any question raised an alarm, or a doubt."""

    fault: str
    network: str
    runs: int
    given: int
    blind: int
    doubts: int


def measure(seeds: int = SEEDS, count: int = PICTURES, networks: Sequence[str] = EMBEDDED, faults: Sequence[str] = tuple(FAULTS)) -> list[Rate]:
    pairs = [(fault, network) for fault in faults for network in networks]
    return [_rate(fault, network, seeds, count) for fault, network in tqdm(pairs, "faults")]


def _rate(fault: str, network: str, seeds: int, count: int) -> Rate:
    questions = list(QUESTIONS) if FAULTS[fault] is None else [FAULTS[fault]]
    given, blind = [], []
    for seed in range(seeds):
        model, x, labels, options = planted(fault, network, count=count, seed=seed)
        given.append(_verdicts(audit(model, x, method=METHOD, labels=labels, questions=questions, **options)))
        # a healthy network's many other questions ask neither for labels nor for the preprocessing
        less = questions[:1] if FAULTS[fault] is None else questions
        bare = audit(model, x, method=METHOD, layer=options.get("layer"), questions=less)
        blind.append(_verdicts(bare) | (given[-1] if FAULTS[fault] is None else set()))
    return Rate(fault, network, seeds, sum(ALARM in one for one in given), sum(ALARM in one for one in blind), sum(bool({ALARM, DOUBT} & one) for one in blind))


def _verdicts(findings) -> set[str]:
    return {finding.verdict for finding in findings}


def cells(rates: Sequence[Rate]) -> list[tuple[str, ...]]:
    """One row a fault; of each network the alarms with and without what was given, of so many runs."""
    networks = list(dict.fromkeys(rate.network for rate in rates))
    table = {(rate.fault, rate.network): rate for rate in rates}
    return [(fault, *(f"{one.given}, {one.blind}" for one in (table[fault, network] for network in networks)))
            for fault in dict.fromkeys(rate.fault for rate in rates)]
