"""A soft decision tree: each inner node is a filter that sends a picture right with some probability, each leaf a distribution.

Nodes are numbered from the root, level by level: the children of node i are 2i + 1 (left) and 2i + 2 (right). Leaves are
numbered from the left.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xaitutor.files import new_files


class Path(NamedTuple):
    """The way of one picture to its most probable leaf.

    `nodes`: the inner nodes on it, from the root. `right`: for each of them p_i(x), the probability of going right.
    `leaf`: the leaf's number. `probability`: P^ℓ(x), of all the steps together.
    """

    nodes: list[int]
    right: list[float]
    leaf: int
    probability: float

    @property
    def turns(self) -> list[str]:
        """What the way does at each node, "left" or "right". Not always the likelier of the two: see `SoftTree.path`."""
        return ["right" if digit == "1" else "left" for digit in f"{self.leaf:0{len(self.nodes)}b}"]


class SoftTree(nn.Module):
    """A binary tree of `depth` levels of inner nodes for pictures of `shape` (C, H, W), with 2^depth leaves over `classes` classes.

        p_i(x) = σ(β (x·w_i + b_i))    the probability that inner node i sends x to the right
        P^ℓ(x) = ∏ p_i or 1 − p_i      over the nodes above leaf ℓ: its path probability
        Q^ℓ    = softmax(φ^ℓ)          the distribution that leaf ℓ answers with, whatever the picture

    beta: the inverse temperature; the larger, the harder the decisions. seed: of the weights it begins with.

    As a module it gives log Σ_ℓ P^ℓ(x) Q^ℓ, (N, classes), which every method of attribution takes for class scores.

    Frosst and Hinton, Distilling a neural network into a soft decision tree, 2017.
    """

    def __init__(self, depth: int, shape: tuple[int, int, int], classes: int, beta: float = 1.0, seed: int = 0):
        super().__init__()
        _check_settings(depth, shape, classes, beta)
        self.depth, self.shape, self.classes, self.beta = depth, tuple(shape), classes, float(beta)
        generator = torch.Generator().manual_seed(seed)
        pixels = torch.Size(shape).numel()
        # Small, so that no decision is made before training, and what a filter shows after it is what was learnt.
        self.weight = nn.Parameter(0.1 / pixels**0.5 * torch.randn(2**depth - 1, pixels, generator=generator))
        self.bias = nn.Parameter(torch.zeros(2**depth - 1))
        self.phi = nn.Parameter(0.1 * torch.randn(2**depth, classes, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        """log Σ_ℓ P^ℓ(x) Q^ℓ, (N, classes), for pictures (N, C, H, W)."""
        log_path = self.log_reach(x)[:, len(self.weight):]
        return torch.logsumexp(log_path[:, :, None] + self.phi.log_softmax(dim=1), dim=1)

    def decisions(self, x: Tensor) -> Tensor:
        """β (x·w_i + b_i), (N, nodes): positive where node i would rather send the picture to the right."""
        self._check(x)
        return self.beta * F.linear(x.flatten(1), self.weight, self.bias)

    def log_reach(self, x: Tensor) -> Tensor:
        """The logarithm of the probability that x comes to each node, then to each leaf: (N, 2^(depth + 1) − 1).

        A sum of logarithms, so that a path of many unlikely steps is never 0.
        """
        decisions = self.decisions(x)
        levels = [torch.zeros_like(decisions[:, :1])]
        for level in range(self.depth):
            here = decisions[:, 2**level - 1:2 ** (level + 1) - 1]
            steps = torch.stack([F.logsigmoid(-here), F.logsigmoid(here)], dim=2)  # to the left, to the right
            levels.append((levels[-1][:, :, None] + steps).flatten(1))
        return torch.cat(levels, dim=1)

    def path_probabilities(self, x: Tensor) -> Tensor:
        """P^ℓ(x), (N, leaves): how probable each leaf is; they sum to 1."""
        return self.log_reach(x)[:, len(self.weight):].exp()

    @property
    def leaves(self) -> Tensor:
        """Q^ℓ, (leaves, classes): what each leaf answers; each row sums to 1."""
        return self.phi.softmax(dim=1)

    @property
    def filters(self) -> Tensor:
        """A copy of w_i as pictures, (nodes, C, H, W): what is added up in favour of going right."""
        return self.weight.detach().clone().unflatten(1, self.shape)

    @torch.no_grad()
    def predict(self, x: Tensor, mixture: bool = False) -> Tensor:
        """The distribution of the most probable leaf, (N, classes); it has one path, which can be read.

        mixture=True gives the mean of all leaves, weighted by their path probabilities: often a little better, and
        harder to read.
        """
        path = self.path_probabilities(x)
        return path @ self.leaves if mixture else self.leaves[path.argmax(dim=1)]

    @torch.no_grad()
    def path(self, x: Tensor) -> Path:
        """The way of one picture, (C, H, W) or (1, C, H, W), to its most probable leaf: a `Path`.

        It is the path with the largest product, and not always the one on which each single step is the likelier.
        """
        x = x[None] if x.ndim == 3 else x
        if len(x) != 1:
            raise ValueError(f"path takes one picture, not {len(x)}; path(x[[i]]) is that of picture i")
        probabilities = self.path_probabilities(x)[0]
        right = self.decisions(x)[0].sigmoid()
        leaf = int(probabilities.argmax())
        nodes = ancestors(leaf, self.depth)
        return Path(nodes, right[nodes].tolist(), leaf, float(probabilities[leaf]))

    def save(self, path: str | os.PathLike) -> None:
        """Write the numbers as safetensors, with the settings as JSON in the file's metadata.

        Raises FileNotFoundError where the folder is missing.
        """
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"there is no folder {folder!r} to save the tree in; make it first")
        settings = {"depth": self.depth, "shape": self.shape, "classes": self.classes, "beta": self.beta}
        with new_files.whole(path) as own:
            safetensors.torch.save_file(self.state_dict(), own, {"soft tree": json.dumps(settings)})

    @classmethod
    def load(cls, path: str | os.PathLike) -> SoftTree:
        """The tree that `save` wrote, in eval mode; no parameter asks for a gradient.

        Raises FileNotFoundError for no file, ValueError for one that is broken or holds no soft tree.
        """
        if not os.path.isfile(path):
            raise FileNotFoundError(f"there is no file {os.fspath(path)!r}; tree.save(path) writes one")
        try:
            with safetensors.safe_open(path, "pt") as file:
                tree = cls(**json.loads((file.metadata() or {})["soft tree"]))
            state = safetensors.torch.load_file(path)
            tree.to(state["weight"].dtype).load_state_dict(state)
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{os.fspath(path)!r} is broken, or holds no soft tree ({error}); "
                             "save the tree again: tree.save(path)") from error
        return tree.eval().requires_grad_(False)

    def _check(self, x: Tensor) -> None:
        if not isinstance(x, Tensor) or tuple(x.shape[1:]) != self.shape:
            given = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"this tree takes pictures (N, {', '.join(map(str, self.shape))}), not {given}; "
                             f"F.adaptive_avg_pool2d(x, {self.shape[1:]}) makes large ones as small")


def ancestors(leaf: int, depth: int) -> list[int]:
    """The inner nodes above a leaf, from the root: read from the left, the binary digits of its number are the turns (1 is right)."""
    node = 2**depth - 1 + leaf
    above = []
    while node:
        node = (node - 1) // 2
        above.append(node)
    return above[::-1]


def _check_settings(depth, shape, classes, beta) -> None:
    if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= 12:
        raise ValueError(f"depth is a whole number from 1 to 12 (which has 4096 leaves already), not {depth!r}")
    if len(shape) != 3 or not all(isinstance(side, int) and side > 0 for side in shape):
        raise ValueError(f"shape is that of one picture, (C, H, W), not {shape!r}; tuple(x.shape[1:]) is")
    if not isinstance(classes, int) or classes < 2:
        raise ValueError(f"a tree tells at least 2 classes apart, not {classes!r}")
    if not 0 < beta < float("inf"):
        raise ValueError(f"beta, the inverse temperature, must be positive (1 is usual), not {beta!r}")
