"""The front page: one picture, one map, one truth, and then the parts."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image

from tools.website import book
from xaitutor import attribution
from xaitutor.attribution.heatmaps import overlay, signed_heatmap
from xaitutor.colours import SIGNED
from xaitutor.menagerie import CLASSES
from xaitutor.studio import stage, truths
from xaitutor.truth.contrasts import shares
from xaitutor.truth.given import relevance
from xaitutor.truth.networks import network

ROOT = Path(__file__).resolve().parents[2]
SCENE, ANSWER, SIDE = ("horse", "stripes", "savanna"), "zebra", 384


def page(studio: bool, pictures: Path) -> str:
    """The page in Markdown; what it shows is written into the folder `pictures`."""
    names = book.lessons()
    parts = book.parts((ROOT / "README.md").read_text("utf-8"))
    cards = "\n".join(f"- **[{title}]({names[numbers[0]]}.ipynb)** {question}" for title, question, numbers in parts)
    trees = [tree(title, [names[number] for number in numbers]) for title, _, numbers in parts]
    trees += [tree("The truth", ["methods", "truth", "rules", "errata"]),
              tree("Use it", ["run", "tools", "recipes", "instructors", "homework", "classroom", "reference/index", "benchmarks", "sources", "contributing", "cite"])]
    text = (ROOT / "site" / "pages" / "index.md").read_text("utf-8")
    return (text.replace("{{ button }}", BUTTON if studio else "").replace("{{ evidence }}", evidence(pictures))
            .replace("{{ parts }}", f":::{{container}} parts\n{cards}\n:::").replace("{{ toctrees }}", "\n\n".join(trees)))


BUTTON = '<p class="hero"><a class="to-studio" href="studio/index.html">Open the studio</a> <span>The network runs in the page. Nothing to install.</span></p>'


def tree(caption: str, names: list[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```"])


def evidence(pictures: Path) -> str:
    """Three pictures, with what they say computed from them: the scene, a popular map, and what each part is worth."""
    scene = stage.scene(*SCENE)
    asked, target = network(truths.NETWORKS["robust"]), list(CLASSES).index(ANSWER)
    image = scene.render().image
    x = asked.inputs(image[None])
    said = asked.model(x).softmax(dim=1)[0, target].item()
    masks = np.concatenate([stage.regions(scene.shape) / 255, np.zeros((1, 128, 128))])
    masks[-1] = 1 - masks.sum(axis=0)
    names = [*stage.part_names(scene.shape), "background"]
    cam = attribution.cam(asked.model, x, target)
    claimed = shares(relevance(cam, torch.from_numpy(masks)[None]).numpy())[0]
    worth = shares(np.array(truths.read()["values"]["robust"][" ".join(SCENE)][target], float)[None])[0]
    most = names[int(worth.argmax())]
    picture = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    laid = overlay(picture, (signed_heatmap(cam, size=(128, 128)) + 1) / 2, 0.65, SIGNED)[0].permute(1, 2, 0).numpy()
    painted = matplotlib.colormaps[SIGNED](0.5 + 0.5 * np.tensordot(worth / np.abs(worth).max(), masks, 1))[..., :3]
    shown = {"picture": (image / 255, f"The network says {ANSWER}, {_percent(said)}.", "A striped horse, a zebra, on the savanna."),
             "map": (laid, f"A popular map (CAM) lays {_percent(claimed[-1])} of the reasons on the background.", "A red cloud over the zebra and the ground around it."),
             "truth": (0.65 * painted + 0.35 * image / 255, f"In truth the background is worth {_percent(worth[-1])}, and the {most} {_percent(worth.max())}.",
                       f"The zebra with each part coloured by what it is worth; the {most} are the darkest red.")}
    figures = []
    for name, (values, caption, alt) in shown.items():
        Image.fromarray((255 * values).round().astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(pictures / f"front-{name}.png", optimize=True)
        figures.append(f'<figure><img src="_static/front-{name}.png" alt="{alt}" width="{SIDE}" height="{SIDE}"><figcaption>{caption}</figcaption></figure>')
    return '<div class="evidence">' + "".join(figures) + "</div>"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
