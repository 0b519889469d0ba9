"""The networks that are asked: the embedded ones, one of your own, or one that learnt nothing."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from xaitutor.files import data_files
from xaitutor.menagerie import CLASSES, Dataset
from xaitutor.menagerie.networks import build
from xaitutor.networks.models import EMBEDDED, load_model

# The other network of each network contrast: its twin that was trained otherwise, and for the VGG another architecture.
PARTNERS = {
    "menagerie_resnet18": "menagerie_resnet18_standard",
    "menagerie_resnet18_biased": "menagerie_resnet18_standard",
    "menagerie_resnet18_standard": "menagerie_resnet18",
    "menagerie_vgg": "menagerie_resnet18",
}
UNTRAINED = {"menagerie_resnet18": "resnet18", "menagerie_vgg": "vgg"}


class Network(NamedTuple):
    """A network with the menagerie's twelve classes. `weights`: its fingerprint, or None where it has none (and nothing is kept)."""

    name: str
    model: nn.Module
    preprocess: Callable
    weights: str | None

    def inputs(self, images: np.ndarray) -> Tensor:
        """Pictures (N, 128, 128, 3) uint8, normalised as this network takes them: (N, 3, 128, 128)."""
        return self.preprocess(torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2).float() / 255).to(next(self.model.parameters(), torch.zeros(())))


def network(which: str | nn.Module) -> Network:
    """An embedded network by its name, "module:function" for a function that gives one with the twelve classes, or a module.

    One of your own gets the pictures as `menagerie_resnet18` does. Raises ValueError for an unknown name, for what is no
    network, and for other outputs than twelve logits.
    """
    if isinstance(which, str) and which in EMBEDDED:
        model, preprocess, _ = load_model(which)
        return Network(which, model, preprocess, data_files.sha256(data_files.DATA / "models" / f"{which}.safetensors"))
    name = which if isinstance(which, str) else type(which).__name__
    model = named(which, "network", EMBEDDED)() if isinstance(which, str) else which
    own = Network(name, model, load_model("menagerie_resnet18")[1], None)
    _check(own)
    return own


def partner(asked: Network) -> Network:
    """The other network of its network contrast; of one of your own it is `menagerie_resnet18`."""
    return network(PARTNERS.get(asked.name, "menagerie_resnet18"))


def untrained(name: str, seed: int = 0) -> Network:
    """The embedded network's architecture with random weights, in eval mode; batch norm knows 96 training pictures."""
    with torch.random.fork_rng(devices=[]):
        preprocess = load_model(name)[1]
        torch.manual_seed(seed)
        model = build(UNTRAINED[name], len(CLASSES)).requires_grad_(False)
    result = Network(f"{name}, untrained", model, preprocess, f"untrained {name} {seed}")
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in norms:
        module.train().momentum = None  # the plain average, here of one batch
    if norms:
        dataset = Dataset(96, "train")
        model(result.inputs(np.stack([dataset.scene(i).render().image for i in range(96)])))
    model.eval()
    return result


def named(which: str, what: str, known) -> Callable:
    """The object that "module:name" says (or "module.name", where `name` has no dot). Raises ValueError where there is none."""
    module, _, name = which.rpartition(":") if ":" in which else which.rpartition(".")
    if not module:
        raise ValueError(f"there is no {what} {which!r}; there is {', '.join(known)}, or yours as module:function")
    try:
        found = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"the {what} {which!r} cannot be imported: {error}") from error
    return found


def _check(own: Network) -> None:
    if not isinstance(own.model, nn.Module):
        raise ValueError(f"{own.name} gives a {type(own.model).__name__}, not a network (torch.nn.Module)")
    own.model.eval()
    with torch.no_grad():
        logits = own.model(torch.zeros(2, 3, 128, 128).to(next(own.model.parameters(), torch.zeros(()))))
    if not isinstance(logits, Tensor) or tuple(logits.shape) != (2, len(CLASSES)):
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"{own.name} gives {got} for two pictures; expected logits (2, {len(CLASSES)}), of the classes "
                         f"{', '.join(CLASSES)}")
