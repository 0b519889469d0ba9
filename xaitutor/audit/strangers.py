"""Is a picture unlike all that an embedded network was trained on? Then its answer is a guess, however sure.

How sure a network is does not tell: it is often sure of what it has never seen. What tells is how its first feature maps are filled. Photos have grain, blur and
detail that drawn scenes lack, and the mean and deviation of each map show it, whatever is in the picture. Their distance from those of the training scenes is
Mahalanobis' (Lee et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples, NeurIPS 2018), with the covariance regularised.

``python -m xaitutor.audit.strangers`` measures the training scenes anew, once networks were trained anew, and writes `data/strangers.safetensors`.
"""

from __future__ import annotations

import json

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from xaitutor.files import data_files, new_files
from xaitutor.menagerie import Dataset
from xaitutor.networks import images, layers, models

LAYERS = {name: "features.4" if name == "menagerie_vgg" else "maxpool" for name in models.EMBEDDED}  # the first maps behind an activation and a pooling
FILE = "strangers.safetensors"
SCENES, FRESH = 480, 240  # what the statistics are taken from; and others, for the limit
RIDGE, MARGIN = 0.05, 1.1  # added to the diagonal of the correlations; how much further than any fresh scene


def strangeness(name: str, model: nn.Module, x: Tensor) -> Tensor:
    """How far the pictures x (N, 3, H, W), normalised, are from the scenes that the embedded network `name` was trained on: (N,), from 0; above 1 they are unlike all of them.

    1 is a tenth further than the most distant of 240 scenes that nothing was fitted to. Raises ValueError for a network that is not embedded.
    """
    if name not in LAYERS:
        raise ValueError(f"it is not known what {name!r} was trained on; it is of {', '.join(LAYERS)}")
    with safetensors.safe_open(data_files.verify(FILE), "pt") as file:
        mean, whitening = (file.get_tensor(f"{name}.{what}") for what in ("mean", "whitening"))
    return torch.linalg.vector_norm((statistics(model, LAYERS[name], x) - mean) @ whitening, dim=1)


def statistics(model: nn.Module, layer: str, x: Tensor) -> Tensor:
    """Mean and deviation of each of the C maps of a layer, (N, 2 C)."""
    with torch.no_grad(), layers.record(model, layer) as seen:
        model(x)
    return torch.cat([seen[layer].mean((2, 3)), seen[layer].std((2, 3))], dim=1)


def fitted(found: Tensor, fresh: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (D,) of the statistics (N, D) of training scenes, and the matrix (D, D) that makes distances of them, 1 at the limit that `fresh` (M, D) sets."""
    mean, spread = found.mean(0), found.std(0) + 1e-6
    correlations = torch.cov(((found - mean) / spread).T) + RIDGE * torch.eye(found.shape[1])
    whitening = torch.linalg.cholesky(torch.linalg.inv(correlations)) / spread[:, None]
    limit = MARGIN * torch.linalg.vector_norm((fresh - mean) @ whitening, dim=1).max()
    return mean, whitening / limit


def main() -> None:
    pictures = torch.from_numpy(Dataset(SCENES + FRESH, "train").images()).permute(0, 3, 1, 2) / 255
    tensors, weights = {}, {}
    for name, layer in LAYERS.items():
        model, preprocess, _ = models.load_model(name)
        parts = images.normalise(pictures, preprocess.mean, preprocess.std).split(48)
        found = torch.cat([statistics(model, layer, part) for part in parts])
        tensors[f"{name}.mean"], tensors[f"{name}.whitening"] = (one.contiguous() for one in fitted(found[:SCENES], found[SCENES:]))
        weights[name] = data_files.sums()[f"models/{name}.safetensors"]
    with new_files.whole(data_files.DATA / FILE) as own:
        safetensors.torch.save_file(tensors, own, {"weights": json.dumps(weights)})
    data_files.write_sums()


if __name__ == "__main__":
    main()
