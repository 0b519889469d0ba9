"""Training of the two generators: repaint a horse or a zebra, so that the frozen network's answer stays, or becomes the other.

After Charachon, Hudelot, Cournède, Ruppli and Ardon, Combining Similarity and Adversarial Learning to Generate Visual
Explanation, ICPR 2020 (there with discriminators besides, which see to it that the pictures look real; here there are none).
As in `training`: seeded, and after each epoch a checkpoint from which an interrupted run goes on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xaitutor.files import data_files
from xaitutor.menagerie.dataset import Dataset
from xaitutor.menagerie.generators import Generators
from xaitutor.menagerie.networks import build
from xaitutor.menagerie.scene import CLASSES
from xaitutor.menagerie.training import Normalised, _restore, _save, augment
from xaitutor.progress import tqdm


class GeneratorRecipe(NamedTuple):
    """Against which `network`, between which two classes, and how the generators are trained.

    The loss of a picture x with the answer c, c' the other class of `pair`, means over pixels and colours:

        similar · mean (x − g_s)²  +  near · mean |g_s − g_a|  −  log p_c(g_s)  −  log p_c'(g_a)
    """

    network: str
    pair: tuple[str, str] = ("horse", "zebra")
    pictures: int = 4_000
    epochs: int = 12
    rate: float = 2e-3
    similar: float = 200.0
    near: float = 20.0
    seed: int = 0


GENERATORS = {"menagerie_generators": GeneratorRecipe("menagerie_resnet18")}
BATCH = 16


def train(name: str, recipe: GeneratorRecipe, folder: Path) -> Generators:
    """Train the generators `name`, going on from their checkpoint in `folder` where there is one; returns them in eval mode."""
    torch.manual_seed(recipe.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, judge = Generators().to(device), frozen(recipe.network).to(device)
    optimiser = torch.optim.Adam(model.parameters(), recipe.rate)
    batches = recipe.pictures // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=recipe.epochs * batches, pct_start=0.1)
    state = {"model": model, "optimiser": optimiser, "schedule": schedule}
    done = _restore(folder / f"{name}.pt", state, repr(recipe))
    images = pictures(recipe) if done < recipe.epochs else None
    for epoch in range(done, recipe.epochs):
        generator = torch.Generator().manual_seed(1000 * recipe.seed + epoch)
        order = torch.randperm(len(images), generator=generator)[: batches * BATCH].view(batches, BATCH)
        bar = tqdm(order, f"{name} {epoch + 1}/{recipe.epochs}", mininterval=5)
        for rows in bar:
            x = augment(images[rows].permute(0, 3, 1, 2).float().to(device) / 255, generator)
            parts = losses(model, judge, x, recipe)
            optimiser.zero_grad()
            sum(parts.values()).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            bar.set_postfix({key: f"{value.item():.2f}" for key, value in parts.items()}, refresh=False)
        _save(folder / f"{name}.pt", state, epoch + 1, repr(recipe))
    return model.cpu().eval()


def losses(model: Generators, judge: nn.Module, x: Tensor, recipe: GeneratorRecipe) -> dict[str, Tensor]:
    """The four parts of the loss, each a mean over the batch x (N, 3, H, W) in [0, 1]; `judge` takes such pictures."""
    pair = torch.tensor([list(CLASSES).index(name) for name in recipe.pair], device=x.device)
    with torch.no_grad():
        answer = judge(x)[:, pair].argmax(dim=1)
    same, other = model(x)
    return {
        "similar": recipe.similar * F.mse_loss(same, x),
        "near": recipe.near * F.l1_loss(same, other),
        "keeps": F.cross_entropy(judge(same), pair[answer]),
        "changes": F.cross_entropy(judge(other), pair[1 - answer]),
    }


def pictures(recipe: GeneratorRecipe) -> Tensor:
    """Training pictures of the two classes in turn, (n, 128, 128, 3) uint8."""
    names = list(CLASSES)
    dataset = Dataset(len(names) * recipe.pictures, "train", recipe.seed)
    rows = [len(names) * i + names.index(recipe.pair[i % 2]) for i in range(recipe.pictures)]
    drawn = [dataset.scene(row).render().image for row in tqdm(rows, "drawing", disable=len(rows) < 500)]
    return torch.from_numpy(np.stack(drawn))


def frozen(name: str) -> nn.Module:
    """An embedded network for pictures in [0, 1], in eval mode, its weights fixed."""
    file = data_files.verify(f"models/{name}.safetensors")
    with safetensors.safe_open(file, "pt") as opened:
        facts = opened.metadata()
    model = build(facts["architecture"], len(json.loads(facts["categories"])))
    model.load_state_dict(safetensors.torch.load_file(file))
    return Normalised(model).eval().requires_grad_(False)
