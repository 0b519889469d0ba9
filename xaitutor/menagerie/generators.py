"""Two generators that share an encoder: one repaints a picture so that a network's answer stays, one so that it changes."""

from __future__ import annotations

import copy

from torch import Tensor, nn

WIDTHS = (24, 48, 64)  # channels at a half, a quarter and an eighth of the picture's side


class Generators(nn.Module):
    """x (N, 3, H, W) in [0, 1] to two pictures of that shape and range: g_s(x), "similar", and g_a(x), "adversarial".

    H and W are multiples of 8. Nothing of x goes to the output unchanged: each decoder paints the whole picture again, from features at a half,
    a quarter and an eighth of its resolution (as a U-net: Ronneberger, Fischer and Brox 2015). Both begin with the same
    encoder, and before training with the same decoder.
    """

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.similar = Decoder()
        self.adversarial = copy.deepcopy(self.similar)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.encoder(x)
        return self.similar(*features), self.adversarial(*features)


class Encoder(nn.Module):
    """Features of a picture at a half, a quarter and an eighth of its resolution."""

    def __init__(self):
        super().__init__()
        half, quarter, eighth = WIDTHS
        self.fine = nn.Sequential(nn.PixelUnshuffle(2), *_layer(12, half))
        self.middle = _layer(half, quarter, stride=2)
        self.coarse = nn.Sequential(*_layer(quarter, eighth, stride=2), *_layer(eighth, eighth), *_layer(eighth, eighth))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        half = self.fine(x)
        quarter = self.middle(half)
        return half, quarter, self.coarse(quarter)


class Decoder(nn.Module):
    """A picture from features: enlarged twofold, the finer ones added, three times over."""

    def __init__(self):
        super().__init__()
        half, quarter, eighth = WIDTHS
        self.coarse = nn.Sequential(*_layer(eighth, quarter), nn.Upsample(scale_factor=2))
        self.middle = nn.Sequential(*_layer(quarter, quarter), *_layer(quarter, half), nn.Upsample(scale_factor=2))
        self.fine = nn.Sequential(*_layer(half, half), nn.Conv2d(half, 12, 3, padding=1), nn.PixelShuffle(2), nn.Sigmoid())

    def forward(self, half: Tensor, quarter: Tensor, eighth: Tensor) -> Tensor:
        return self.fine(half + self.middle(quarter + self.coarse(eighth)))


def _layer(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, padding=1), nn.LeakyReLU(0.1))
