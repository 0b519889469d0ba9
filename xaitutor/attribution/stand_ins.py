"""LIME and Kernel SHAP: a linear model of which regions are there stands in for the network, near one picture.

Both hide regions at random, ask the network, and fit weights: f(z) ≈ w₀ + Σ_r w_r z_r, z_r = 1 where region r is to be seen. They differ in how
much each coalition z counts:

    LIME          π(z) = √exp(−d² / width²), with d = 1 − √(|z| / R), the cosine distance from the whole picture; with a ridge
    Kernel SHAP   π(z) = (R − 1) / (C(R, |z|) · |z| · (R − |z|)), and w₀ = f(nothing), Σ w_r = f(all) − f(nothing) kept exactly: then the weights
                  are the Shapley values, exactly so from all 2^R coalitions

Ribeiro, Singh and Guestrin, "Why Should I Trust You?": Explaining the Predictions of Any Classifier, KDD 2016; Lundberg and Lee, A
Unified Approach to Interpreting Model Predictions, NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import comb

import numpy as np
import torch
from torch import Tensor, nn

from xaitutor.attribution.copies import answers_of
from xaitutor.attribution.inputs import at_least_one, explaining, warn
from xaitutor.attribution.regions import filling, labels_of, spread, warn_of_the_unseen


def lime(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    regions: int | Tensor = 50, fill: str | float | Tensor | Callable = "regions", samples: int = 1000, width: float = 0.25, ridge: float = 1,
    score: str = "logit", seed: int = 0, batch_size: int = 32, progress: bool = True,
) -> Tensor:
    """The weight of each region in a ridge regression near the picture, spread evenly over the region's pixels. (N, 1, H, W).

    So the sum of the map over a region is its weight. regions: how many superpixels (SLIC), or a map of whole numbers (H, W) or (N, H, W).
    fill: what hides a region: "regions" its own mean colour, as LIME does, or as for `occlusion`. samples: how many coalitions, in which each
    region is there with probability ½; the first is the whole picture. width: of the kernel π; ridge: the penalty on Σ w². The same `seed`
    gives the same bits; another one another answer, which `over_seeds` shows.

    Warns of regions that look like their fill, and where there are more regions than samples. Cost: `samples` forward passes.

    Ribeiro, Singh and Guestrin 2016; as in lime 0.2, which explains the probability, not the logit.
    """
    at_least_one(samples=samples)

    def fit(there: np.ndarray, values: np.ndarray) -> np.ndarray:
        return ridge_weights(there, values, lime_kernel(there, width), ridge)

    draw = lambda count: lime_coalitions(count, samples, seed)  # noqa: E731
    return _stand_in(model, x, target, regions, fill, draw, fit, score, batch_size, progress)


def kernel_shap(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    regions: int | Tensor = 50, fill: str | float | Tensor | Callable = "regions", samples: int = 1000,
    score: str = "logit", seed: int = 0, batch_size: int = 32, progress: bool = True,
) -> Tensor:
    """The Shapley value of each region, spread evenly over the region's pixels: the map sums to S(picture) − S(all hidden). (N, 1, H, W).

    Exact where all 2^R coalitions are no more than `samples`; else estimated from as many, drawn by the kernel in pairs of a coalition and its
    complement. Parameters and warnings as for `lime`. Cost: at most `samples` forward passes.

    Lundberg and Lee 2017; pairs: Covert and Lee, Improving KernelSHAP, 2021.
    """
    at_least_one(samples=samples)
    draw = lambda count: shap_coalitions(count, samples, seed)  # noqa: E731
    return _stand_in(model, x, target, regions, fill, draw, shapley_weights, score, batch_size, progress)


def lime_coalitions(regions: int, samples: int, seed: int) -> np.ndarray:
    """(samples, R) of 0 and 1, each with probability ½; the first row has all."""
    there = np.random.default_rng(seed).integers(0, 2, (samples, regions))
    there[0] = 1
    return there


def lime_kernel(there: np.ndarray, width: float = 0.25) -> np.ndarray:
    """π of each coalition, (samples,)."""
    distance = 1 - np.sqrt(there.mean(axis=1))
    return np.sqrt(np.exp(-(distance**2) / width**2))


def ridge_weights(there: np.ndarray, values: np.ndarray, kernel: np.ndarray, ridge: float = 1) -> np.ndarray:
    """The w, (R,), that make Σ π (w₀ + z·w − value)² + ridge Σ w² least."""
    from sklearn.linear_model import Ridge

    return Ridge(alpha=ridge).fit(there, values, sample_weight=kernel).coef_


def shapley_kernel(regions: int, size: int) -> float:
    """π of one coalition of this size, 0 < size < regions: (R − 1) / (C(R, s) · s · (R − s))."""
    return (regions - 1) / (comb(regions, size) * size * (regions - size))


def shap_coalitions(regions: int, samples: int, seed: int) -> np.ndarray:
    """Coalitions (samples, R) of 0 and 1: none, all, and then every one, if there are no more than `samples`; else pairs of one that is drawn
    as often as π demands, and its complement."""
    if regions < 30 and 2**regions <= samples:
        every = (np.arange(2**regions)[:, None] >> np.arange(regions)) & 1
        return every[[0, -1, *range(1, 2**regions - 1)]]
    random = np.random.default_rng(seed)
    sizes = np.arange(1, regions)
    often = 1 / (sizes * (regions - sizes))  # π of all coalitions of a size together
    rows = [np.zeros(regions, int), np.ones(regions, int)]
    for size in random.choice(sizes, max(samples // 2 - 1, 1), p=often / often.sum()):
        row = np.zeros(regions, int)
        row[random.permutation(regions)[:size]] = 1
        rows += [row, 1 - row]
    return np.stack(rows)


def shapley_weights(there: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The w, (R,), that make Σ π (v(∅) + z·w − v(z))² least among those with Σ w = v(all) − v(∅).

    The first two rows are nothing and everything. Where the rest is all coalitions, each counts with its π; drawn ones came as often as that.
    """
    nothing, everything = values[:2]
    inner, size, regions = there[2:], there[2:].sum(axis=1), there.shape[1]
    complete = len(there) == 2**regions
    root = np.sqrt([shapley_kernel(regions, s) for s in size.tolist()]) if complete else np.ones(len(inner))
    total = everything - nothing
    last = inner[:, -1]  # the sum is kept by giving the last region what the others leave
    left = (inner[:, :-1] - last[:, None]) * root[:, None]
    weights = np.linalg.lstsq(left, (values[2:] - nothing - last * total) * root, rcond=None)[0]
    return np.append(weights, total - weights.sum())


