"""Pictures of a soft tree: its filters where its nodes stand, and the way of one picture down to a leaf."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from xaitutor.figures import plots
from xaitutor.surrogates.soft_trees import SoftTree
from xaitutor.units.weights import as_pictures

SIDE, STEP, TOP = 0.115, 0.18, 0.9  # of a filter, from level to level, of the root: shares of the figure, for four levels


def soft_tree(tree: SoftTree, categories: Sequence[str], x: Tensor | None = None) -> tuple[Figure, str]:
    """Each node's filter, each leaf's likeliest classes, and, given a picture x (C, H, W), its way: in each node on it, how
    probable it is to go right."""
    pictures = as_pictures(tree.filters).permute(0, 2, 3, 1)
    way = tree.path(x) if x is not None else None
    right = dict(zip(way.nodes, way.right)) if way else {}
    figure = plt.figure(figsize=(7.2, 1.6 + 1.0 * tree.depth), layout="none")
    for node in range(2**tree.depth - 1):
        _node(figure, tree, node, pictures[node], right, way)
    for leaf, answer in enumerate(tree.leaves):
        best = [k for k in answer.argsort(descending=True)[:3].tolist() if answer[k] > 0.1]
        across, height = _place(tree, 2**tree.depth - 1 + leaf)
        words = "\n".join(f"{categories[k]} {answer[k]:.0%}" for k in best)
        figure.text(across, height + 0.05, words, rotation=90, va="top", ha="center", fontsize=7.5)
    return figure, _words(tree, categories, way)


def _node(figure: Figure, tree: SoftTree, node: int, picture: Tensor, right: dict, way) -> None:
    across, height = _place(tree, node)
    ratio = figure.get_figwidth() / figure.get_figheight()
    for child in (2 * node + 1, 2 * node + 2):
        chosen = child in right or (way is not None and child - (2**tree.depth - 1) == way.leaf)
        end, below = _place(tree, child)
        below += 0.06 if child >= 2**tree.depth - 1 else 0
        line = plt.Line2D([across, end], [height, below], color=plots.ORANGE if chosen else "0.7", linewidth=2.5 if chosen else 1, zorder=-1)
        figure.add_artist(line)
    side = min(SIDE, 0.9 / 2 ** (tree.depth - 1))
    axis = figure.add_axes((across - side / 2, height - side / 2 * ratio, side, side * ratio))
    axis.imshow(picture)
    axis.set(xticks=[], yticks=[])
    axis.grid(False)
    axis.spines[:].set(visible=True, color=plots.ORANGE if node in right else "0.7", linewidth=2.5 if node in right else 0.6)
    if node in right:
        where, box = height - (side / 2 - 0.008) * ratio, {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1}
        figure.text(across, where, f"right {right[node]:.0%}", fontsize=7, va="bottom", ha="center", bbox=box)


def _place(tree: SoftTree, node: int) -> tuple[float, float]:
    """Where a node stands, and below the nodes the leaves, in shares of the figure."""
    level = (node + 1).bit_length() - 1
    return (node + 1 - 2**level + 0.5) / 2**level, TOP - STEP * 4 / tree.depth * level


def _words(tree: SoftTree, categories: Sequence[str], way) -> str:
    kind = f"A soft tree of depth {tree.depth}: the filters of its {2**tree.depth - 1} nodes are blurred spots of colour"
    if way is None:
        return f"{kind}."
    turns = ", ".join("right" if p > 0.5 else "left" for p in way.right)
    answer = tree.leaves[way.leaf]
    return f"{kind}; this picture goes {turns}, to a leaf that says {categories[int(answer.argmax())]} {answer.max():.0%}."
