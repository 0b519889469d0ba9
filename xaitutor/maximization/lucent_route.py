"""The same question put to Lucent (`torch-lucent`), the PyTorch version of Lucid, the code of Olah et al. 2017.

All of its rough edges are dealt with here. It leaves hooks on the model and gradients in its parameters, so it gets
a copy that shares the weights. It knows layers by names with underscores and lets "labels" be whichever layer was
defined last, so the copy is wrapped: "0" is the whole network, "0_layer3_1_conv2" a layer in it. It reads a layer after
an in-place ReLU behind it, so the copy has none. It draws random numbers from everywhere, so all are seeded. It
prints and displays, so both are off. And it begins with a warning of torch's, which is kept quiet.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from xaitutor.maximization.ascent import Result, check_finite, check_numbers, finish, first_picture, gradients
from xaitutor.maximization.network import Ready, channels_of, like, normalisation, prepare
from xaitutor.maximization.objectives import Objective, Term
from xaitutor.maximization.parameterisations import Parameterisation, pixels
from xaitutor.maximization.seeds import seeded
from xaitutor.progress import tqdm


@gradients()
def maximize_lucent(
    model: nn.Module, objective: Objective, preprocess=None, *, size: int = 128, start: Tensor | None = None,
    steps: int = 256, learning_rate: float = 0.05, optimiser: Callable = torch.optim.Adam,
    parameterisation: Parameterisation = pixels(), transforms: Sequence[Callable] = (),
    penalties: Sequence[Callable] = (), after_step: Sequence[Callable] = (), n: int = 1, patience: int | None = None,
    seed: int = 0, progress: bool = True,
) -> Result:
    """What `maximize` does, by `lucent.optvis.render.render_vis`: the same arguments, the same result, the same errors.

    Objectives become those of `lucent.optvis.objectives`, parameterisations `lucent.optvis.param.image`. A transform is
    a function x → x in Lucent as here: `jitter(8)` and those of `lucent_transforms()` work in both. Lucent climbs the
    mean over n pictures, `maximize` the sum: with Adam that is the same but for rounding.

    Raises ValueError for what Lucent does not have: start, patience, after_step, pixels without a sigmoid,
    another decay than 1, the direction of a layer without a map, layers that output (N, h, w, C), and networks of another number of channels than 3.
    """
    check_numbers(steps=steps, n=n, size=size, learning_rate=learning_rate)
    _check_known(start, patience, after_step, parameterisation)
    channels = channels_of(model, preprocess)
    ready = prepare(model, objective, preprocess, first_picture(None, size, 1, like(model), channels), n)
    if any(isinstance(term.index, tuple) for term in ready.objective.terms):
        raise ValueError("Lucent does not know one class for each picture; ask for one class at a time, or use maximize")
    if ready.turned or channels != 3:
        what = f"layers that put out (N, h, w, C), such as {min(ready.turned)!r}" if ready.turned else f"networks that take {channels} channels"
        raise ValueError(f"Lucent does not know {what}; use maximize")
    goal, lucent, rows = _translate(ready), _lucent(), []
    device = lucent.param.spatial.device

    def loss(hook):
        with torch.no_grad():
            rows.append(ready.objective.values({name: hook(_underscored(name)) for name in ready.shapes}))
        check_finite(len(rows), rows[-1])
        bar.update()
        return goal(hook) + sum(penalty(hook("input")).sum() for penalty in penalties) / n

    with seeded(seed), tqdm(total=steps, disable=not progress, leave=False, delay=3) as bar:
        pictures = lucent.render.render_vis(
            nn.Sequential(_copy(model)).eval().to(device), loss,
            param_f=lambda: lucent.param.image(size, batch=n, fft=parameterisation.decay is not None,
                                               decorrelate=parameterisation.decorrelated),
            optimizer=lambda parameters: optimiser(parameters, lr=learning_rate),
            transforms=[*transforms, normalisation(preprocess, torch.zeros(1, device=device))],
            preprocess=False, thresholds=(steps,), fixed_image_size=(size, size), show_image=False, progress=False)[0]
    pictures = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous().to(like(model))
    return finish(pictures, [row.to(pictures.device) for row in rows], ready.values)


def lucent_transforms() -> list[Callable[[Tensor], Tensor]]:
    """Lucent's own default: padding by 12, jitter by 8, scaling by 0.9 to 1.1, rotation by −10° to 10°, jitter by 4.

    They fill what they uncover with black, and change the picture's size; for Lucent it is then made to fit again.
    """
    return list(_lucent().transform.standard_transforms)


@cache
def _lucent() -> SimpleNamespace:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kornia asks torch.jit.script, which is going away
        from lucent.optvis import objectives, param, render, transform
    return SimpleNamespace(objectives=objectives, param=param, render=render, transform=transform)


def _check_known(start, patience, after_step, kind: Parameterisation) -> None:
    for name, wrong in {
        "start": start is not None, "patience": patience is not None, "after_step": bool(after_step),
        "pixels(sigmoid=False)": not kind.sigmoid, f"decay={kind.decay}": kind.decay not in (None, 1),
    }.items():
        if wrong:
            raise ValueError(f"Lucent does not have {name}; leave it out, or use maximize")


def _copy(model: nn.Module) -> nn.Module:
    """The same network with the same weights in the same memory; what is left on it, is left on nobody's model."""
    shared = {id(p): nn.Parameter(p.detach(), requires_grad=False) for p in model.parameters()}
    shared |= {id(buffer): buffer for buffer in model.buffers()}
    twin = copy.deepcopy(model, shared)
    for module in twin.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
    return twin


def _underscored(name: str) -> str:
    return f"0_{name.replace('.', '_')}" if name else "0"


def _translate(ready: Ready) -> Callable:
    """A sum of Lucent's objectives; theirs is a loss, the negative mean over the pictures."""
    goals = [term.weight * _goal(term, ready.shapes[term.layer]) for term in ready.objective.terms]
    return lambda hook: sum(goal(hook) for goal in goals)


def _goal(term: Term, shape: tuple[int, ...]):
    objectives, name = _lucent().objectives, _underscored(term.layer)
    if term.kind == "unit" and len(shape) == 4:
        return objectives.neuron(name, term.index, x=term.column, y=term.row)
    if term.kind == "diversity":
        return -1 * objectives.diversity(name)
    if term.kind == "direction":
        if len(shape) == 2:
            raise ValueError(f"Lucent has no direction for layer {term.layer!r}, which outputs {shape}, without a map")
        vector = term.vector / term.vector.norm() * len(term.vector)  # theirs is a mean over channels, too
        return objectives.channel_weight(name, vector.to(_lucent().param.spatial.device))
    return objectives.channel(name, term.index)
