"""Every method of the course against the truth, on the menagerie: ``python -m xaitutor.scoreboard`` (make scores).

For each network, scenes of the test split, seed 7, in which no network was trained, the true class explained:

- The object: the pixels that are more than half its own. Heat is `heatmap(…, reduce, clip=1)` with each method's usual
  `reduce`, enlarged to the picture's size.
- The parts: five a scene, which do not overlap; with the head goes what sits on it. The scene is drawn again without
  each, and the fall of the class's logit is its effect, whether or not the explained network learnt anything. Scenes
  whose effects differ by less than `SPREAD` have no order worth finding, and are left out of that score. What a
  part was given is the signed sum, as the method puts it out (Grad-CAM has no negative values, as published), and, as
  "heat_correlation", the sum of the heat, which large parts gain from whatever the network does.
- Beside them `metrics.BASELINES`, and each method on an untrained network: the same architecture, random weights from a
  fixed seed, and, where there is batch norm, the statistics of some training pictures. Its explanations are scored
  against what the *trained* network uses.

`data/explanations.json` holds means with intervals, which baselines a method beats (the paired difference's interval
lies above 0), and the first scenes' own values, for a test to compute again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from xaitutor import metrics
from xaitutor.attribution import METHODS, heatmap
from xaitutor.files import data_files
from xaitutor.menagerie import CLASSES, Dataset, Scene
from xaitutor.menagerie.anatomy import HEAD
from xaitutor.menagerie.networks import build
from xaitutor.networks.models import load_model
from xaitutor.progress import tqdm

FILE = "explanations.json"
NETWORKS = {"menagerie_resnet18": "resnet18", "menagerie_vgg": "vgg"}
NO_CAM = ("menagerie_vgg",)  # it flattens its map: CAM is not defined
SCENES, SEED, SPREAD = 540, 7, 0.5
BATCH = len(CLASSES)  # one scene of each class
OPTIONS = {"smoothgrad": {"samples": 10}, "integrated_gradients": {"steps": 10}}  # from the mean colour, the default
METRICS = ("pointing", "mass", "rank", "correlation", "heat_correlation")
BASELINES = {"random": "Random", "centre": "Centre", "sobel": "Sobel edges"}
_PARTS = ("legs", "tail", "body", "neck", "head")
_SOFA = ("feet", "back", "seat", "cushions", "arms")


class Truth(NamedTuple):
    """Pictures x (N, 3, H, W) of the classes y (N,), normalised, and what is true of them.

    `mask` (N, H, W) bool; `parts` (N, 5, H, W) in [0, 1]; `removed` (N, 5, 3, H, W): x without each part.
    """

    x: Tensor
    y: Tensor
    mask: Tensor
    parts: Tensor
    removed: Tensor


class Contestant(NamedTuple):
    """Who explains which network, and how its attribution becomes heat."""

    model: nn.Module
    function: Callable
    reduce: str


class Row(NamedTuple):
    """One line of the table, ready to print: "0.61 [0.58, 0.64]" is a mean with its 95 % interval."""

    title: str
    pointing: str
    mass: str
    rank: str
    correlation: str
    heat_correlation: str


# The result


def read() -> dict:
    """All of `data/explanations.json`, verified. Raises what `data_files.verify` raises."""
    return json.loads(data_files.verify(FILE).read_text(encoding="utf-8"))


def table(network: str = "menagerie_resnet18", untrained: bool = False) -> list[Row]:
    """The methods, then the baselines (or, with `untrained`, the same methods on the untrained network)."""
    scored = read()["networks"]
    if network not in scored:
        raise ValueError(f"there are no scores of {network!r}; there are of {', '.join(scored)}")
    kind = "untrained" if untrained else "trained"
    return [Row(titles()[name], *(_printed(*values[metric]) for metric in METRICS))
            for name, values in scored[network][kind].items()]


def titles() -> dict[str, str]:
    """What people call each method and baseline."""
    return {name: method.title for name, method in METHODS.items()} | BASELINES


def _printed(mean: float, low: float, high: float) -> str:
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")


# The measurement


def truth(indices: range, preprocess: Callable) -> Truth:
    """The scenes of these numbers, drawn, and drawn again without each part."""
    dataset = Dataset(SCENES, "test", SEED)
    scenes = [dataset.scene(i) for i in indices]
    drawn = [scene.render() for scene in scenes]
    removed = [scene.without(part).render().image for scene in scenes for part in _parts(scene)]
    parts = np.stack([[_region(rendering, part) for part in _parts(scene)] for scene, rendering in zip(scenes, drawn)])
    x = _normalised([rendering.image for rendering in drawn], preprocess)
    return Truth(x, torch.tensor([dataset.label(i) for i in indices]),
                 torch.from_numpy(np.stack([rendering.mask for rendering in drawn])) > 0.5, torch.from_numpy(parts),
                 _normalised(removed, preprocess).reshape(len(x), -1, *x.shape[1:]))


def untrained(network: str, preprocess: Callable, seed: int = 0) -> nn.Module:
    """The network's architecture with random weights, in eval mode; batch norm knows 96 training pictures."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build(NETWORKS[network], len(CLASSES)).requires_grad_(False)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in norms:
        module.train().momentum = None  # the plain average, here of one batch
    if norms:
        dataset = Dataset(96, "train")
        model(_normalised([dataset.scene(i).render().image for i in range(96)], preprocess))
    return model.eval()


