"""Training of the embedded networks: the recipes, and what they do.

Seeded, with a progress bar; after each epoch a checkpoint is written, from which an interrupted run goes on. Where there is a
CUDA device it is used. ``make models`` (make_models.py) runs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from xaitutor.files import new_files
from xaitutor.menagerie.dataset import Dataset
from xaitutor.menagerie.networks import build
from xaitutor.menagerie.scene import CLASSES
from xaitutor.progress import tqdm

MEAN, STD = (0.57, 0.56, 0.47), (0.21, 0.19, 0.22)  # of the training pictures' channels


class Recipe(NamedTuple):
    """How one network is trained, or one stage of it. `pictures` are drawn once and shown `epochs` times; of those, a share of `small` has
    animals of half their size.

    `radius` > 0 is adversarial training: each batch is shown `replays` times in a row, every time moved a little further in the
    direction that raises the loss, at most `radius` (L2 norm, pixels in [0, 1]) away. During the first third of a stage the radius grows
    from that of the stage before; without this nothing is learnt. The gradient with respect to the picture comes from the same backward pass as the
    weights' (Shafahi and others, "Adversarial training for free!", NeurIPS 2019).
    """

    architecture: str
    pictures: int
    epochs: int
    rate: float
    radius: float = 0.0
    replays: int = 1
    small: float = 0.0
    biased: bool = False
    decay: float = 5e-4
    seed: int = 0


# Stages, one after the other: each goes on from the network of the stage before.
RECIPES = {
    "menagerie_resnet18": (
        Recipe("resnet18", 12_000, 6, 0.05, radius=1.0, replays=3),
        Recipe("resnet18", 12_000, 2, 0.01, radius=0.5, replays=3, small=0.5),
        Recipe("resnet18", 12_000, 5, 0.03, radius=2.0, replays=3, small=0.5)),
    "menagerie_vgg": (
        Recipe("vgg", 12_000, 8, 0.02),
        Recipe("vgg", 12_000, 4, 0.01, small=0.5),
        Recipe("vgg", 12_000, 3, 0.01, radius=1.0, replays=3, small=0.5)),
    "menagerie_resnet18_standard": (Recipe("resnet18", 12_000, 6, 0.08),),
    "menagerie_resnet18_biased": (Recipe("resnet18", 6_000, 5, 0.08, biased=True),),
}
BATCH = 64


class Normalised(nn.Module):
    """A network that takes pictures in [0, 1]: attacks and augmentations live there."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1))

    def forward(self, x):
        return self.model((x - self.mean) / self.std)


def train(name: str, stages: tuple[Recipe, ...], folder: Path) -> nn.Module:
    """Train the network `name`, going on from its checkpoints in `folder` where there are any; returns it in eval mode."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(stages[0].seed)
    model = Normalised(build(stages[0].architecture, len(CLASSES))).to(device)
    former = 0.0
    for number, recipe in enumerate(stages, start=1):
        _train_stage(f"{name}-{number}", recipe, model, folder, former)
        former = recipe.radius
    return model.model.cpu().eval()


def _train_stage(name: str, recipe: Recipe, model: nn.Module, folder: Path, former: float) -> None:
    device = next(model.parameters()).device
    optimiser = torch.optim.SGD(model.parameters(), recipe.rate, momentum=0.9, nesterov=True, weight_decay=recipe.decay)
    batches = recipe.pictures // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, total_steps=recipe.epochs * batches * recipe.replays, pct_start=0.25)
    state, of = {"model": model, "optimiser": optimiser, "schedule": schedule}, f"{recipe} after {former}"
    done = _restore(folder / f"{name}.pt", state, of)
    if done == recipe.epochs:
        return
    images, labels = training_pictures(recipe)
    for epoch in range(done, recipe.epochs):
        generator = torch.Generator().manual_seed(1000 * recipe.seed + epoch)
        torch.manual_seed(1000 * recipe.seed + epoch)
        order = torch.randperm(len(images), generator=generator)[: batches * BATCH].view(batches, BATCH)
        bar = tqdm(order, f"{name} {epoch + 1}/{recipe.epochs}", mininterval=5)
        for batch, rows in enumerate(bar):
            grown = min(1, 3 * (epoch + batch / batches) / recipe.epochs)
            radius = recipe.radius if former >= recipe.radius else former + grown * (recipe.radius - former)
            x = augment(images[rows].permute(0, 3, 1, 2).float().to(device) / 255, generator)
            loss = _learn(model, x, labels[rows].to(device), optimiser, schedule, recipe, radius)
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        _save(folder / f"{name}.pt", state, epoch + 1, of)


def training_pictures(recipe: Recipe) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (n, 128, 128, 3) uint8 and labels (n,)."""
    few = round(recipe.small * recipe.pictures)
    parts = [Dataset(recipe.pictures - few, "train", recipe.seed, recipe.biased)]
    if few:
        parts.append(Dataset(few, "train", recipe.seed + 1, recipe.biased, size=0.5))
    images = torch.cat([torch.from_numpy(part.images()) for part in parts])
    return images, torch.tensor([part.label(i) for part in parts for i in range(len(part))])


