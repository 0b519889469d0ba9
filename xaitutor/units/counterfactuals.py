"""Counterfactual pictures: change one factor of a scene, leave every other pixel's cause alone, and watch the units.

The base scenes are drawn so that shape, coat, colour and place are independent and uniform, also where the crossing is
nobody's class (a striped elephant). In the course's data set they are not: there, whoever likes stripes likes horses
and cats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain, product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from xaitutor.menagerie.scene import COATS, COLOURS, PLACES, SHAPES, Scene, sample
from xaitutor.menagerie.streams import stream
from xaitutor.networks.layers import original, record, require_eval, run
from xaitutor.networks.layouts import channels_first
from xaitutor.progress import tqdm
from xaitutor.units.maps import check_activations, require_ran
from xaitutor.units.surveys import inputs

FACTORS: dict[str, tuple[str, ...]] = {"shape": SHAPES, "coat": COATS, "colour": COLOURS, "place": PLACES}
BATCH = 64


class Responses(NamedTuple):
    """How every unit of one layer responds when one factor of a scene changes.

    `scenes`: the n base scenes. `values`: for each factor an array (n, levels, units), float64, levels in the order of
    `FACTORS`: ``values["coat"][i, 1, 7]`` is the response of unit 7 to scene i with its coat replaced by `COATS[1]`,
    stripes.
    """

    scenes: tuple[Scene, ...]
    values: dict[str, np.ndarray]


class Crossing(NamedTuple):
    """How every unit of one layer responds when two factors of a scene take every pair of levels.

    `factors`: their names. `values`: (n, levels of the first, levels of the second, units), float64.
    """

    scenes: tuple[Scene, ...]
    factors: tuple[str, str]
    values: np.ndarray

    def table(self, unit: int) -> np.ndarray:
        """The mean response of a unit over the scenes: (levels of the first factor, levels of the second)."""
        return self.values[..., unit].mean(0)


def independent_scenes(n: int, seed: int = 0) -> tuple[Scene, ...]:
    """`n` scenes whose four factors are drawn independently and uniformly; pose, light and grass as in `sample`."""
    if n < 2:
        raise ValueError(f"a variance over scenes needs at least two of them, not scenes={n}")
    return tuple(sample(i, **_levels(i)) for i in range(seed << 32, (seed << 32) + n))


def responses(
    model: nn.Module, layers: str | Iterable[str], preprocess: Callable, scenes: int = 48, by: str = "mean",
    seed: int = 0, progress: bool = True,
) -> dict[str, Responses]:
    """The responses of all units of `layers` to scenes with every level of one factor at a time: `Responses` by layer.

    by: "mean" or "max" of a unit's map. A picture that two factors share (the scene as it is) is drawn once: 23
    pictures a scene. Raises ValueError for a layer that the model does not have, for another `by`, and for fewer than
    two scenes.
    """
    base = independent_scenes(scenes, seed)
    wanted = {factor: [scene.replace(**{factor: level}) for scene in base for level in levels]
              for factor, levels in FACTORS.items()}
    found = _measure(model, layers, preprocess, chain(*wanted.values()), by, progress)

    def arrays(response):
        return {factor: np.stack([response[scene] for scene in changed]).reshape(scenes, len(FACTORS[factor]), -1)
                for factor, changed in wanted.items()}

    return {name: Responses(base, arrays(response)) for name, response in found.items()}


def crossing(
    model: nn.Module, layers: str | Iterable[str], preprocess: Callable, scenes: int = 24, first: str = "shape",
    second: str = "coat", by: str = "mean", seed: int = 0, progress: bool = True,
) -> dict[str, Crossing]:
    """The responses of all units of `layers` to every pair of levels of two factors: `Crossing` by layer.

    The scenes are the first of those of `responses` with the same seed. Raises ValueError as it does, and for a factor
    that is not there.
    """
    for factor in (first, second):
        if factor not in FACTORS or first == second:
            raise ValueError(f"a crossing needs two different factors of {', '.join(FACTORS)}, "
                             f"not {first!r} and {second!r}")
    base = independent_scenes(scenes, seed)
    pairs = list(product(FACTORS[first], FACTORS[second]))
    wanted = [scene.replace(**{first: a, second: b}) for scene in base for a, b in pairs]
    shape = (scenes, len(FACTORS[first]), len(FACTORS[second]), -1)
    return {name: Crossing(base, (first, second), np.stack([response[scene] for scene in wanted]).reshape(shape))
            for name, response in _measure(model, layers, preprocess, wanted, by, progress).items()}


def _levels(seed: int) -> dict[str, str]:
    draws = stream(seed, "independent factors").random(len(FACTORS))
    return {factor: levels[int(draw * len(levels))] for (factor, levels), draw in zip(FACTORS.items(), draws)}


@lru_cache(maxsize=3000)  # 150 MB: what one notebook asks several models about
def _picture(scene: Scene) -> np.ndarray:
    return scene.render().image


def _measure(
    model, layers, preprocess, scenes: Iterable[Scene], by: str, progress: bool
) -> dict[str, dict[Scene, np.ndarray]]:
    """For each layer, the response of all its units (units,) to each scene."""
    require_eval(model)
    model = original(model)
    if by not in ("mean", "max"):
        raise ValueError(f'by={by!r}: a unit responds with the "mean" or the "max" of its map')
    names = [layers] if isinstance(layers, str) else list(layers)
    found: dict[str, dict[Scene, np.ndarray]] = {name: {} for name in names}
    scenes = list(dict.fromkeys(scenes))
    with record(model, names) as activations, torch.no_grad():
        for start in tqdm(range(0, len(scenes), BATCH), "counterfactual pictures", disable=not progress):
            batch = scenes[start : start + BATCH]
            images = torch.from_numpy(np.stack([_picture(scene) for scene in batch])).permute(0, 3, 1, 2).float() / 255
            x = inputs(model, list(images), preprocess)
            run(model, x)
            require_ran(activations, names)
            for name in names:
                maps = channels_first(activations[name], model, name, tuple(x.shape[2:]))
                found[name].update(zip(batch, _response(maps, by, name)))
    return found


def _response(activations: Tensor, by: str, name: str) -> np.ndarray:
    """(N, units) float64 of activations (N, units, height, width) or (N, units)."""
    activations = check_activations(activations, name).double()
    if activations.ndim == 4:
        activations = activations.mean((2, 3)) if by == "mean" else activations.amax((2, 3))
    return activations.cpu().numpy()
