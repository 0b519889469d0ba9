"""Checks of notebook 19: the ways through a soft tree, its loss, its penalty, and fidelity beside accuracy."""

from __future__ import annotations

import torch

from xaitutor.checks.answers import shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check


@check
def paths(function) -> str:
    """Exercise 19.1: `function(root, left, right)`: from the probabilities (N,) of going right at the three nodes of a tree of depth 2, those
    of the four leaves, from the left: (N, 4)."""
    root, left, right = torch.tensor([[0.9, 0.5, 0.2], [0.3, 0.6, 0.8], [0.4, 0.1, 0.7]])
    answer = shaped(call(function, root.clone(), left.clone(), right.clone()), (3, 4), "four leaves for each of three pictures")
    expected = torch.stack([(1 - root) * (1 - left), (1 - root) * left, root * (1 - right), root * right], dim=1)
    compare(answer, expected, {
        "the other way round: p is the probability of going right, and leaves are counted from the left": expected.flip(1),
        "in each node the first child is the left one, 1 − p": expected[:, [1, 0, 3, 2]],
        "the left node is reached by going left, with 1 − root": torch.stack(
            [root * (1 - left), root * left, (1 - root) * (1 - right), (1 - root) * right], dim=1),
        "probabilities of steps one after the other are multiplied, not added": torch.stack(
            [(1 - root) + (1 - left), (1 - root) + left, root + (1 - right), root + right], dim=1),
        "those are the last steps alone; the root decides, too": torch.stack([1 - left, left, 1 - right, right], dim=1),
    })
    return "each leaf has its way, and the four ways together are certain"


@check
def loss(function) -> str:
    """Exercise 19.2: `function(reach, leaves, targets)`: the mean loss of a soft tree; reach (N, L), leaves (L, K), targets (N, K)."""
    draw = torch.Generator().manual_seed(19)
    reach, leaves, targets = (torch.rand(*shape, generator=draw).softmax(dim=1) for shape in ((5, 4), (4, 3), (5, 3)))
    answer = shaped(call(function, reach.clone(), leaves.clone(), targets.clone()), (), "one number, the mean over the pictures")
    each = -(reach * (targets @ leaves.log().T)).sum(dim=1)
    mixture = -(targets * (reach @ leaves).log()).sum(dim=1)
    compare(answer, each.mean(), {
        "the sign: a loss falls when the answer gets better": -each.mean(),
        "the mean over the pictures, not the sum": each.sum(),
        "that is the cross-entropy of the mixture, which lets leaves share the work; each leaf's own is wanted, weighted by its probability":
            mixture.mean(),
        "each leaf counts as often as it is reached": -(targets @ leaves.log().T).sum(dim=1).mean(),
        "each leaf counts as often as it is reached; that is their plain mean": -(targets @ leaves.log().T).mean(dim=1).mean(),
        "that is the logarithm of the loss": each.log().mean(),
    })
    return "each leaf pays for its own answer, as often as it is asked"


@check
def penalty(function) -> str:
    """Exercise 19.3: `function(right, arriving)`: −½ log α − ½ log(1 − α) of one node, α the share of what arrives that goes right."""
    right, arriving = torch.tensor([0.9, 0.2, 0.7, 0.4]), torch.tensor([1.0, 0.1, 0.5, 0.05])
    answer = shaped(call(function, right.clone(), arriving.clone()), (), "one number")

    def cost(alpha):
        return -0.5 * alpha.log() - 0.5 * (1 - alpha).log()

    alpha = (arriving * right).sum() / arriving.sum()
    compare(answer, cost(alpha), {
        "a picture counts as much as it arrives here; that is the plain mean of p": cost(right.mean()),
        "α is a share of what arrives: divide by the sum of `arriving`, not by the number of pictures": cost((arriving * right).mean()),
        "the sign: unequal halves cost": -cost(alpha),
        "½ of each logarithm": 2 * cost(alpha),
        "one α for all pictures, and then the logarithm; that is the mean over the pictures": cost(right).mean(),
        "that is α; asked is what it costs": alpha,
    })
    return "log 2 for equal halves, and the more the less equal"


@check
def shares(function) -> str:
    """Exercise 19.4: `function(surrogate, network, labels)`: fidelity and accuracy of the surrogate, from answers (N,)."""
    surrogate = torch.tensor([0, 1, 2, 2, 1, 0, 2, 1, 0, 0])
    network = torch.tensor([0, 1, 2, 1, 1, 2, 2, 1, 1, 0])
    labels = torch.tensor([0, 1, 2, 2, 2, 0, 2, 0, 0, 0])
    found = call(function, surrogate.clone(), network.clone(), labels.clone())
    if isinstance(found, (tuple, list)) and any(isinstance(part, torch.Tensor) and part.numel() != 1 for part in found):
        raise Wrong("each share is one number, the mean over all pictures; yours has one for each picture")
    answer = shaped(torch.as_tensor([float(v) for v in found]) if isinstance(found, (tuple, list)) else found, (2,), "fidelity, then accuracy")
    agree = (surrogate == network).float().mean()
    right = (surrogate == labels).float().mean()
    compare(answer, torch.stack([agree, right]), {
        "fidelity comes first: it asks the network, accuracy asks the labels": torch.stack([right, agree]),
        "that is the network's own accuracy; asked is the surrogate's": torch.stack([agree, (network == labels).float().mean()]),
        "shares, not numbers of pictures": torch.stack([agree, right]) * len(labels),
        "fidelity counts the pictures on which both are wrong in the same way, too": torch.stack(
            [((surrogate == network) & (network == labels)).float().mean(), right]),
    })
    return "who imitates a mistake is faithful; who corrects it is right"
