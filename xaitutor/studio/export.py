"""Writes what the studio's page needs: ``python -m xaitutor.studio.export FOLDER`` (make site).

    network.onnx     the graph of `WithGradient`, once, without its weights: x, target → logits, gradient, cam
    answers.onnx     the graph of the logits alone, for whoever asks a hundred times
    NETWORK.bin      the weights of each network, as they are stored: float16, and what each channel's batch norm makes of them in float32
    animals/*.webp   for each shape and coat: colours from top to bottom, the part that is left out from left to right
    places.webp, regions.webp    the empty places from left to right; shapes from top to bottom, their parts from left to right
    studio.json      the truths, and all names, sizes and numbers that the page needs to read the rest

Graph and weights are apart so that three networks share one graph, and so that weights travel at half the size without losing a bit: the
convolutions' are float16 in the course's own files. onnx and onnxscript are needed (the extra `site`).
"""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from xaitutor.colours import SEQUENTIAL, SIGNED
from xaitutor.files import new_files
from xaitutor.menagerie import COATS, COLOURS, PLACES, SHAPES
from xaitutor.networks.models import load_model
from xaitutor.studio import stage, truths
from xaitutor.studio.backward import WithGradient, blocks, folded

SIZE, QUALITY = 128, 82
WEIGHTS = "weights.bin"  # the name under which the graphs ask for them


def main(folder: str | Path, shapes: Sequence[str] = SHAPES) -> None:
    """Write it all into `folder`; `shapes`: those that can be built there, all of them or, for a quick look, some."""
    target = Path(folder)
    (target / "animals").mkdir(parents=True, exist_ok=True)
    _write_graphs(target)
    for name, network in truths.NETWORKS.items():
        new_files.put(target / f"{name}.bin", b"".join(packed(load_model(network)[0])))
    for shape in shapes:
        for coat in COATS:
            new_files.put(target / "animals" / f"{shape}-{coat}.webp", webp(animals(shape, coat), quality=QUALITY, alpha_quality=100))
    new_files.put(target / "places.webp", webp(np.concatenate([stage.background(place) for place in PLACES], axis=1), quality=QUALITY))
    new_files.put(target / "regions.webp", webp(np.concatenate([np.concatenate(stage.regions(shape), axis=1) for shape in shapes]), lossless=True))
    new_files.put(target / "studio.json", json.dumps(about(shapes), ensure_ascii=False, separators=(",", ":")))


# Networks


def tensors(network: WithGradient) -> dict[str, Tensor]:
    """The weights and biases of a network by their names, in the order in which the graphs want them."""
    return dict(network.named_parameters())


def packed(model: nn.Module) -> list[bytes]:
    """The weights of `tensors`, one after the other: of a convolution its float16 weights, then for each channel scale and bias in float32.

    What the page makes of them is w · scale, in float32, as folding a batch norm does.
    """
    pairs = [(model.conv1, model.bn1)]
    for block in blocks(model):
        pairs += [(block.conv1, block.bn1), (block.conv2, block.bn2), *([tuple(block.downsample)] if block.downsample else [])]
    found = []
    for convolution, norm in pairs:
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        found += [_half(convolution.weight), _single(scale), _single(folded(convolution, norm).bias)]
    return [*found, _half(model.fc.weight), _single(torch.ones(len(model.fc.weight))), _single(model.fc.bias)]


def layers(network: WithGradient) -> list[dict]:
    """Of each convolution and of the last layer, in the order of `packed`: the shape of the weights."""
    return [{"shape": list(weight.shape)} for name, weight in tensors(network).items() if name.endswith("weight")]


def _half(values: Tensor) -> bytes:
    half = values.detach().half()
    if not torch.equal(half.float(), values):
        raise ValueError("these weights are no float16 numbers: as such they would not be the same network")
    return half.numpy().tobytes()


def _single(values: Tensor) -> bytes:
    return values.detach().float().numpy().tobytes()


