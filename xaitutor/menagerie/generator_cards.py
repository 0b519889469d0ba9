"""What is written when the generators have been trained: their weights, and a card that says what they do to fresh pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from xaitutor.files import new_files
from xaitutor.menagerie.dataset import Dataset
from xaitutor.menagerie.generator_training import BATCH, GeneratorRecipe, frozen
from xaitutor.menagerie.generators import Generators
from xaitutor.menagerie.scene import CLASSES, Scene

_DIFFERENCES = ("x and g_s", "x and g_a", "g_s and g_a")


def write(name: str, recipe: GeneratorRecipe, model: Generators, folder: Path) -> None:
    """Store the weights as float16 and, for the generators as stored, the card: `folder`/`name`.safetensors and .md."""
    half = {key: value.half() for key, value in model.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    with new_files.whole(folder / f"{name}.safetensors") as own:
        save_file(half, own, {"network": recipe.network, "pair": json.dumps(recipe.pair)})
    (folder / f"{name}.safetensors").chmod(0o644)  # readable for all who share the machine
    model.load_state_dict({key: value.float() for key, value in half.items()})
    new_files.put(folder / f"{name}.md", card(name, recipe, model, report(model.eval(), recipe)))


def report(model: Generators, recipe: GeneratorRecipe, n: int = 400, seed: int = 0) -> dict[str, float]:
    """What the generators do to `n` fresh pictures, the two classes in turn: shares of pictures, means over pixels and colours in [0, 1], and how
    much of a difference lies on the pixels that are not the same with the other coat."""
    judge, names = frozen(recipe.network), list(CLASSES)
    dataset = Dataset(len(names) * n, "test", seed)
    measured = []
    for start in range(0, n, BATCH):
        labels = torch.tensor([names.index(recipe.pair[i % 2]) for i in range(start, min(start + BATCH, n))])
        scenes = [dataset.scene(len(names) * (start + i) + label) for i, label in enumerate(labels.tolist())]
        others = [scene.replace(coat=_other_coat(scene, recipe.pair)) for scene in scenes]
        measured.append(_measured(model, judge, _pixels(scenes), _pixels(others)))
    return {key: torch.cat([part[key].double() for part in measured]).mean().item() for key in measured[0]}


def _measured(model: Generators, judge, x: Tensor, other: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        similar, adversarial = model(x)
        before, kept, changed = (judge(pictures).argmax(dim=1) for pictures in (x, similar, adversarial))
        truth = judge(other).argmax(dim=1)
    mean = lambda difference: difference.abs().mean(dim=(1, 2, 3))  # noqa: E731
    must = (x - other).abs().amax(dim=1) > 0.02
    on = lambda difference: (difference.abs().sum(1) * must).sum((1, 2)) / difference.abs().sum((1, 2, 3))  # noqa: E731
    return {
        "keeps": kept == before, "changes": changed != before, "as the other coat": changed == truth,
        **dict(zip(_DIFFERENCES, map(mean, (x - similar, x - adversarial, similar - adversarial)))),
        "area": must.float().mean(dim=(1, 2)), "R on": on(similar - adversarial), "one on": on(x - adversarial),
    }


def _other_coat(scene: Scene, pair: tuple[str, str]) -> str:
    return next(CLASSES[name].coats[0] for name in pair if CLASSES[name].coats[0] != scene.coat)


def _pixels(scenes: list[Scene]) -> Tensor:
    return torch.from_numpy(np.stack([scene.render().image for scene in scenes])).permute(0, 3, 1, 2).float() / 255


def card(name: str, recipe: GeneratorRecipe, model: Generators, measured: dict[str, float]) -> str:
    """The card, Markdown."""
    parameters = sum(p.numel() for p in model.parameters())
    first, second = recipe.pair
    percent = lambda key: f"{measured[key]:.1%}"  # noqa: E731
    lines = [
        f"# {name}", "",
        f"Two generators with one encoder: g_s repaints a {first} or {second} so that `{recipe.network}` says the same, g_a so that it says the other of the two. "
        "What they paint differently, |g_s(x) − g_a(x)|, explains the answer (Charachon and others 2020, without their discriminators).", "",
        "## Data and recipe", "",
        f"- {recipe.pictures:,} pictures of the menagerie's training split, 128 × 128, {first} and {second} in turn, shown {recipe.epochs} times; mirrored, "
        "zoomed, brightened and darkened at random.",
        f"- {parameters:,} parameters, stored as float16. Adam with one-cycle rates up to {recipe.rate}, batch {BATCH}, seed {recipe.seed}.",
        f"- Loss: {recipe.similar:g} · mean (x − g_s)² + {recipe.near:g} · mean |g_s − g_a| − log p(same | g_s) − log p(other | g_a), with p of the frozen "
        f"`{recipe.network}`. Both decoders begin alike.",
        f"- Trained again with `make models MODELS_ARGS={name}`.", "",
        "## Measured on fresh pictures", "", "| what | result |", "|---|---|",
        f"| answers that g_s keeps | {percent('keeps')} |",
        f"| answers that g_a changes | {percent('changes')} |",
        f"| answers to g_a(x) that are those to the scene in the other coat | {percent('as the other coat')} |",
        *(f"| mean absolute difference of {key}, pixels in [0, 1] | {measured[key]:.4f} |" for key in _DIFFERENCES),
        f"| share of the picture that is another in the other coat | {percent('area')} |",
        f"| share of g_s − g_a that lies there | {percent('R on')} |",
        f"| share of x − g_a that lies there | {percent('one on')} |", "",
        "## What they are bad at", "",
        f"- They know {first} and {second}. Shown anything else, they paint it, and what they change means nothing.",
        "- They paint softly: fine texture is lost in both pictures, which is why a difference with x itself shows every edge.",
        f"- g_a finds what turns the answer of `{recipe.network}`, which need not be what turns one animal into the other: look at its colours.", "",
    ]
    return "\n".join(lines)
