"""Gradient ascent on the picture: x ← x + μ ∂a/∂x, while the network stays as it is.

Erhan, Bengio, Courville and Vincent, Visualizing Higher-Layer Features of a Deep Network, 2009.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xaitutor.maximization.network import channels_of, like, prepare
from xaitutor.maximization.objectives import Objective
from xaitutor.maximization.parameterisations import Parameterisation, decode, encode, pixels
from xaitutor.maximization.seeds import seeded
from xaitutor.networks.layers import derivative, require_images
from xaitutor.progress import tqdm

NOISE = 0.01  # standard deviation of what the parameters begin with, around grey; Lucent's
NOTHING = ("the objective had no gradient in any step, so that the picture is still what it began with: the unit is "
           "off, behind a ReLU; take the layer before that ReLU, or another start or seed")


class Result(NamedTuple):
    """`pictures` (n, C, H, W) in [0, 1], and `activations` (steps + 1, n), the objective for each picture.

    Row t is what the network saw in step t, with the transforms of that step; the last row is the final
    picture as it is. Penalties are not in it.
    """

    pictures: Tensor
    activations: Tensor


@contextmanager
def gradients() -> Iterator[None]:
    """Gradients, also where the caller has switched them off, in the precision of the parameters. Serves as a decorator, too."""
    with torch.inference_mode(False), torch.enable_grad(), ExitStack() as stack:
        for device in ("cpu", "cuda", "mps"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


@gradients()
def maximize(
    model: nn.Module, objective: Objective, preprocess=None, *, size: int = 128, start: Tensor | None = None,
    steps: int = 256, learning_rate: float = 0.05, optimiser: Callable = torch.optim.Adam,
    parameterisation: Parameterisation = pixels(), transforms: Sequence[Callable] = (),
    penalties: Sequence[Callable] = (), after_step: Sequence[Callable] = (), n: int = 1, patience: int | None = None,
    seed: int = 0, progress: bool = True,
) -> Result:
    """Pictures for which the objective is large, by `steps` steps of gradient ascent.

    objective: `channel(…)`, `unit(…)`, `target(…)`, `direction(…)`, `diversity(…)`, and sums of them.
    preprocess: as from `load_model`; only its mean and std count. None for a model that takes [0, 1].
    size: pixels along each side. start: a picture (C, H, W) in [0, 1] to begin with, or one for each picture, (n, C, H, W), instead of noise. C is
    what the network's first convolution takes: 3 in most, 1 where it was made for grey pictures.
    optimiser: called as `optimiser([parameters], lr=learning_rate)`; `torch.optim.SGD` is the plain formula above.
    parameterisation: `pixels(…)` or `fourier(…)`: what the parameters mean.
    transforms: functions x → x, one after the other: what the network sees (`jitter`, `rotation`, `scaling`).
    penalties: functions x → number, subtracted from the objective (`total_variation`).
    after_step: functions (x, step) → x, step counted from 1: what becomes of the picture after it (`blur`).
    n: pictures at once, from different noise; together they take half the time. patience: stop after so many steps without a new best.
    seed: the same gives the same pictures; the random numbers of the caller go on as if nothing had been.

    Costs one forward pass, as far as the objective's last layer, and one backward pass a step. The model is afterwards
    what it was. A unit behind a ReLU that is off has no gradient and keeps its noise, and you are warned.

    Raises ValueError (no such layer, with the nearest names; picture too small; training mode; numbers that overflow,
    with the step; unsuitable arguments), IndexError (no such channel, row, column or class) and TypeError.
    """
    check_numbers(steps=steps, n=n, size=size, patience=patience, learning_rate=learning_rate)
    picture = first_picture(start, size, n, like(model), channels_of(model, preprocess))
    check_colours(parameterisation, picture.shape[1])
    ready = prepare(model, objective, preprocess, picture[:1], len(picture))
    shape, rows, moved = tuple(picture.shape[2:]), [], False
    with seeded(seed):
        parameters = encode(parameterisation, picture).clone()  # pixels without a sigmoid are the start itself
        if start is None:
            parameters = parameters + NOISE * torch.randn(parameters.shape).to(parameters)
        parameters = parameters.requires_grad_()
        climber = optimiser([parameters], lr=learning_rate)
        for step in tqdm(range(1, steps + 1), disable=not progress, leave=False, delay=3):
            picture = decode(parameterisation, parameters, shape)
            values = ready.values(_transformed(picture, transforms))
            if not values.requires_grad:
                raise ValueError("the objective does not depend on the picture by anything that has a gradient; does the model detach, round, or run "
                                 "under torch.no_grad() itself?")
            loss = sum(penalty(picture).sum() for penalty in penalties) - values.sum()
            parameters.grad = derivative(loss, parameters)
            check_finite(step, values, parameters.grad)
            climber.step()
            if after_step or not parameterisation.sigmoid:
                _change(parameterisation, parameters, shape, after_step, step)
            rows.append(values.detach())
            moved = moved or bool(parameters.grad.any())
            if patience and _is_stuck(rows, patience):
                break
        if not moved:
            warnings.warn(NOTHING, stacklevel=2)
        return finish(decode(parameterisation, parameters, shape), rows, ready.values)


def measure(model: nn.Module, objective: Objective, pictures: Tensor, preprocess=None) -> Tensor:
    """The objective (N,) for pictures (N, C, H, W) with values in [0, 1]; arguments and errors as in `maximize`."""
    require_images(pictures)
    pictures = pictures.detach().to(like(model))
    ready = prepare(model, objective, preprocess, pictures[:1], len(pictures))
    with torch.no_grad():
        return ready.values(pictures).cpu()


def _transformed(picture: Tensor, transforms: Sequence[Callable]) -> Tensor:
    """What the network sees; where a transform changes the size, it is made to fit again."""
    x = picture
    for transform in transforms:
        x = transform(x)
    return x if x.shape == picture.shape else F.interpolate(x, picture.shape[2:], mode="bilinear", align_corners=True)


def _change(kind: Parameterisation, parameters: Tensor, shape: tuple, after_step: Sequence[Callable], step: int):
    """What `after_step` does to the picture, and the cut to [0, 1] where no sigmoid does it."""
    with torch.no_grad():
        before = after = decode(kind, parameters, shape)
        for function in after_step:
            after = function(after, step)
        if not kind.sigmoid:
            after = after.clamp(0, 1)
        if after is not before:
            parameters.copy_(encode(kind, after))


def _is_stuck(rows: list[Tensor], patience: int) -> bool:
    sums = [row.sum().item() for row in rows]
    return len(sums) > patience and max(sums[-patience:]) <= max(sums[:-patience])


def finish(pictures: Tensor, rows: list[Tensor], values: Callable) -> Result:
    with torch.no_grad():
        pictures = pictures.detach().clamp(0, 1)
        return Result(pictures.cpu(), torch.stack([*rows, values(pictures)]).cpu())


# What cannot be used is refused before the first step.


def check_numbers(learning_rate: float, **whole: int | None) -> None:
    for name, number in whole.items():
        if name == "patience" and number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(f"{name} is a whole number, 1 or more, not {number!r}")
    if not 0 < learning_rate < float("inf"):
        raise ValueError(f"learning_rate is a number above 0, not {learning_rate!r}")


def check_colours(kind: Parameterisation, channels: int) -> None:
    if kind.decorrelated and channels != 3:
        raise ValueError(f"decorrelated colours are those of pictures with 3 channels, and this network takes {channels}; leave decorrelated out")


def first_picture(start: Tensor | None, size: int, n: int, alike: Tensor, channels: int = 3) -> Tensor:
    """(n, C, H, W): `start`, whose number counts, or else grey."""
    if start is None:
        return alike.new_full((n, channels, size, size), 0.5)
    if not isinstance(start, Tensor) or not start.is_floating_point():
        kind = f"a tensor of {start.dtype}" if isinstance(start, Tensor) else type(start).__name__
        raise TypeError(f"start is a tensor of floats in [0, 1], as from images.to_tensor(…), not {kind}")
    picture = start[None] if start.ndim == 3 else start
    if picture.ndim != 4 or picture.shape[1] != channels or not len(picture):
        raise ValueError(f"start is one picture ({channels}, H, W) or several, (n, {channels}, H, W), as this network takes, not {tuple(start.shape)}")
    if not (picture.min() >= 0 and picture.max() <= 1):  # so that NaN is refused, too
        raise ValueError(f"start has values in [0, 1], not {picture.min():.3g} to {picture.max():.3g}; is it "
                         "normalised? images.denormalise(x, mean, std) brings it back")
    if n > 1 and len(picture) == 1:
        raise ValueError(f"n={n} pictures from one start would be {n} times the same one; leave n or start out")
    if n not in (1, len(picture)):
        raise ValueError(f"n={n} pictures cannot begin at {len(picture)} starts; leave n out")
    return picture.detach().to(alike)


def check_finite(step: int, values: Tensor, gradient: Tensor | None = None) -> None:
    for what, tensor in (("objective", values), ("gradient", gradient)):
        if tensor is not None and not tensor.isfinite().all():
            raise ValueError(f"in step {step} the {what} is no longer finite; take a smaller learning rate, or look "
                             "for NaN in the model's weights and in your own transforms and penalties")
