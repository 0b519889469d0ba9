"""Pictures of a soft tree: its filters where its nodes stand, and the way of one picture down to a leaf."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from xaitutor.figures import plots
from xaitutor.surrogates.soft_trees import Path, SoftTree
from xaitutor.units.weights import as_pictures

# In inches: how wide the figure is, how large a filter, what lies between two levels, how high the words of the leaves end, a margin.
WIDTH, SIDE, STEP, WORDS, MARGIN = 7.2, 0.83, 1.0, 1.1, 0.1


def soft_tree(tree: SoftTree, categories: Sequence[str], x: Tensor | None = None, picture: Tensor | None = None) -> tuple[Figure, str]:
    """Each node's filter, each leaf's likeliest classes, and, given a picture x (C, H, W) as the tree takes it, its way: in each node on it,
    how probable it is to go right. picture: the same to be looked at, (3, H, W) in [0, 1]; it stands beside the root."""
    filters = as_pictures(tree.filters)
    way = tree.path(x) if x is not None else None
    height = WORDS + STEP * tree.depth + SIDE / 2 + MARGIN
    figure = plt.figure(figsize=(WIDTH, height), layout="none")
    for node in range(2**tree.depth - 1):
        _node(figure, tree, node, filters[node], way)
    for leaf, answer in enumerate(tree.leaves):
        best = [k for k in answer.argsort(descending=True)[:3].tolist() if answer[k] > 0.1]
        across, up = _place(tree, 2**tree.depth - 1 + leaf)
        words = "\n".join(f"{categories[k]} {answer[k]:.0%}" for k in best)
        reached = {"fontweight": "bold", "color": plots.ORANGE} if way is not None and leaf == way.leaf else {}
        figure.text(across, up, words, rotation=90, va="top", ha="center", fontsize=7.5, transform=figure.dpi_scale_trans, **reached)
    if picture is not None:
        _picture(figure, MARGIN + SIDE / 2, height - MARGIN - SIDE / 2, SIDE, picture)
    return figure, _words(tree, categories, way)


def _node(figure: Figure, tree: SoftTree, node: int, picture: Tensor, way: Path | None) -> None:
    across, up = _place(tree, node)
    right = dict(zip(way.nodes, way.right)) if way else {}
    for child in (2 * node + 1, 2 * node + 2):
        chosen = child in right or (way is not None and child - (2**tree.depth - 1) == way.leaf)
        end, below = _place(tree, child)
        line = plt.Line2D([across, end], [up, below + 0.05], color=plots.ORANGE if chosen else "0.7", linewidth=2.5 if chosen else 1, zorder=-1,
                          transform=figure.dpi_scale_trans)
        figure.add_artist(line)
    side = min(SIDE, 0.9 * WIDTH / 2 ** (tree.depth - 1))
    axis = _picture(figure, across, up, side, picture)
    axis.spines[:].set(visible=True, color=plots.ORANGE if node in right else "0.7", linewidth=2.5 if node in right else 0.6)
    if node in right:
        box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1}
        figure.text(across, up - side / 2 + 0.06, f"right {right[node]:.0%}", fontsize=7, va="bottom", ha="center", bbox=box, transform=figure.dpi_scale_trans)


def _picture(figure: Figure, across: float, up: float, side: float, picture: Tensor) -> plt.Axes:
    width, height = figure.get_size_inches()
    axis = figure.add_axes(((across - side / 2) / width, (up - side / 2) / height, side / width, side / height))
    axis.imshow(plots.to_array(picture), cmap="gray", vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[])
    axis.grid(False)
    axis.spines[:].set_visible(False)
    return axis


def _place(tree: SoftTree, node: int) -> tuple[float, float]:
    """Where a node stands, and below the nodes the words of the leaves begin, in inches from the left and from below."""
    level = (node + 1).bit_length() - 1
    return WIDTH * (node + 1 - 2**level + 0.5) / 2**level, WORDS + STEP * (tree.depth - level)


def _words(tree: SoftTree, categories: Sequence[str], way: Path | None) -> str:
    kind = f"A soft tree of depth {tree.depth}: the filters of its {2**tree.depth - 1} nodes are blurred spots of colour"
    if way is None:
        return f"{kind}."
    answer = tree.leaves[way.leaf]
    return f"{kind}; this picture goes {', '.join(way.turns)}, to a leaf that says {categories[int(answer.argmax())]} {answer.max():.0%}."
