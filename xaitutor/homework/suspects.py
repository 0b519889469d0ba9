"""A network with one thing wrong, another for each student: which, says a hash of the name, and nothing that is handed out.

    for_student("Ada Lovelace")     what she gets: network, pictures, labels, preprocess

What is wrong with it, and the same with nothing wrong, knows `xaitutor.homework.key`, which no student gets.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.audit.planted import planted

FAULTS = ("not normalised", "0-255", "normalised twice", "BGR", "training mode", "softmax inside", "labels off by one")
NETWORKS = ("menagerie_resnet18", "menagerie_resnet18_standard")  # at home in every place; without dropout
SEEDS, PICTURES = 20, 24


class Case(NamedTuple):
    """A network, pictures x (24, 3, 128, 128) as it is given them, two of each class in mixed order, their labels (24,), and the right preprocess."""

    model: nn.Module
    x: Tensor
    labels: Tensor
    preprocess: Callable


class Handed(nn.Module):
    """A network, and what is done to its outputs. The latter is no module: printing shows the same for all students."""

    def __init__(self, network: nn.Module, last: Callable):
        super().__init__()
        self.network, self.last = network, last

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.network(x))


def for_student(name: str, draw: int = 0) -> Case:
    """What the student of this name gets; another `draw`, other pictures with the same fault. The same name, the same bits, however it is spaced or written
    in capitals. Raises ValueError for a name without a letter."""
    return case(name, draw, FAULTS[number(name) % len(FAULTS)])


def case(name: str, draw: int, wrong: str) -> Case:
    """The network and the pictures of a name, with this fault, or with "nothing" wrong."""
    seed, which = divmod(number(name) // len(FAULTS) % (SEEDS * len(NETWORKS)), len(NETWORKS))
    inside = wrong == "softmax inside"
    model, x, labels, options = planted("nothing" if inside else wrong, NETWORKS[which], count=PICTURES, seed=seed + SEEDS * draw)
    order = torch.randperm(PICTURES, generator=torch.Generator().manual_seed(seed))
    handed = Handed(model, _probabilities if inside else _as_they_are).train(model.training)
    return Case(handed, x[order], labels[order], options["preprocess"])


def number(name: str) -> int:
    """A hash of the name, which draws all the rest."""
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not any(letter.isalpha() for letter in plain):
        raise ValueError(f"the name {name!r} has no letters: write your own, as it stands in the list of the course")
    return int.from_bytes(hashlib.sha256(plain.encode()).digest()[:8], "big")


def _as_they_are(outputs: Tensor) -> Tensor:
    return outputs


def _probabilities(outputs: Tensor) -> Tensor:
    return outputs.softmax(dim=1)