def augment(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror, resize (0.5 to 1.15 times, so that small animals are known too) and brighten or darken each picture (N, 3, 128, 128)."""
    n = len(x)
    draw = torch.rand(n, 6, generator=generator).to(x.device)
    zoom = torch.where(draw[:, 0] < 0.5, 1.0 + 0.1 * (draw[:, 1] - 0.5), 0.87 + 1.0 * draw[:, 1])
    theta = torch.zeros(n, 2, 3, device=x.device)
    theta[:, 0, 0] = zoom * torch.where(draw[:, 2] < 0.5, 1.0, -1.0)
    theta[:, 1, 1] = zoom
    theta[:, :, 2] = (draw[:, 3:5] - 0.5) * 0.15
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    return (x * (0.8 + 0.4 * draw[:, 5]).view(n, 1, 1, 1)).clamp(0, 1)


def _learn(model, x, y, optimiser, schedule, recipe: Recipe, radius: float) -> float:
    """Show one batch, `replays` times for adversarial training."""
    model.train()
    shift = torch.zeros_like(x)
    if recipe.radius:
        shift = _within(torch.randn_like(x), radius) * torch.rand(len(x), 1, 1, 1, device=x.device)
    for _ in range(recipe.replays):
        shift.requires_grad_(recipe.radius > 0)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=_fast_bfloat16(recipe)):
            loss = F.cross_entropy(model((x + shift).clamp(0, 1)).float(), y, label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        if recipe.radius:
            shift = _within(shift.detach() + 0.75 * radius * _direction(shift.grad), radius)
    return loss.item()


def _direction(gradient):
    return gradient / gradient.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)


def _within(shift, radius: float):
    """Shifts longer than `radius` are shortened to it."""
    length = shift.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
    return shift * (radius / length).clamp_max(1)


def _fast_bfloat16(recipe: Recipe) -> bool:
    return recipe.architecture == "vgg"  # gains a factor of two there; narrow residual networks gain nothing


def _save(path: Path, state: dict, epoch: int, of: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_files.whole(path) as own:
        torch.save({"of": of, "epoch": epoch, **{key: value.state_dict() for key, value in state.items()}}, own)


def _restore(path: Path, state: dict, of: str) -> int:
    """Load a checkpoint into `state`; returns the epoch to go on with. Raises ValueError for one of another recipe, or of pictures drawn otherwise."""
    if not path.is_file():
        return 0
    saved = torch.load(path, weights_only=True)
    if saved.get("of") != of:
        raise ValueError(f"{path} is the checkpoint of another training, {saved.get('of')}, not of {of}; delete it to begin anew")
    for key, value in state.items():
        value.load_state_dict(saved[key])
    return saved["epoch"]
