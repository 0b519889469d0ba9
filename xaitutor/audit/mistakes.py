"""The usual mistakes in preparing a picture, undone: what would the network have been given if this had been the mistake?

With N(x) = (x − mean) / std and D its inverse:

    mistake                      what was given     undone
    not normalised               p                  N(x)
    0–255, not normalised        255 p              N(x / 255)
    0–255, normalised            N(255 p)           N(D(x) / 255)
    divided by 255 twice         N(p / 255)         N(255 D(x))
    normalised twice             N(N(p))            D(x)
    channels in reverse (BGR)    N(p reversed)      N(D(x) reversed)
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_SPAN = 0.4  # of the range from black to white: a picture that spans less is hardly one; D(x) of a healthy x spans a fifth
REVERSED = "their channels are in reverse order (BGR in place of RGB)"


class Scale(NamedTuple):
    """How pictures are normalised, mean and std (C, 1, 1); whether that is `known`, and how far beyond black and white they may lie, as a share of that range."""

    mean: Tensor
    std: Tensor
    known: bool
    room: float

    def apply(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std

    def undo(self, x: Tensor) -> Tensor:
        return x * self.std + self.mean


def scale_of(preprocess, x: Tensor) -> Scale | None:
    """The scale that `preprocess` says, or a step in it (torchvision's Compose); else that of ImageNet, which others are near to; None for other channels.

    A guessed scale gets half of the range as room: between ImageNet's and the menagerie's a picture normalised twice moves by a third.
    """
    steps = [step for step in (preprocess, *getattr(preprocess, "transforms", ())) if len(getattr(step, "mean", None) or ()) == x.shape[1]]
    if not steps and x.shape[1] != len(IMAGENET[0]):
        return None
    mean, std = (torch.as_tensor(v).to(x).view(-1, 1, 1) for v in ((steps[-1].mean, steps[-1].std) if steps else IMAGENET))
    return Scale(mean, std, bool(steps), 0.05 if steps else 0.5)


def possible(x: Tensor, scale: Scale) -> bool:
    """Whether x lies between black and white, as this scale has them, within its room."""
    p = scale.undo(x)
    return bool(p.min() >= -scale.room and p.max() <= 1 + scale.room)


def undone(x: Tensor, scale: Scale) -> dict[str, Tensor]:
    """What the pictures would have been, by mistake: only such as can be pictures, that lie between black and white and span some of it."""
    tries = {
        "they were normalised from values from 0 to 255 in place of 0 to 1": scale.apply(scale.undo(x) / 255),
        "they were divided by 255 twice": scale.apply(255 * scale.undo(x)),
        "they were normalised twice": scale.undo(x),
    }
    if x.min() >= 0:  # nothing was subtracted yet
        tries |= {
            "they are not normalised": scale.apply(x),
            "they have values from 0 to 255, not normalised": scale.apply(x / 255),
            "they were divided by 255 twice, and not normalised": scale.apply(255 * x),
        }
    return {name: other for name, other in tries.items() if possible(other, scale) and _spans(other, scale)}


def reversed_channels(x: Tensor, scale: Scale | None) -> Tensor:
    """Blue for red, in the scale of each."""
    return x.flip(1) if scale is None else scale.apply(scale.undo(x).flip(1))


def _spans(x: Tensor, scale: Scale) -> bool:
    p = scale.undo(x)
    return bool(p.max() - p.min() >= _SPAN)
