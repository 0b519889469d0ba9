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
    """Of `runs` with this fault in this network, how often the question that must find it raised an alarm: `given` preprocess and labels, and `blind`,
    without; `doubted`: how often it had at least a doubt, blind. For "nothing": how often any question at all did."""

    fault: str
    network: str
    runs: int
    given: int
    blind: int
    doubted: int


def measure(seeds: int = SEEDS, count: int = PICTURES, networks: Sequence[str] = EMBEDDED, faults: Sequence[str] = tuple(FAULTS)) -> list[Rate]:
    pairs = [(fault, network) for fault in faults for network in networks]
    return [_rate(fault, network, seeds, count) for fault, network in tqdm(pairs, "faults")]


def _rate(fault: str, network: str, seeds: int, count: int) -> Rate:
    runs = [_run(fault, network, count, seed) for seed in range(seeds)]
    given, blind = zip(*runs)
    return Rate(fault, network, seeds, sum(ALARM in one for one in given), sum(ALARM in one for one in blind), sum(bool({ALARM, DOUBT} & one) for one in blind))


def _run(fault: str, network: str, count: int, seed: int) -> tuple[set[str], set[str]]:
    """The verdicts with preprocess and labels given, and without. Only two questions ask for them: the others of a healthy network are asked once."""
    model, x, labels, options = planted(fault, network, count=count, seed=seed)
    everything, asking = list(QUESTIONS), [FAULTS["BGR"], FAULTS["labels off by one"]]
    questions = [FAULTS[fault]] if FAULTS[fault] else everything
    given = audit(model, x, method=METHOD, labels=labels, questions=questions, **options)
    bare = audit(model, x, method=METHOD, layer=options.get("layer"), questions=[one for one in questions if FAULTS[fault] or one in asking])
    kept = [] if FAULTS[fault] else [finding for finding in given if finding.question not in asking]
    return _verdicts(given), _verdicts([*bare, *kept])


def _verdicts(findings) -> set[str]:
    return {finding.verdict for finding in findings}


def cells(rates: Sequence[Rate]) -> list[tuple[str, ...]]:
    """One row a fault: the alarms in each network, in all of them, in all of them blind, and blind with doubts."""
    return [_row(fault, [rate for rate in rates if rate.fault == fault]) for fault in dict.fromkeys(rate.fault for rate in rates)]


def _row(fault: str, rates: Sequence[Rate]) -> tuple[str, ...]:
    runs = sum(rate.runs for rate in rates)
    return (fault, *(f"{rate.given} of {rate.runs}" for rate in rates),
            *(f"{sum(getattr(rate, what) for rate in rates) / runs:.0%}" for what in ("given", "blind", "doubted")))