def contestants(network: str, model: nn.Module, random: nn.Module) -> dict[tuple[str, str], Contestant]:
    """All that is scored, by ("trained" or "untrained", name)."""
    names = [name for name in METHODS if name != "cam" or network not in NO_CAM]
    methods = {(kind, name): Contestant(which, partial(METHODS[name].function, **OPTIONS.get(name, {})),
                                        METHODS[name].reduce)
               for kind, which in (("trained", model), ("untrained", random)) for name in names}
    return methods | {("trained", name): Contestant(model, metrics.BASELINES[name], "max_abs") for name in BASELINES}


def score(who: Contestant, true: Truth, effects: Tensor) -> np.ndarray:
    """The scores of one method for each picture, (metrics, N), in the order of `METRICS`."""
    attribution = who.function(who.model, true.x, true.y)
    heat = heatmap(attribution, who.reduce, clip=1, size=true.mask.shape[1:])
    where = [of(heat, true.mask) for of in (metrics.pointing_game, metrics.relevance_mass, metrics.relevance_rank)]
    used = [metrics.effect_correlation(metrics.part_relevance(a, true.parts), effects)
            for a in (attribution, heat[:, None])]
    return torch.stack([column.double() for column in (*where, *used)]).numpy()


def measure(network: str, scenes: int = SCENES) -> tuple[dict[tuple[str, str], np.ndarray], np.ndarray]:
    """Each contestant's scores (metrics, scenes), and the parts' effects (scenes, 5). Goes on where it was interrupted."""
    model, preprocess, _ = load_model(network)
    rivals = contestants(network, model, untrained(network, preprocess))
    folder = _folder(network)
    found, effects = [], []
    for start in tqdm(range(0, scenes, BATCH), network):
        path = folder / f"{start}.npz"
        if not path.is_file():
            true = truth(range(start, start + BATCH), preprocess)
            effect = metrics.part_effects(model, true.x, true.removed, true.y)
            scored = np.stack([score(who, true, effect) for who in rivals.values()])
            np.savez(path.with_suffix(".part.npz"), scored=scored, effect=effect.numpy())
            path.with_suffix(".part.npz").replace(path)
        with np.load(path) as stored:
            found.append(stored["scored"])
            effects.append(stored["effect"])
    return dict(zip(rivals, np.concatenate(found, axis=2))), np.concatenate(effects)


def summarise(scored: dict[tuple[str, str], np.ndarray], effects: np.ndarray) -> dict:
    """What the file says of one network."""
    clear = np.ptp(effects, axis=1) >= SPREAD
    use = {metric: clear if metric.endswith("correlation") else np.full(len(clear), True) for metric in METRICS}
    values = {who: {metric: row[use[metric]] for metric, row in zip(METRICS, rows)} for who, rows in scored.items()}
    result = {"scenes": len(clear), "ranked": int(clear.sum()), "trained": {}, "untrained": {}, "beats": {}, "first": {}}
    for (kind, name), scores in values.items():
        result[kind][name] = {metric: _rounded(metrics.bootstrap(column)) for metric, column in scores.items()}
        if kind == "trained":
            result["first"][name] = [_rounded(row[:BATCH]) for row in scored[kind, name]]
        if name in METHODS and kind == "trained":
            rivals = {rival: values["trained", rival] for rival in BASELINES} | {"untrained": values["untrained", name]}
            result["beats"][name] = {metric: [rival for rival, theirs in rivals.items()
                                              if metrics.bootstrap(column - theirs[metric]).low > 0]
                                     for metric, column in scores.items()}
    return result


def main() -> None:
    about = {"split": "test", "seed": SEED, "spread": SPREAD, "options": OPTIONS, "interval": "95 % bootstrap, percentile",
             "metrics": METRICS, "first": f"the first {BATCH} scenes' own values, in the order of metrics",
             "torch": torch.__version__.partition("+")[0]}
    networks = {network: summarise(*measure(network)) for network in NETWORKS}
    path = data_files.DATA / FILE
    path.write_text(_compact({"about": about, "networks": networks}), encoding="utf-8", newline="\n")
    data_files.write_sums()
    print(f"{path}: {path.stat().st_size} bytes")


def _parts(scene: Scene) -> tuple[str, ...]:
    return _SOFA if scene.shape == "sofa" else _PARTS


def _region(rendering, part: str) -> np.ndarray:
    """The mask of all that leaves with a part; a part that grass or another part hides has an empty one."""
    leaving = HEAD if part == "head" else (part,)
    return sum((mask for name, mask in rendering.parts.items() if name in leaving), np.zeros_like(rendering.mask))


def _normalised(images: list[np.ndarray], preprocess: Callable) -> Tensor:
    return preprocess(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255)


def _folder(network: str) -> Path:
    """Where what was measured so far is kept: other weights or other settings have another folder."""
    weights = data_files.sha256(data_files.verify(f"models/{network}.safetensors"))
    settings = "-".join(str(value) for options in OPTIONS.values() for value in options.values())
    folder = data_files.DATA.parent / "build" / "scores" / f"{network}-{weights[:12]}-{SEED}-{settings}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _rounded(values) -> list[float]:
    return [round(float(value), 3) + 0.0 for value in values]  # + 0.0: no −0.0


def _compact(result: dict) -> str:
    """JSON with one line for each list and each method: to be read, and compared, by people."""
    text = json.dumps(result, ensure_ascii=False, separators=(",", ": "))
    return text.replace('},"', '},\n"').replace(']],"', ']],\n"') + "\n"


if __name__ == "__main__":
    main()
