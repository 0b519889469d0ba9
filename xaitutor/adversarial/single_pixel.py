"""One pixel: a search, without gradients, for the one pixel and the colour that change the answer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import differential_evolution
from scipy.special import ndtri
from torch import Tensor, nn

from xaitutor.adversarial.pixels import check_pixels
from xaitutor.attribution.class_scores import chosen_classes, logits_of
from xaitutor.attribution.inputs import at_least_one
from xaitutor.networks.layers import original
from xaitutor.networks.neighbours import dependence, require_alone
from xaitutor.progress import tqdm

_DIGITS = 4  # of a margin: its last bits depend on where in memory a batch lies, and would choose another way through the search


class OnePixel(NamedTuple):
    """What `one_pixel` found: the `image` (1, 3, H, W) in [0, 1], the pixel's `x` (column), `y` (row) and `colour` (r, g, b), 0 to 255; the
    `margin` of the old answer before the next class, in logits (below 0: the answer is another); how many `generations` and `passes` it took."""

    image: Tensor
    x: int
    y: int
    colour: tuple[int, int, int]
    margin: float
    generations: int
    passes: int


def one_pixel(
    model: nn.Module, image: Tensor, *, label: int | None = None, population: int = 400, generations: int = 75, batch_size: int = 50,
    seed: int = 0, progress: bool = True,
) -> OnePixel:
    """Differential evolution over (x, y, r, g, b): each candidate is a pixel and its new colour, in whole numbers.

    A child is the sum of one candidate and half the difference of two others, and replaces its parent where the margin z_label − max z_other is
    smaller; no gradient is asked for. It ends when the margin is below 0, or after so many `generations`. Only one pixel is changed.

    model: takes pixels (see `of_pixels`). image: (1, 3, H, W) in [0, 1]. label: the answer to get away from; None: what the model says.
    population, generations: 400 and 75 as in the paper. batch_size: how many pictures are in memory at a time. seed: the same
    candidates each time. Cost: population · (generations + 1) forward passes at most, and no backward pass.

    Su, Vargas and Sakurai, One Pixel Attack for Fooling Deep Neural Networks, IEEE Transactions on Evolutionary Computation 2019;
    Storn and Price 1997. Raises TypeError and ValueError as `check_pixels`, ValueError for more than one image, or other than 3 channels.
    """
    at_least_one(generations=generations, batch_size=batch_size, population=population)
    if population < 5:
        raise ValueError(f"a child is made of three other candidates: population must be at least 5, not {population}")
    check_pixels(model, image)
    dependence(original(model), image)
    require_alone(original(model), batch_size)
    if image.shape[:2] != (1, 3):
        raise ValueError(f"expected one image in colour, (1, 3, H, W), not {tuple(image.shape)}; images[:1] is one of several")
    height, width = image.shape[2:]
    label = chosen_classes(_logits(model, image), label)
    with tqdm(total=generations, desc="one pixel", leave=False, delay=3, disable=not progress) as bar:
        def ended(intermediate_result):
            bar.update()
            return intermediate_result.fun < 0

        found = differential_evolution(
            lambda candidates: _margins(model, image, candidates.T, label, batch_size), bounds=_bounds(height, width), integrality=[True] * 5,
            init=_first(height, width, population, seed), maxiter=generations, strategy="rand1bin", mutation=0.5, recombination=1.0,
            tol=0, seed=seed, callback=ended, vectorized=True, updating="deferred", polish=False)
    x, y, *colour = (int(v) for v in found.x)
    return OnePixel(_painted(image, found.x[None]), x, y, tuple(colour), float(found.fun), found.nit, population * found.nfev)


def _bounds(height: int, width: int) -> list[tuple[int, int]]:
    return [(0, width - 1), (0, height - 1), (0, 255), (0, 255), (0, 255)]


def _first(height: int, width: int, population: int, seed: int) -> np.ndarray:
    """The first candidates: places drawn uniformly, colours N(128, 127²), as in the paper. Only random() is drawn from, whose values NumPy promises."""
    draw = np.random.Generator(np.random.PCG64(seed)).random((population, 5))
    places = np.floor(draw[:, :2] * [width, height])
    colours = np.rint(128 + 127 * ndtri(draw[:, 2:])).clip(0, 255)
    return np.hstack([places, colours])


def _painted(image: Tensor, candidates: np.ndarray) -> Tensor:
    """A copy of the image (1, 3, H, W) for each candidate (n, 5), with its one pixel: (n, 3, H, W)."""
    whole = torch.from_numpy(np.rint(candidates).astype(np.int64)).to(image.device)
    copies = image.detach().repeat(len(whole), 1, 1, 1)
    copies[torch.arange(len(whole)), :, whole[:, 1], whole[:, 0]] = whole[:, 2:].to(image) / 255
    return copies


def _margins(model: nn.Module, image: Tensor, candidates: np.ndarray, label: Tensor, batch_size: int) -> np.ndarray:
    parts = np.array_split(candidates, -(-len(candidates) // batch_size))
    logits = torch.cat([_logits(model, _painted(image, part)) for part in parts])
    others = logits.clone()
    others[:, label] = -torch.inf
    margins = logits[:, label][:, 0] - others.amax(dim=1)
    return margins.cpu().double().numpy().round(_DIGITS)


def _logits(model: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return logits_of(model, images)
