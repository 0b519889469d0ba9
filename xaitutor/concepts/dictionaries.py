"""A sparse dictionary: more directions than channels, few of them active at a time.

    z = top_k(ReLU(E a' + b)),   a' ≈ D z,   a' = (a − mean) / scale

A sparse autoencoder that keeps the k largest activations of each place: Makhzani and Frey, k-Sparse Autoencoders, 2013; Gao et al., Scaling and
evaluating sparse autoencoders, 2024. The idea that a layer has more meanings than units: Elhage et al., Toy models of superposition, 2022; Bricken et al.,
Towards monosemanticity, 2023.

``python -m xaitutor.concepts.dictionaries`` trains the two that come with the course (`data/dictionaries.safetensors`).
"""

from __future__ import annotations

import sys

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xaitutor.concepts.basis import Basis, activations, as_maps, require_activations, vectors
from xaitutor.files import data_files, new_files
from xaitutor.menagerie import Dataset
from xaitutor.networks import models
from xaitutor.progress import tqdm, until_interrupted

FILE = "dictionaries.safetensors"
LAYER, PICTURES = "layer4", 2400
FEATURES, ACTIVE, SEEDS = 256, 8, 2  # of the dictionaries that come with the course
STEPS, BATCH, RATE = 3000, 1024, 1e-3


class SparseAutoencoder(nn.Module):
    """(n, C) → (n, features) → (n, C): `code` and `decoder`."""

    def __init__(self, channels: int, features: int, active: int):
        super().__init__()
        self.active = active
        self.encoder = nn.Linear(channels, features)
        self.decoder = nn.Parameter(torch.empty(features, channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(()))

    def code(self, rows: Tensor) -> Tensor:
        z = self.encoder((rows - self.mean) / self.scale).relu()
        values, places = z.topk(self.active, dim=1)
        return torch.zeros_like(z).scatter(1, places, values)

    def forward(self, rows: Tensor) -> Tensor:
        return self.mean + self.scale * self.code(rows) @ F.normalize(self.decoder, dim=1)


def train_dictionary(a: Tensor, features: int, active: int, seed: int = 0, steps: int = STEPS, progress: bool = True) -> SparseAutoencoder:
    """An autoencoder of activations a (N, C, h, w) with `features` directions, `active` of them at a place.

    Minimises the mean squared error by Adam, on `BATCH` places a step. Raises ValueError for `active` not between 1 and `features`.
    """
    require_activations(a, 2)
    if not 1 <= active <= features:
        raise ValueError(f"active is how many of the {features} features may be active at a place, 1 or more, not {active}")
    rows = vectors(a).detach()
    generator = torch.Generator().manual_seed(seed)
    model = _begun(rows, features, active, generator)
    adam = torch.optim.Adam(model.parameters(), lr=RATE)
    for _ in tqdm(range(steps), "training a dictionary", disable=not progress):
        batch = rows[torch.randint(len(rows), (BATCH,), generator=generator)]
        loss = (model(batch) - batch).square().mean() / model.scale**2
        adam.zero_grad()
        loss.backward()
        adam.step()
    return model.eval().requires_grad_(False)


def dictionary(model: SparseAutoencoder) -> Basis:
    """The basis of a trained autoencoder. Its directions explain the activation less its mean."""
    directions = model.scale * F.normalize(model.decoder, dim=1)
    return Basis(directions.detach(), lambda a: as_maps(model.code(vectors(a)), a))


def embedded(seed: int = 0) -> SparseAutoencoder:
    """One of the two dictionaries of `menagerie_resnet18` that come with the course, which differ in the seed alone: 0 or 1.

    Raises ValueError for another seed, and as `data_files.verify` does.
    """
    if seed not in range(SEEDS):
        raise ValueError(f"dictionaries come with the course for the seeds 0 to {SEEDS - 1}, not {seed!r}; train_dictionary(…) trains others")
    with safetensors.safe_open(data_files.verify(FILE), "pt") as file:
        state = {name.removeprefix(f"{seed}."): file.get_tensor(name).float() for name in file.keys() if name.startswith(f"{seed}.")}
    model = SparseAutoencoder(state["decoder"].shape[1], len(state["decoder"]), ACTIVE)
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def unexplained(model: SparseAutoencoder, a: Tensor) -> float:
    """The share of the variance of activations a (N, C, h, w) that the autoencoder does not give back, 0 for a perfect one."""
    rows = vectors(a)
    with torch.no_grad():
        return ((model(rows) - rows).square().sum() / (rows - rows.mean(0)).square().sum()).item()


def _begun(rows: Tensor, features: int, active: int, generator: torch.Generator) -> SparseAutoencoder:
    """Encoder and decoder begin as the same random directions."""
    model = SparseAutoencoder(rows.shape[1], features, active).to(rows)
    directions = F.normalize(torch.randn(features, rows.shape[1], generator=generator), dim=1).to(rows)
    with torch.no_grad():
        model.decoder.copy_(directions)
        model.encoder.weight.copy_(directions)
        model.encoder.bias.zero_()
        model.mean.copy_(rows.mean(0))
        model.scale.copy_((rows - model.mean).square().mean().sqrt().clamp_min(1e-12))
    return model


def layer_activations(pictures: Tensor, layer: str = LAYER, name: str = "menagerie_resnet18") -> Tensor:
    """What a layer of an embedded network answers to pictures (N, 3, 128, 128) in [0, 1]: (N, C, h, w)."""
    model, preprocess, _ = models.load_model(name)
    with torch.no_grad():
        return torch.cat([activations(model, layer, preprocess(part)) for part in pictures.split(64)])


def training_pictures() -> Tensor:
    """The pictures (N, 3, 128, 128) in [0, 1] on which the course's dictionaries were trained: the menagerie's, none of the network's own test."""
    return torch.from_numpy(Dataset(PICTURES, "train", seed=5).images()).permute(0, 3, 1, 2) / 255


def main() -> None:
    a = layer_activations(training_pictures())
    tensors = {f"{seed}.{name}": value.half().contiguous() for seed in range(SEEDS)
               for name, value in train_dictionary(a, FEATURES, ACTIVE, seed).state_dict().items()}
    with new_files.whole(data_files.DATA / FILE) as own:
        safetensors.torch.save_file(tensors, own)
    data_files.write_sums()


if __name__ == "__main__":
    sys.exit(until_interrupted(main))