def _stand_in(model, x: Tensor, target, regions, fill, draw: Callable, fit: Callable, score: str, batch_size: int, progress: bool) -> Tensor:
    """Draw coalitions for each picture, ask, and fit."""
    with explaining(model, x) as x, torch.no_grad():
        labels = labels_of(x, regions)
        behind = filling(x, fill, labels)
        warn_of_the_unseen(x, behind, labels)
        coalitions = [draw(int(one.max()) + 1) for one in labels]
        if any(len(there) < there.shape[1] + 2 for there in coalitions):
            warn(f"{max(map(len, coalitions))} samples are fewer than the {max(there.shape[1] for there in coalitions)} regions: the weights are not "
                 "determined; take more samples or fewer regions")
        copies = lambda i: _partly_hidden(x[i], behind[i], labels[i], coalitions[i])  # noqa: E731
        found = answers_of(model, x, target, copies, [len(there) for there in coalitions], score, batch_size, progress)
        return torch.stack([spread(fit(there, values.cpu().double().numpy()), one) for there, values, one in zip(coalitions, found, labels)])[:, None].to(x)


def _partly_hidden(image: Tensor, behind: Tensor, labels: Tensor, coalitions: np.ndarray) -> Iterator[Tensor]:
    for there in torch.from_numpy(coalitions).to(image.device):
        yield torch.where(there.bool()[labels], image, behind)
