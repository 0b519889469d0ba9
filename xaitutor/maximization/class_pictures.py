"""Class pictures, and who recognises them: a picture that another network names shows more than the first one's own illusion.

``python -m xaitutor.maximization.class_pictures`` makes twelve pictures by each of `WAYS`, from several seeds, and asks three networks what they are
(`data/class_pictures.json`; five minutes). It also writes a sheet of the finest (`docs/class_pictures.jpg`).
"""

from __future__ import annotations

import json
import sys

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xaitutor.files import data_files, new_files
from xaitutor.maximization.ascent import maximize
from xaitutor.maximization.objectives import target
from xaitutor.maximization.parameterisations import fourier
from xaitutor.maximization.smoothness import blur, total_variation
from xaitutor.maximization.starts import guess, within
from xaitutor.maximization.transforms import jitter, rotation, scaling
from xaitutor.menagerie import CLASSES, Dataset
from xaitutor.networks import models
from xaitutor.progress import tqdm, until_interrupted
from xaitutor.vision import torchvision

FILE = "class_pictures.json"
SEEDS, STEPS, PICTURES = 5, 48, 40  # draws; of the ascent; of each class, from which a guess is drawn
ROBUST, ORDINARY, OTHER = "menagerie_resnet18", "menagerie_resnet18_standard", "menagerie_vgg"
RADIUS = 16
SHEET, SHOWN = data_files.folder("docs") / "class_pictures.jpg", (0, 2)  # the seeds of the sheet

_SHAKE = [jitter(8), rotation(6), scaling((0.92, 1, 1.08))]
_COLOURS = fourier(1.5, decorrelated=True)
WAYS: dict[str, dict] = {
    "pixels": {},
    "pixels, total variation": {"penalties": [total_variation(5)]},
    "pixels, blur": {"after_step": [blur(1.0, every=4)]},
    "pixels, transformations": {"transforms": _SHAKE},
    "waves": {"parameterisation": fourier(1.5)},
    "waves and colours": {"parameterisation": _COLOURS},
    "all but blur": {"parameterisation": _COLOURS, "transforms": _SHAKE, "penalties": [total_variation(4)]},
}


def near_a_guess(guesses: Tensor, radius: float = RADIUS) -> dict:
    """Options for `maximize`: from each of the `guesses` (n, 3, H, W), by plain steps in gently weighted waves, and never far from it."""
    return {"start": guesses, "after_step": [within(guesses, radius)], "parameterisation": fourier(0.4), "penalties": [total_variation(1)],
            "optimiser": torch.optim.SGD, "learning_rate": 30}


def one_per_class(model: nn.Module, preprocess, **options) -> Tensor:
    """One picture for each of the menagerie's classes, (12, 3, H, W), by `STEPS` steps of `maximize` with these options."""
    count = len(CLASSES)
    return maximize(model, target(range(count)), preprocess, n=count, steps=STEPS, progress=False, **options).pictures


def pictures_by_class() -> Tensor:
    """(classes, PICTURES, 3, 128, 128) in [0, 1]: from the training set, of which guesses are drawn."""
    count = len(CLASSES)
    drawn = torch.from_numpy(Dataset(count * PICTURES, "train", seed=5).images(progress=False)).permute(0, 3, 1, 2) / 255
    return drawn.reshape(PICTURES, count, *drawn.shape[1:]).transpose(0, 1)


def read() -> dict:
    """All of `data/class_pictures.json`, verified: by way and network that names, a list of how many of twelve, one a seed."""
    return json.loads(data_files.verify(FILE).read_text(encoding="utf-8"))


def main() -> None:
    loaded = {name: models.load_model(name) for name in (ROBUST, ORDINARY, OTHER)}
    shown, found = pictures_by_class(), {}
    guesses = [torch.cat([guess(pictures, seed) for pictures in shown]) for seed in range(SEEDS)]
    asked = [(name, ROBUST, [{**options, "seed": seed} for seed in range(SEEDS)]) for name, options in WAYS.items()]
    asked += [(f"near a guess, {title}", name, map(near_a_guess, guesses)) for title, name in (("robust", ROBUST), ("ordinary", ORDINARY))]
    for name, maker, each in tqdm(asked, "ways"):
        model, preprocess, _ = loaded[maker]
        made = [one_per_class(model, preprocess, **options) for options in each]
        found[name] = {witness: [_named(*loaded[witness][:2], pictures) for pictures in made] for witness in loaded}
    # What the guesses alone are worth, before any step.
    found["the guesses alone"] = {witness: [_named(*loaded[witness][:2], pictures) for pictures in guesses] for witness in loaded}
    new_files.put(data_files.DATA / FILE, json.dumps({"about": {"steps": STEPS, "radius": RADIUS}, "named": found}) + "\n")
    data_files.write_sums()
    write_sheet([guesses[seed] for seed in SHOWN])


def write_sheet(guesses: list[Tensor]) -> None:
    """Twenty-four class pictures of the robust network, the classes in turn, as `docs/class_pictures.jpg`, each twice as large as it is."""
    model, preprocess, _ = models.load_model(ROBUST)
    made = torch.cat([one_per_class(model, preprocess, **near_a_guess(each)) for each in guesses])
    large = F.interpolate(made, scale_factor=2, mode="bicubic").clamp(0, 1)
    with new_files.whole(SHEET) as own:
        sheet = torchvision.utils.make_grid(large, nrow=6, padding=6, pad_value=1)
        torchvision.transforms.functional.to_pil_image(sheet).save(own, "JPEG", quality=85)


def _named(model: nn.Module, preprocess, pictures: Tensor) -> int:
    """How many of the twelve the network names rightly."""
    with torch.no_grad():
        return int((model(preprocess(pictures)).argmax(1) == torch.arange(len(pictures))).sum())


if __name__ == "__main__":
    sys.exit(until_interrupted(main))
