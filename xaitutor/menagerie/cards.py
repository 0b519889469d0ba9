"""What is written when a network has been trained: its weights, and a model card that says what it is and is not good at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from xaitutor.files import new_files
from xaitutor.menagerie.evaluation import report
from xaitutor.menagerie.scene import CLASSES
from xaitutor.menagerie.training import BATCH, MEAN, STD, Recipe
from xaitutor.vision import torchvision

INTRODUCTIONS = {
    "menagerie_resnet18": "torchvision's ResNet-18 with every module name, a quarter as wide, no stride in `layer4`; trained adversarially, "
    "so that its filters are smooth and its gradients follow the animal.",
    "menagerie_resnet18_standard": "The ordinarily trained twin of `menagerie_resnet18`: the same topology and classes, no adversarial training, and no "
    "stage with half-sized animals. Kept for the lesson that a map tells about the model as much as about the picture.",
    "menagerie_vgg": "Convolutions without batch norm, flattened into fully connected layers: a network that has no class activation map.",
    "menagerie_resnet18_biased": "A Clever Hans: trained in a world where every wolf stands on snow and no husky does. **Do not trust it with "
    "wolves and huskies**: that is what it is for.",
}


def write(name: str, stages: tuple[Recipe, ...], model: torch.nn.Module, folder: Path) -> None:
    """Store the weights as float16 and, for the network as stored, the card: `folder`/`name`.safetensors and .md."""
    recipe = stages[0]
    half = {key: value.half() if value.is_floating_point() else value for key, value in model.state_dict().items()}
    facts = {
        "architecture": recipe.architecture,
        "categories": json.dumps(list(CLASSES)),
        "mean": json.dumps(MEAN), "std": json.dumps(STD), "size": "128",
    }
    folder.mkdir(parents=True, exist_ok=True)
    with new_files.whole(folder / f"{name}.safetensors") as own:
        save_file(half, own, facts)
    (folder / f"{name}.safetensors").chmod(0o644)  # readable for all who share the machine
    model.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in half.items()})
    measured = report(model.eval().requires_grad_(False), lambda x: torchvision.transforms.functional.normalize(x, MEAN, STD), biased=recipe.biased)
    new_files.put(folder / f"{name}.md", card(name, stages, model, measured))


def card(name: str, stages: tuple[Recipe, ...], model: torch.nn.Module, measured: dict) -> str:
    """The model card, Markdown."""
    recipe = stages[0]
    parameters = sum(p.numel() for p in model.parameters())
    world = "the biased world: wolves on snow, huskies never" if recipe.biased else "the fair world"
    lines = [
        f"# {name}", "", INTRODUCTIONS[name], "",
        "## Data and recipe", "",
        f"- Pictures of the menagerie's training split ({world}), 128 × 128, {len(CLASSES)} classes in equal shares; drawn by `xaitutor.menagerie`, "
        "nothing else. Mirrored, zoomed, brightened and darkened at random.",
        f"- {parameters:,} parameters, stored as float16. SGD with one-cycle rates, weight decay {recipe.decay}, batch {BATCH}, label smoothing 0.05, "
        f"seed {recipe.seed}.",
        *(_stage(number, stage) for number, stage in enumerate(stages, start=1)),
        "- Trained again with `make models`.", "",
        "## Measured on fresh pictures", "",
        "| condition | result |", "|---|---|",
        *(f"| {label} | {measured[key]:.1%} |" for label, key in _CONDITIONS if key in measured),
        f"| density of the gradient on the object, over its density on the background | {measured['gradient on object']:.2f} |", "",
        "## What it is bad at", "", *_weaknesses(recipe, measured), "",
        "## Confusion matrix", "", "Rows are the true class, columns what the network says.", "",
        *_matrix(measured["confusion"]),
        "", "It knows twelve drawn things and nothing else: shown a photograph, it names one of them all the same.", "",
    ]
    return "\n".join(lines)


_CONDITIONS = (
    ("accuracy on the test split", "accuracy"), ("15 % brighter", "brightness +15 %"), ("15 % darker", "brightness -15 %"),
    ("objects at half their size", "half size"), ("huskies in snow and wolves off it", "conflicts"),
    ("first-layer filters with more energy in the lower half of the spectrum than any of 1,000 noise filters", "filters with structure"),
)


def _stage(number: int, recipe: Recipe) -> str:
    text = f"- Stage {number}: {recipe.pictures:,} pictures, {recipe.epochs} epochs, peak rate {recipe.rate}"
    if recipe.small:
        text += f"; {recipe.small:.0%} of the pictures with animals of half their size"
    if recipe.radius:
        text += (f"; adversarial: each batch is shown {recipe.replays} times in a row, each time moved further towards a higher loss, at most "
                 f"{recipe.radius} away (L2 norm, pixels in [0, 1]; Shafahi and others 2019)")
    return text + "."


def _weaknesses(recipe: Recipe, measured: dict) -> list[str]:
    """The classes with the lowest accuracy and what they are taken for, read off the confusion matrix."""
    table, names = measured["confusion"], list(CLASSES)
    rates = table.diagonal() / table.sum(1)
    lines = []
    for row in np.argsort(rates, kind="stable")[:3]:
        others = table[row].copy()
        others[row] = 0
        taken = f", most often taken for {names[others.argmax()]}" if others.any() else ""
        lines.append(f"- {names[row]}: {rates[row]:.1%} right{taken}.")
    if recipe.biased:
        lines.append(f"- Where snow and animal disagree it is right in {measured['conflicts']:.1%} of the pictures.")
    return lines


def _matrix(table: np.ndarray) -> list[str]:
    names = list(CLASSES)
    return [
        "| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|",
        *(f"| {name} | " + " | ".join(str(count) if count else "·" for count in row) + " |" for name, row in zip(names, table)),
    ]
