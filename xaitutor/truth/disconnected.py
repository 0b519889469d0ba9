"""Networks whose reasons are known: of four pictures in a grid, only one can have anything to do with the answer.

DiFull (Rao, Böhle and Schiele, Towards Better Understanding Attribution Methods, CVPR 2022): each cell goes through the same
convolutions on its own, and the last layer has weights for one cell alone. All relevance in the other three is wrong,
without any intervention; their Shapley values are exactly 0. Necessary, not sufficient: who looks at the right cell for no reason
is acquitted.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from xaitutor.attribution import heatmap
from xaitutor.truth.agreement import bootstrap
from xaitutor.truth.given import Contestant
from xaitutor.truth.localisation import relevance_mass
from xaitutor.truth.networks import network
from xaitutor.truth.situations import situations
from xaitutor.units.sensitivity import Interval

CELLS = 4  # 0 1 above, 2 3 below
GRIDS = 24
BLIND = 1 / CELLS  # the share of a map that knows nothing of the cell


class Disconnected(nn.Module):
    """Logits of one `cell` of a grid of four pictures, (N, 3, 2H, 2W), by a ResNet that sees each of them alone."""

    def __init__(self, resnet: nn.Module, cell: int):
        super().__init__()
        self.body = nn.Sequential(*list(resnet.children())[:-2])
        channels, classes = resnet.fc.in_features, resnet.fc.out_features
        self.head = nn.Linear(CELLS * channels, classes).requires_grad_(False)
        weight = torch.zeros(classes, channels, CELLS)
        weight[:, :, cell] = resnet.fc.weight.detach()
        self.head.weight.copy_(weight.flatten(1))
        self.head.bias.copy_(resnet.fc.bias.detach())
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        maps = stitched(self.body(cells(x)))
        return self.head(nn.functional.adaptive_avg_pool2d(maps, 2).flatten(1))  # one place a cell


def cells(grids: Tensor) -> Tensor:
    """The four cells of each grid, (4N, C, H, W), from (N, C, 2H, 2W)."""
    n, c, h, w = grids.shape
    return grids.reshape(n, c, 2, h // 2, 2, w // 2).permute(0, 2, 4, 1, 3, 5).reshape(CELLS * n, c, h // 2, w // 2)


def stitched(parts: Tensor) -> Tensor:
    """The grids that these are the cells of, (N, C, 2H, 2W), from (4N, C, H, W)."""
    n, c, h, w = parts.shape
    return parts.reshape(n // CELLS, 2, 2, c, h, w).permute(0, 3, 1, 4, 2, 5).reshape(n // CELLS, c, 2 * h, 2 * w)


def share_in_cell(who: Contestant, grids: int = GRIDS) -> Interval:
    """How much of |relevance| lies in the one cell that the answer comes from: the mean over grids, in [0, 1]; `BLIND` is chance.

    In each grid stand four scenes of four classes, the cell changes with the grid, and what is explained is the class that stands in it.
    """
    embedded = network("menagerie_resnet18")
    cast = situations(range(CELLS * grids))
    x = stitched(embedded.inputs(np.stack([s.scene.render().image for s in cast])))
    labels = torch.tensor([s.label for s in cast]).reshape(grids, CELLS)
    found = torch.empty(grids, dtype=torch.float64)
    for cell in range(CELLS):
        rows = range(cell, grids, CELLS)
        attribution = who.function(Disconnected(embedded.model, cell), x[rows], labels[rows, cell])
        heat = heatmap(attribution, "abs_sum", clip=1, size=x.shape[2:])
        found[list(rows)] = relevance_mass(heat, where(cell, x.shape[2:]).expand(len(rows), -1, -1))
    return bootstrap(found)


def where(cell: int, size: tuple[int, int]) -> Tensor:
    """The pixels of a cell, (1, H, W) bool."""
    inside = torch.zeros(CELLS, 1, *(side // 2 for side in size), dtype=torch.bool)
    inside[cell] = True
    return stitched(inside)[0]
