"""What every part of every scene of the studio is worth to each network: ``python -m xaitutor.studio.truths`` (make scores).

`data/studio.json` holds exact Shapley values (`truth.shapley`), in hundredths of a logit: network, "shape coat place", class, six regions.
Scenes are in their usual colour. Each scene's coalitions are drawn in all seven places once; those of the two other places that stand for
"no background" are then there already.
"""

from __future__ import annotations

import json

import numpy as np

from xaitutor.files import data_files, new_files
from xaitutor.menagerie import CLASSES, COATS, PLACES, SHAPES
from xaitutor.studio import stage
from xaitutor.truth import coalitions, drawing
from xaitutor.truth.networks import network
from xaitutor.truth.shapley import shapley_values

FILE = "studio.json"
NETWORKS = {"robust": "menagerie_resnet18", "ordinary": "menagerie_resnet18_standard", "biased": "menagerie_resnet18_biased"}


def measure(shapes=SHAPES, coats=COATS) -> dict:
    """Everything that the file holds, for these shapes and coats."""
    asked = [network(name) for name in NETWORKS.values()]
    scenes = [stage.scene(shape, coat, PLACES[0]) for shape in shapes for coat in coats]
    by_place = coalitions.logits(asked, scenes, [PLACES] * len(scenes))
    found = {name: {} for name in NETWORKS}
    for number, scene in enumerate(scenes):
        for place in PLACES:
            values = _values(by_place[:, number], scene.replace(place=place))
            for name, phi in zip(NETWORKS, values):
                found[name][f"{scene.shape} {scene.coat} {place}"] = np.rint(100 * phi).astype(int).tolist()
    return {"classes": list(CLASSES), "weights": {one.name: one.weights for one in asked}, "values": found}


def _values(by_place: np.ndarray, scene) -> np.ndarray:
    """Shapley values (networks, classes, 6) of a scene, from the logits (networks, classes, 7 places, 32) of its parts' coalitions."""
    wanted = [PLACES.index(place) for place in (scene.place, *drawing.elsewhere(scene))]
    return shapley_values(coalitions.with_background(by_place[..., wanted, :]))


def read() -> dict:
    """All of `data/studio.json`, verified. Raises what `data_files.verify` raises."""
    return json.loads(data_files.verify(FILE).read_text("utf-8"))


def main() -> None:
    text = json.dumps(measure(), separators=(",", ":"))
    new_files.put(data_files.DATA / FILE, text.replace('],"', '],\n"').replace('},"', '},\n"') + "\n")
    data_files.write_sums()


if __name__ == "__main__":
    main()
