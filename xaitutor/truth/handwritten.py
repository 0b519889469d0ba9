"""Networks whose reasons are known: written by hand, they count. Which pixels count, and with which sign, is no question.

AttributionLab (Zhang et al., Faithfulness of Feature Attribution Under Controllable Environments, 2023, arXiv 2310.06514). On a
grey ground lie five patches. One network counts the pixels of three colours, each exactly once (its detectors are
saturated); the other adds up how clearly the picture is striped, across or along. Each class pays for one kind of patch, and half
as much against the next. Patches do not touch, so that the game of the patches is linear: what each is worth is known in closed form.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from xaitutor.truth.agreement import bootstrap, rank_agreement
from xaitutor.truth.contrasts import change
from xaitutor.truth.given import Contestant, relevance
from xaitutor.units.sensitivity import Interval

SIZE, PICTURES = 128, 48
COLOURS = {"red": (1, -1, -1), "green": (-1, 1, -1), "blue": (-1, -1, 1), "yellow": (1, 1, -1), "white": (1, 1, 1)}
STRIPES = ("across", "along")
REACH = 4  # pixels in a row that must alternate
_POOL = 16  # the last map has 8 × 8 places, as the embedded networks' has


class Patches(NamedTuple):
    """Pictures x (N, 3, 128, 128) around 0, which is grey; `regions` (N, 6, 128, 128), five patches and the ground; and what each region
    is worth to each class, `worth` (N, classes, 6), in logits."""

    x: Tensor
    regions: Tensor
    worth: np.ndarray


def colour_counter() -> nn.Module:
    """Logits (N, 3) for red, green, blue: the share of pixels of this colour, minus half of the next one's, times 100.

    A pixel is red where m = r − g − b is above 2, not where it is below 1.5: relu(2m − 3) − relu(2m − 4). All these numbers are exact in
    binary, so that where a pixel counts the gradient is exactly 0, and not rounding, whose order could be mistaken for an answer.
    """
    colours = torch.tensor([COLOURS[name] for name in ("red", "green", "blue")]).float()
    detect = nn.Conv2d(3, 6, 1)
    detect.weight.data = 2 * torch.cat([colours, colours])[:, :, None, None]
    detect.bias.data = torch.tensor([-3.0] * 3 + [-4.0] * 3)
    combine = nn.Conv2d(6, 3, 1, bias=False)
    combine.weight.data = torch.cat([torch.eye(3), -torch.eye(3)], dim=1)[:, :, None, None]
    return _counter(detect, combine, 3)


def stripe_counter() -> nn.Module:
    """Logits (N, 2) for stripes across and along: Σ relu((|response| − 0.8) / 0.2) of this kind, minus half of the other's, times 100 /
    pixels. The response is the mean over four pixels in a row of ± grey; only where all four alternate does it exceed 0.8.
    """
    row = torch.tensor([1.0, -1, 1, -1]) / REACH / 3 / 0.2
    across, along = torch.zeros(2, 3, 2 * REACH - 1, 2 * REACH - 1)
    across[:, REACH - 1, REACH - 1 :] = row
    along[:, REACH - 1 :, REACH - 1] = row
    detect = nn.Conv2d(3, 4, 2 * REACH - 1, padding=REACH - 1)
    detect.weight.data = torch.stack([across, -across, along, -along])
    detect.bias.data = torch.full((4,), -0.8 / 0.2)
    combine = nn.Conv2d(4, 2, 1, bias=False)
    combine.weight.data = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]])[:, :, None, None]
    return _counter(detect, combine, 2)


def colour_patches(n: int = PICTURES, seed: int = 0) -> Patches:
    """A patch of each of five colours, of which the network counts three; each has a brightness of its own, 0.8 to 1."""
    draw = np.random.default_rng(seed)
    def paint(name, h, w):
        return np.multiply.outer(COLOURS[name], np.full((h, w), 0.8 + 0.2 * draw.random()))

    return _patches(n, draw, list(COLOURS), paint, lambda name, h, w: (list(COLOURS).index(name), h * w), 3)


def stripe_patches(n: int = PICTURES, seed: int = 0) -> Patches:
    """Two patches that are striped across, two along, and a white one; stripes are one pixel wide, black and white."""
    def paint(name, h, w):
        along, across = np.mgrid[:h, :w]
        return np.broadcast_to({"across": (-1.0) ** across, "along": (-1.0) ** along, "white": np.ones((h, w))}[name], (3, h, w))

    def counts(name, h, w):
        return {"across": (0, h * (w - REACH + 1)), "along": (1, w * (h - REACH + 1)), "white": (2, 0)}[name]

    return _patches(n, np.random.default_rng(seed), ["across", "across", "along", "along", "white"], paint, counts, 2)


COUNTERS = {"colour": (colour_counter, colour_patches), "stripes": (stripe_counter, stripe_patches)}


def class_contrast(who: Contestant, counter: str) -> Interval:
    """The class contrast on a network of `COUNTERS`: the rank agreement, over the regions, of the change in what is given with the change
    in what is true, from each picture's class to the next one. The mean over pictures, in [−1, 1]."""
    build, draw = COUNTERS[counter]
    model, patches = build(), draw()
    classes = patches.worth.shape[1]
    rows = np.arange(len(patches.x))
    asked = [(rows + shift) % classes for shift in (0, 1)]
    given = [relevance(who.function(model, patches.x.clone(), torch.from_numpy(target)), patches.regions).numpy() for target in asked]
    true = [patches.worth[rows, target] for target in asked]
    return bootstrap(rank_agreement(change(given[1], given[0]), change(true[1], true[0])))


def _counter(detect: nn.Conv2d, combine: nn.Conv2d, classes: int) -> nn.Module:
    """Detectors, their combination, a coarse map, its mean, and one linear layer: a network that CAM can be used on, too."""
    head = nn.Linear(classes, classes, bias=False)
    head.weight.data = 100 * _payment(classes)
    layers = detect, nn.ReLU(), combine, nn.ReLU(), nn.AvgPool2d(_POOL), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head
    return nn.Sequential(*layers).eval().requires_grad_(False)


def _payment(classes: int) -> Tensor:
    """Each class pays 1 for its own kind, and −½ for the next: (classes, kinds)."""
    return torch.eye(classes) - torch.eye(classes).roll(1, dims=1) / 2


def _patches(n, draw, names, paint, counts, classes) -> Patches:
    x = torch.from_numpy(0.1 * (2 * draw.random((n, 1, SIZE, SIZE)) - 1)).float().repeat(1, 3, 1, 1)
    regions, worth = torch.zeros(n, len(names) + 1, SIZE, SIZE), np.zeros((n, classes, len(names) + 1))
    payment = _payment(classes).numpy()
    for i in range(n):
        spots = draw.permutation(6)  # two rows of three
        for number, (name, spot) in enumerate(zip(names, spots)):
            h, w = (int(side) for side in 12 + draw.integers(0, 24, 2))
            top, left = 64 * (spot // 3) + draw.integers(2, 63 - h), 42 * (spot % 3) + draw.integers(2, 41 - w)
            x[i, :, top : top + h, left : left + w] = torch.from_numpy(np.array(paint(name, h, w))).float()
            regions[i, number, top : top + h, left : left + w] = 1
            kind, counted = counts(name, h, w)
            if kind < classes:
                worth[i, :, number] = 100 * payment[:, kind] * counted / SIZE**2
    regions[:, -1] = 1 - regions[:, :-1].sum(dim=1)
    return Patches(x, regions, worth)
