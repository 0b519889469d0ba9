"""A ResNet that gives its own gradient: forward and backward pass as one chain of ordinary operations, so that it runs where no autograd is.

A browser's runtime knows convolutions and sums, not derivatives. So the backward pass is written down:

    convolution        the transposed convolution with the same weights
    ReLU               the gradient, where the output was above 0
    max pooling        the gradient goes to the first of a window's pixels that has the maximum
    average and fc     the row of the class, the same at each place, divided by the number of places
    batch norm         folded into the convolution before it: at evaluation it is linear
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, max_pool2d, pad

from xaitutor.vision import torchvision

BasicBlock, ResNet = torchvision.models.resnet.BasicBlock, torchvision.models.resnet.ResNet


class WithGradient(nn.Module):
    """`network(x, target)`: the logits, the gradient of one of them by the pixels, and the class activation map.

    x: (N, 3, H, W), normalised; every stride must divide what it meets, so that of the course's networks the sides are multiples of 16. target: (N, classes), 1 at the class that is asked for and 0 elsewhere.
    Gives logits (N, classes), gradient (N, 3, H, W) of Σ_c target_c · S_c, and CAM (N, 1, h, w) as `attribution.cam`.

    model: a ResNet of torchvision's `BasicBlock`s in eval mode. Raises TypeError for another network.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        if not isinstance(model, ResNet) or not all(isinstance(block, BasicBlock) for block in blocks(model)):
            raise TypeError(f"the backward pass is written for ResNets of basic blocks, not for a {type(model).__name__}")
        self.stem = folded(model.conv1, model.bn1)
        self.blocks = nn.ModuleList(Block(block) for block in blocks(model))
        self.fc = model.fc

    def forward(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        stem = self.stem(x).relu()
        maps, inside = max_pool2d(stem, 3, stride=2, padding=1), []
        for block in self.blocks:
            before = maps
            maps, middle = block(before)
            inside.append((middle, maps))
        logits = self.fc(maps.mean(dim=(2, 3)))
        weights = (target @ self.fc.weight)[:, :, None, None]
        cam = (weights * maps).sum(dim=1, keepdim=True)
        gradient = weights.expand_as(maps) / maps.shape[2:].numel()
        for block, (middle, after) in zip(reversed(self.blocks), reversed(inside)):
            gradient = block.backward(gradient, middle, after)
        gradient = unpooled(gradient, stem) * (stem > 0)
        return logits, transposed(self.stem, gradient), cam


class Block(nn.Module):
    """A basic block, and its way back."""

    def __init__(self, block: BasicBlock):
        super().__init__()
        self.first, self.second = folded(block.conv1, block.bn1), folded(block.conv2, block.bn2)
        self.shortcut = None if block.downsample is None else folded(*block.downsample)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        middle = self.first(x).relu()
        return (self.second(middle) + (x if self.shortcut is None else self.shortcut(x))).relu(), middle

    def backward(self, gradient: Tensor, middle: Tensor, after: Tensor) -> Tensor:
        """The gradient by the block's input, from that by its output; `middle` and `after` are what the pass forward had there."""
        gradient = gradient * (after > 0)
        inner = transposed(self.first, transposed(self.second, gradient) * (middle > 0))
        return inner + (gradient if self.shortcut is None else transposed(self.shortcut, gradient))


def blocks(model: ResNet) -> list[nn.Module]:
    return [block for layer in (model.layer1, model.layer2, model.layer3, model.layer4) for block in layer]


def folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """The convolution that does what both do one after the other, at evaluation."""
    return nn.utils.fusion.fuse_conv_bn_eval(convolution, norm)


def transposed(convolution: nn.Conv2d, gradient: Tensor) -> Tensor:
    """The gradient by a convolution's input; inputs are divisible by its stride, so that their size follows from the output's."""
    rest = [stride - 1 - (kernel - 1 - 2 * padding) % stride for stride, kernel, padding in
            zip(convolution.stride, convolution.kernel_size, convolution.padding)]
    return conv_transpose2d(gradient, convolution.weight, None, convolution.stride, convolution.padding, rest)


def unpooled(gradient: Tensor, before: Tensor) -> Tensor:
    """The gradient by the input (N, C, H, W) of a 3 × 3 max pooling with stride 2 and padding 1, behind a ReLU; H and W are even.

    Of equal pixels the first gets all, as in torch. Each of the nine places of a window is looked at by itself; a transposed convolution,
    in which each place has a kernel with a single 1, puts the nine together.
    """
    channels, height, width = before.shape[1:]
    padded = pad(before, (1, 1, 1, 1), value=-1.0)  # below any output of a ReLU
    highest = max_pool2d(before, 3, stride=2, padding=1)
    free, won = 1.0, []
    for row in range(3):
        for column in range(3):
            won.append(free * (padded[:, :, row:row + height:2, column:column + width:2] == highest))
            free = free - won[-1]
    shares = gradient[:, :, None] * torch.stack(won, dim=2)
    places = torch.eye(9, dtype=before.dtype, device=before.device).reshape(9, 1, 3, 3).repeat(channels, 1, 1, 1)
    return conv_transpose2d(shares.flatten(1, 2), places, None, stride=2, padding=1, output_padding=1, groups=channels)
