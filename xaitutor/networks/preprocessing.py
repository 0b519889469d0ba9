"""From whatever people call a picture to what a network takes: torchvision's preprocessing, which alone takes RGB only."""

from __future__ import annotations

import numpy as np
from PIL import Image
from torch import Tensor

from xaitutor.networks import images
from xaitutor.vision import torchvision

ImageClassification = torchvision.transforms._presets.ImageClassification  # what torchvision's own weights.transforms() gives


class Preprocess(ImageClassification):
    """A picture as a normalised tensor, (3, H, W), or (N, 3, H, W) of a batch: resized, cropped, (x − mean) / std per channel.

    Takes a PIL image of any mode, converted as `images.load_image` does; an array (H, W), (H, W, 3) or (H, W, 4), uint8 or floats in [0, 1];
    and a tensor (3, H, W), (1, H, W) or batch of them, uint8 or floats in [0, 1]. Raises TypeError or ValueError for anything else: a picture
    that is normalised already, or floats of 0 to 255, come out as no picture at all.
    """

    @classmethod
    def of(cls, other: ImageClassification) -> Preprocess:
        """The same steps as torchvision's."""
        new = cls(crop_size=other.crop_size[0], resize_size=other.resize_size[0], mean=other.mean, std=other.std,
                  interpolation=other.interpolation, antialias=other.antialias)
        new.crop_size, new.resize_size = list(other.crop_size), list(other.resize_size)
        return new

    def forward(self, img: Image.Image | np.ndarray | Tensor) -> Tensor:
        return super().forward(images.in_colour(img))