def _write_graphs(folder: Path) -> None:
    network = WithGradient(load_model(truths.NETWORKS["robust"])[0]).eval()
    x, target = torch.zeros(1, 3, SIZE, SIZE), torch.zeros(1, network.fc.out_features)
    graph(network, (x, target), ["x", "target"], ["logits", "gradient", "cam"], folder / "network.onnx")
    graph(Answers(network), (x,), ["x"], ["logits"], folder / "answers.onnx")


class Answers(nn.Module):
    """The logits of a `WithGradient`, and no more."""

    def __init__(self, network: WithGradient):
        super().__init__()
        self.stem, self.blocks, self.fc = network.stem, network.blocks, network.fc

    def forward(self, x: Tensor) -> Tensor:
        maps = nn.functional.max_pool2d(self.stem(x).relu(), 3, stride=2, padding=1)
        for block in self.blocks:
            maps = block(maps)[0]
        return self.fc(maps.mean(dim=(2, 3)))


def graph(network: nn.Module, inputs: tuple, given: list[str], found: list[str], path: Path) -> None:
    """Write the network's graph with its weights left out: it asks for them in the order of its parameters, one behind the other."""
    from onnx.external_data_helper import set_external_data

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.onnx.export(network, inputs, dynamo=True, input_names=given, output_names=found, verbose=False).model_proto
    offset, places = 0, {}
    for name, values in network.named_parameters():
        places[name], offset = offset, offset + 4 * values.numel()
    for tensor in model.graph.initializer:
        if tensor.name in places:
            set_external_data(tensor, WEIGHTS, places[tensor.name], 4 * int(np.prod(tensor.dims)))
            tensor.ClearField("raw_data")
    missing = places.keys() - {tensor.name for tensor in model.graph.initializer}
    if missing:
        raise ValueError(f"the exported graph knows these weights by other names: {', '.join(sorted(missing))}")
    for node in model.graph.node:  # where in torch's code each came from: three quarters of the file
        node.ClearField("metadata_props")
    model.graph.ClearField("value_info")
    new_files.put(path, model.SerializeToString())


# Pictures


def animals(shape: str, coat: str) -> np.ndarray:
    """All layers of a shape in a coat, on one sheet: a row for each colour; in it the whole animal, then without each part."""
    rows = [[stage.layer(stage.scene(shape, coat, PLACES[0], colour, part)) for part in ("", *stage.part_names(shape))] for colour in COLOURS]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def webp(picture: np.ndarray, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "webp", method=4, **options)
    return buffer.getvalue()


# Names and numbers


def about(shapes: Sequence[str] = SHAPES) -> dict:
    """What the page reads first: names, the normalisation, the layers' shapes, and the truths."""
    model, preprocess, categories = load_model(truths.NETWORKS["robust"])
    found = truths.read()
    return {
        "classes": categories, "shapes": list(shapes), "coats": list(COATS), "colours": list(COLOURS), "places": list(PLACES),
        "parts": {shape: list(stage.part_names(shape)) for shape in shapes},
        "usual": {shape: {coat: stage.usual_colour(shape, coat) for coat in COATS} for shape in shapes},
        "names": {shape: {coat: stage.scene(shape, coat, PLACES[0]).name for coat in COATS} for shape in shapes},
        "size": SIZE, "mean": list(preprocess.mean), "std": list(preprocess.std),
        "palettes": {"heat": palette(SEQUENTIAL), "signed": palette(SIGNED)}, "networks": list(truths.NETWORKS), "layers": layers(WithGradient(model)), "truths": {network: {scene: phi for scene, phi in values.items() if scene.split()[0] in shapes} for network, values in found["values"].items()},
    }


def palette(name: str) -> str:
    """The 256 colours of a colour map of matplotlib, six hexadecimal digits each."""
    return matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3].tobytes().hex()


if __name__ == "__main__":
    main(sys.argv[1])
