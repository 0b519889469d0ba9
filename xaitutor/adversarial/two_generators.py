"""Two generators as an explanation: what one has to paint for another answer, less what the other paints for the same.

One generator alone, |x − g_a(x)|, has in it whatever it cannot paint well; both paint it badly alike, and the difference of the two is rid of it.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from xaitutor.adversarial.pixels import check_pixels
from xaitutor.files import data_files
from xaitutor.menagerie.generators import Generators

NAME = "menagerie_generators"


class Repainted(NamedTuple):
    """What two generators make of pictures x, each (N, 3, H, W) in [0, 1]: the `similar` ones g_s(x), which keep the answer, the `adversarial` ones g_a(x), which
    change it, and the explanation `difference` = |g_s(x) − g_a(x)|."""

    similar: Tensor
    adversarial: Tensor
    difference: Tensor


def load_generators() -> tuple[Generators, tuple[str, str]]:
    """The embedded generators, in eval mode, their weights fixed, and the pair of classes between which they change the answer of
    `menagerie_resnet18`. Raises FileNotFoundError where the file is missing, ValueError where it was changed."""
    file = data_files.verify(f"models/{NAME}.safetensors")
    with safetensors.safe_open(file, "pt") as opened:
        pair = tuple(json.loads(opened.metadata()["pair"]))
    generators = Generators()
    generators.load_state_dict({key: value.float() for key, value in safetensors.torch.load_file(file).items()})
    return generators.eval().requires_grad_(False), pair


def repaint(generators: Generators, images: Tensor) -> Repainted:
    """R(x) = |g_s(x) − g_a(x)|, and the two pictures it is made of. Cost: one pass, and none of the network that is explained.

    images: (N, 3, H, W) in [0, 1], H and W multiples of 8.

    Charachon, Hudelot, Cournède, Ruppli and Ardon, Combining Similarity and Adversarial Learning to Generate Visual Explanation, ICPR 2020; equation 27
    of the review. Raises TypeError and ValueError as `check_pixels`, ValueError for another size.
    """
    check_pixels(generators, images)
    if images.shape[1] != 3 or images.shape[2] % 8 or images.shape[3] % 8:
        raise ValueError(f"the generators take pictures (N, 3, H, W) with H and W multiples of 8, not {tuple(images.shape)}")
    with torch.no_grad():
        similar, adversarial = generators(images)
    return Repainted(similar, adversarial, (similar - adversarial).abs())
