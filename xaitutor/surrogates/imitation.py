"""Imitation: what a network answers, and how often a surrogate answers the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xaitutor.networks.layers import require_eval
from xaitutor.progress import tqdm
from xaitutor.units.sensitivity import Interval, interval


class Answers(NamedTuple):
    """`x` (N, 3, size, size): the pictures as the network sees them, averaged down. `probabilities` (N, classes): what it answers."""

    x: Tensor
    probabilities: Tensor


class Fidelity(NamedTuple):
    """Shares of pictures, each with its 95 % interval: how often the surrogate answers as the network does, how often it is right,
    and how often the network is."""

    fidelity: Interval
    accuracy: Interval
    network: Interval


def ask(model: nn.Module, preprocess: Callable, images: np.ndarray, size: int = 16, batch_size: int = 100, progress: bool = True) -> Answers:
    """Show the network `images` (N, H, W, 3), uint8, and keep its answers, with small versions for a surrogate: `Answers`.

    preprocess: what `load_model` gives second. size: the small pictures' side; each of their pixels is a mean of the large ones'.
    """
    require_eval(model)
    if not isinstance(images, np.ndarray):
        raise TypeError(f"images must be an array (N, H, W, 3), uint8, not {type(images).__name__}; Dataset(n).images() gives such")
    images = torch.as_tensor(np.ascontiguousarray(images))  # mirrored ones, too: images[:, :, ::-1]
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != torch.uint8:
        raise ValueError(f"images must be (N, H, W, 3), uint8, not {images.dtype} of shape {tuple(images.shape)}; "
                         "Dataset(n).images() gives such")
    if not 1 <= size <= min(images.shape[1:3]):
        raise ValueError(f"size is from 1 to that of the images, {min(images.shape[1:3])}, not {size!r}")
    small, answers = [], []
    with torch.no_grad():
        for part in tqdm(images.split(batch_size), "asking the network", leave=False, delay=3, disable=not progress):
            x = preprocess(part.permute(0, 3, 1, 2).float() / 255).to(next(model.parameters(), torch.zeros(())))
            small.append(F.adaptive_avg_pool2d(x, size))
            answers.append(model(x).softmax(dim=1))
    return Answers(torch.cat(small), torch.cat(answers))


def fidelity(surrogate: Tensor, network: Tensor, labels: Tensor) -> Fidelity:
    """How often the surrogate agrees with the network, and how often each agrees with the labels, on the same pictures: a `Fidelity`.

    surrogate, network, labels: class indices (N,), or whatever is largest for the class that is meant, (N, classes). The
    intervals are percentile bootstraps over the pictures, 1000 resamples, seeded. Take pictures that the surrogate was not fitted to.
    """
    said, network, true = (classes(values) for values in (surrogate, network, labels))
    if not len(said) == len(network) == len(true) or not len(said):
        raise ValueError(f"expected the answers to the same pictures, got {len(said)} of the surrogate, {len(network)} of the "
                         f"network and {len(true)} labels")
    return Fidelity(*(_share(a == b) for a, b in ((said, network), (said, true), (network, true))))


def classes(values: Tensor | np.ndarray) -> np.ndarray:
    """Class indices (N,), as they are or from scores (N, classes)."""
    values = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if values.ndim == 2:
        return values.argmax(axis=1)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError("expected class indices (N,), whole numbers, or scores (N, classes), got "
                         f"{values.dtype} of shape {values.shape}")
    return values


def _share(right: np.ndarray) -> Interval:
    """Counted by what is wrong: where nothing is, it is 1 to the bit, on any processor."""
    return interval(lambda weights: 1 - weights @ (~right).astype(float), len(right))
