"""Does the map change with the weights? A map that stays the same when the network forgets all that it learnt cannot explain what it learnt.

Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, Sanity Checks for Saliency Maps, NeurIPS 2018: the weights are drawn anew layer by layer,
from the top (`cascade`). Hedström, Weber, Lapuschkin and Höhne, A Fresh Look at Sanity Checks for Saliency Maps, xAI 2024: the similarity of two
maps depends on noise and on the measure of similarity; they ask instead how far the map's entropy rises (`efficient_mprt`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from xaitutor.attribution.class_scores import decide
from xaitutor.attribution.inputs import check
from xaitutor.networks.layers import named
from xaitutor.referees.complexity import entropy
from xaitutor.referees.similarity import rank_correlation


def cascade(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None, method: Callable, *,
    like: Callable = rank_correlation, layers: Sequence[str] | None = None, seed: int = 0,
) -> Tensor:
    """How like the map of the trained network those are in which the uppermost 1, 2, … layers are drawn anew: (layers, N).

    method: called as (model, x, target), gives an attribution (N, C, h, w), of which the sum over colours counts, with its sign. like: of two maps
    (N, h, w), one number each; `pearson` or `ssim` for others. layers: names, the uppermost first; None is `stages(model)`. A target of None is the
    class that the trained network predicts. The model itself stays as it is. Cost: layers + 1 times that of the method.
    """
    check(model, x)
    target = decide(model, x, target, len(x))
    names = list(stages(model)) if layers is None else list(layers)
    before = _map(method, model, x, target)
    return torch.stack([like(before, _map(method, randomised(model, names[:count], seed), x, target)) for count in range(1, len(names) + 1)])


def efficient_mprt(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None, method: Callable, *, bins: int = 100, seed: int = 0,
) -> Tensor:
    """By how much the entropy of the map's histogram rises when all weights are drawn anew, as a share: (H(random) − H(trained)) / H(trained), (N,).

    Above 0: without what was learnt the map is more like noise. Hedström et al. 2024, equation 3. Parameters as for `cascade`.
    """
    check(model, x)
    target = decide(model, x, target, len(x))
    before, after = (entropy(_map(method, network, x, target), bins) for network in (model, randomised(model, [""], seed)))
    return (after - before) / before.clamp_min(torch.finfo(before.dtype).tiny)


def randomised(model: nn.Module, layers: Iterable[str], seed: int = 0) -> nn.Module:
    """A copy of the model in which the modules of these names, and all in them, have the weights that a fresh network begins with ("" is all).

    Batch norm forgets its statistics, too. The same seed gives the same weights to a layer, whatever other layers are drawn. Raises ValueError
    for a name that the model does not have.
    """
    fresh = copy.deepcopy(model)
    chosen = [part for module in named(fresh, *layers).values() for part in module.modules()]
    drawn = {id(part) for part in chosen}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for number, part in enumerate(fresh.modules()):
            if id(part) in drawn and hasattr(part, "reset_parameters"):
                torch.manual_seed(1000 * seed + number)
                part.reset_parameters()
    return fresh


def stages(model: nn.Module) -> tuple[str, ...]:
    """The names of the parts of the network that have weights, the uppermost first: its children, in the order in which they were defined; of a
    child that is a plain sequence, what is in it."""
    children = [(name, child) for name, child in model.named_children() if any(True for _ in child.parameters())]
    parts = [f"{name}.{part}" if part else name for name, child in children for part in (stages(child)[::-1] if type(child) is nn.Sequential else ("",))]
    return tuple(reversed(parts))


def _map(method: Callable, model: nn.Module, x: Tensor, target) -> Tensor:
    return method(model, x.clone(), target).detach().sum(dim=1)
