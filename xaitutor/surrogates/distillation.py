"""Distillation: fit a soft tree to what a network answers, not to what is true."""

from __future__ import annotations

import torch
from torch import Tensor

from xaitutor.networks.layers import require_images
from xaitutor.progress import tqdm
from xaitutor.surrogates.soft_trees import SoftTree


def tree_loss(tree: SoftTree, x: Tensor, targets: Tensor) -> Tensor:
    """−Σ_ℓ P^ℓ(x) Σ_k T_k log Q^ℓ_k, the mean over the pictures: each leaf's cross-entropy, weighted by how probable the leaf is.

    x: (N, C, H, W). targets T: (N, classes), each row a distribution.

    Frosst and Hinton 2017, equation 3; printed there is the logarithm of this sum without its sign, that of a negative number: an erratum.
    """
    cross_entropies = -targets @ tree.phi.log_softmax(dim=1).T  # (N, leaves)
    return (tree.path_probabilities(x) * cross_entropies).sum(dim=1).mean()


def balance_penalty(tree: SoftTree, x: Tensor) -> Tensor:
    """−Σ_i 2^−d_i (½ log α_i + ½ log(1 − α_i)): small where node i, at depth d_i, sends half of its pictures to each side.

        α_i = Σ_x P^i(x) p_i(x) / Σ_x P^i(x)

    is the share of what comes to node i that it sends right, over the pictures x (N, C, H, W). Without the penalty a
    tree is soon stuck where one side of a node gets all, and the other no gradient. It is halved at each depth, since
    deep nodes may have reasons to be unequal.

    Frosst and Hinton 2017, equations 4 and 5, in logarithms. (They average α_i over many batches; here it is one batch's.)
    """
    arriving = torch.logsumexp(tree.log_reach(x), dim=0)  # log Σ_x P^i(x), of each node and leaf
    inner, left, right = arriving[:len(tree.weight)], arriving[1::2], arriving[2::2]
    depths = torch.repeat_interleave(torch.arange(tree.depth), 2 ** torch.arange(tree.depth))
    weights = 0.5 ** depths.to(arriving)
    return -(weights * (0.5 * (right - inner) + 0.5 * (left - inner))).sum()


@torch.enable_grad()
def soft_tree(x: Tensor, targets: Tensor, *, depth: int = 4, beta: float = 1.0, penalty: float = 0.1, epochs: int = 30,
              rate: float = 2e-3, batch_size: int = 128, seed: int = 0, progress: bool = True) -> SoftTree:
    """A `SoftTree` fitted to `targets` by Adam, in eval mode.

    x: pictures (N, C, H, W), small and normalised: each pixel is a weight in each node. targets: (N, classes), each row a
    distribution, the network's probabilities, or one-hot labels.
    penalty: λ, the weight of `balance_penalty`. rate: Adam's; all pixels pull at once, so that larger pictures
    need a smaller one (2e-3 suits 3 × 16 × 16, 6e-4 suits 3 × 32 × 32). epochs: how often it sees all pictures.
    seed: same arguments, same tree, to the bit; torch's own generator is neither asked nor touched.

    Raises ValueError for other shapes, values that are not finite, rows that are no distributions, settings out of range.
    """
    _check(x, targets, penalty, epochs, rate, batch_size)
    targets = targets.to(x)
    tree = SoftTree(depth, tuple(x.shape[1:]), targets.shape[1], beta, seed).to(x)
    optimiser = torch.optim.Adam(tree.parameters(), rate)
    generator = torch.Generator().manual_seed(seed)
    for _ in tqdm(range(epochs), "growing a soft tree", disable=not progress, leave=False, delay=3):
        for rows in torch.randperm(len(x), generator=generator).split(batch_size):
            loss = tree_loss(tree, x[rows], targets[rows]) + penalty * balance_penalty(tree, x[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return tree.eval().requires_grad_(False)


def _check(x, targets, penalty, epochs, rate, batch_size) -> None:
    require_images(x)
    if x.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"a tree is grown in single or double precision, not in {x.dtype}; x.float()")
    if targets.ndim != 2 or len(targets) != len(x):
        raise ValueError(f"targets must be ({len(x)}, classes), a distribution for each picture, not {tuple(targets.shape)}; "
                         "of labels F.one_hot(labels, classes) makes them")
    if not (targets >= 0).all() or not ((targets.sum(dim=1) - 1).abs() <= 1e-3).all():
        raise ValueError("each row of targets must be a distribution, not negative and with the sum 1; model(x).softmax(dim=1) is")
    if not 0 <= penalty < float("inf") or not 0 < rate < float("inf"):
        raise ValueError(f"penalty must not be negative and rate must be positive, not {penalty!r} and {rate!r}; 0.1 and 2e-3 are usual")
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be at least 1, not {epochs!r} and {batch_size!r}")
