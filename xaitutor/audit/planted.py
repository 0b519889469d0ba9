"""Faults with which an audit can be tried: a network of the menagerie, pictures it has never seen, and one thing wrong, or nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from xaitutor.menagerie import Dataset
from xaitutor.menagerie.networks import build
from xaitutor.networks.models import EMBEDDED, load_model
from xaitutor.referees import randomised

# Each fault, and how the question begins that must find it.
_PICTURES, _MODE, _WEIGHTS, _LOGITS, _LABELS, _LAYER = (
    "Are the pictures as the network expects them?", "Is the network in evaluation mode?", "Are its weights trained?", "Does it put out logits?",
    "Do the labels mean its classes?", "Is the layer the right one?")
FAULTS: dict[str, str | None] = {
    "nothing": None, "not normalised": _PICTURES, "0-255": _PICTURES, "normalised twice": _PICTURES, "BGR": _PICTURES, "training mode": _MODE,
    "random weights": _WEIGHTS, "random head": _WEIGHTS, "wrong layer": _LAYER, "softmax inside": _LOGITS, "labels off by one": _LABELS,
}
_SEED = 1000  # test pictures, and weights, from here on belong to nobody else


class Planted(NamedTuple):
    """What `audit(model, x, labels=labels, **options)` takes: x (N, 3, 128, 128) as it was, rightly or wrongly, prepared; labels (N,)."""

    model: nn.Module
    x: Tensor
    labels: Tensor
    options: dict


def planted(fault: str, network: str = "menagerie_resnet18", *, count: int = 12, seed: int = 0) -> Planted:
    """A network with this fault, one of `FAULTS` ("nothing" for a healthy one), and `count` pictures, the classes in turn. The same seed, the same bits.

    network: one of the four embedded ones. options: `preprocess` as it should have been used, and `layer` where that is the fault. Which question must
    raise an alarm is `FAULTS[fault]`. Raises ValueError for an unknown fault or network.
    """
    if fault not in FAULTS:
        raise ValueError(f"there is no fault {fault!r}; there is {', '.join(FAULTS)}")
    if network not in EMBEDDED:
        raise ValueError(f"there is no network {network!r} of the menagerie; there is {', '.join(EMBEDDED)}")
    model, preprocess, _ = load_model(network)
    p, labels = _pictures(count, seed)
    options = {"preprocess": preprocess}
    if fault == "wrong layer":
        options["layer"] = "features.2" if network == "menagerie_vgg" else "layer1"
    return Planted(_network(fault, model, seed), _prepared(fault, p, preprocess), labels + (fault == "labels off by one"), options)


def _pictures(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures (count, 3, 128, 128) in [0, 1], and their labels."""
    data = Dataset(count, "test", _SEED + seed)
    pairs = [data[index] for index in range(count)]
    return torch.stack([image for image, _ in pairs]), torch.tensor([label for _, label in pairs])


def _prepared(fault: str, p: Tensor, preprocess) -> Tensor:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (preprocess.mean, preprocess.std))
    normalised: Callable = lambda x: (x - mean) / std  # noqa: E731
    made = {"not normalised": lambda: p, "0-255": lambda: 255 * p, "normalised twice": lambda: normalised(normalised(p)),
            "BGR": lambda: normalised(p.flip(1))}
    return made.get(fault, lambda: normalised(p))()


def _network(fault: str, model: nn.Module, seed: int) -> nn.Module:
    if fault == "training mode":
        return model.train()
    if fault == "random weights":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build("resnet18" if hasattr(model, "fc") else "vgg", _last(model).out_features).eval().requires_grad_(False)
    if fault == "random head":
        return randomised(model, [name for name, module in model.named_modules() if module is _last(model)], _SEED + seed)
    if fault == "softmax inside":
        return nn.Sequential(OrderedDict(network=model, softmax=nn.Softmax(dim=1))).eval()
    return model


def _last(model: nn.Module) -> nn.Linear:
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
