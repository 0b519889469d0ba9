"""`load_model`: a trained network with its preprocessing and its categories, by name.

The embedded networks (`EMBEDDED`) come with the course. torchvision's classifiers come with the weights of
the literature (IMAGENET1K_V1), from the first of: the file given as `weights`, the folder
XAITUTOR_WEIGHTS_DIR, torch's own cache, the internet.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import time
import urllib.request
import uuid
from collections import OrderedDict
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from xaitutor.files import data_files
from xaitutor.networks.preprocessing import Preprocess
from xaitutor.vision import torchvision

EMBEDDED = ("menagerie_resnet18", "menagerie_resnet18_biased", "menagerie_resnet18_standard", "menagerie_vgg")
PATIENCE = 30  # seconds that a server may say nothing
FILES = (".pt", ".pth", ".ckpt", ".safetensors", ".onnx")  # names that end so are no names of networks
WEIGHTS_DIR = "XAITUTOR_WEIGHTS_DIR"
_FACTS = ("architecture", "categories", "mean", "std", "size")  # what an embedded file says about itself
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")  # heads that only training uses


def load_model(name: str, weights: str | os.PathLike | None = None) -> tuple[nn.Module, Callable, list[str]]:
    """A trained network: `model, preprocess, categories = load_model("menagerie_resnet18")`.

    name: one of `EMBEDDED`, or any classifier of torchvision ("resnet18", "vgg16", "googlenet", …).
    weights: a file to use instead, `.safetensors` or `.pth`, with the parameter names of that network.

    model: takes (N, 3, H, W), gives logits (N, classes); in eval mode, no parameter asks for a gradient.
    preprocess: a picture, PIL or array, to a normalised tensor (3, H, W), see `Preprocess`; `preprocess.mean` and `preprocess.std` say how.
    categories: the name of each class, in the order of the logits.

    Raises ValueError (unknown name, broken file, parameters of another network), FileNotFoundError (no such
    file), ConnectionError (weights neither on this machine nor to be downloaded).
    """
    _check_name(name)
    weights = _existing(weights) if weights is not None else None
    return (_load_embedded if name in EMBEDDED else _load_torchvision)(name, weights)


def names() -> list[str]:
    """The names that `load_model` takes: the embedded networks, then torchvision's classifiers."""
    return [*EMBEDDED, *torchvision.models.list_models(module=torchvision.models)]


def on_disk(name: str) -> bool:
    """Whether `load_model(name)` needs no download. Raises ValueError for an unknown name."""
    _check_name(name)
    return name in EMBEDDED or any(isinstance(answer, Path) for answer in _tried(name))


def missing(name: str) -> str:
    """What to do where the weights of torchvision's classifier `name` are not on this machine, in a line. Raises ValueError for an unknown name."""
    _check_name(name)
    size = _official(name).meta["_file_size"]
    return f"The weights are not here. Online, `xaitutor download {name}` gets them once ({size:.0f} MB)."


def download(name: str, seconds: float | None = None) -> Path:
    """The file with the weights of torchvision's classifier `name`; downloads it into torch's cache unless it is there.

    The download shows a progress bar, is compared with the SHA-256 in its file name, and only then gets that
    name: if it is interrupted, or runs twice at once, nothing broken is left.

    seconds: what the download may take in all; None, as long as something comes.

    Raises ValueError (unknown name, embedded network, broken file in XAITUTOR_WEIGHTS_DIR), ConnectionError.
    """
    _check_name(name)
    if name in EMBEDDED:
        raise ValueError(f"{name!r} comes with the course: there is nothing to download")
    official = _official(name)
    tried = _tried(name)
    for answer in tried:
        if isinstance(answer, Path):
            return answer
    target = _cache() / _file_name(official)
    try:
        return _fetch(official.url, target, seconds)
    except (OSError, HTTPException, ValueError) as error:
        tried.append(f"{official.url}: {error or type(error).__name__}")
    raise ConnectionError(
        f"there are no weights for {name!r} on this machine, and they could not be downloaded.\n"
        "Tried:\n" + "".join(f"  - {answer}\n" for answer in tried) +
        f"With a network, `xaitutor download {name}` gets them. Without one, put {target.name} "
        f"(or {name}-….safetensors) into a folder named by {WEIGHTS_DIR}, or {target.name} into {target.parent}, "
        "or give a file: load_model(…, weights=…).")


def _tried(name: str) -> list[Path | str]:
    """For each place on this machine: the file, or why there is none."""
    official = _official(name)
    return [_look_into_folder(name, official), _look_into_cache(official)]


# Names


def _check_name(name: str) -> None:
    known = names()
    if name in known:
        return
    if Path(str(name)).suffix in FILES or os.path.isfile(str(name)):
        raise ValueError(f"{str(name)!r} is a file, and load_model takes the name of a network. For a network of your own no loading of ours is needed: build it as it "
                         f"was trained, model.load_state_dict(torch.load({str(name)!r}, weights_only=True)), model.eval(), and bring your own preprocess and names of "
                         f"classes; notebooks/recipes.ipynb shows how. Weights for one of torchvision's: load_model('resnet18', weights={str(name)!r})")
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there is {', '.join(known)}"
    raise ValueError(f"there is no network {name!r}; {hint}")


def _official(name: str) -> torchvision.models.WeightsEnum:
    choices = torchvision.models.get_model_weights(name)
    return getattr(choices, "IMAGENET1K_V1", choices.DEFAULT)  # V1: the networks that the literature speaks of


def _file_name(official: torchvision.models.WeightsEnum) -> str:
    return official.url.rpartition("/")[2]


# Networks


def _load_embedded(name: str, weights: Path | None):
    from xaitutor.menagerie import networks

    file = data_files.verify(f"models/{name}.safetensors") if weights is None else weights
    facts = _facts(file)
    if not facts.keys() >= set(_FACTS):  # somebody's own training of the same network
        facts = _facts(data_files.verify(f"models/{name}.safetensors"))
    categories = json.loads(facts["categories"])
    model = networks.build(facts["architecture"], len(categories))
    size = int(facts["size"])
    preprocess = Preprocess(
        crop_size=size, resize_size=size, mean=json.loads(facts["mean"]), std=json.loads(facts["std"]))
    return _fill(model, _read_weights(file), name, file), preprocess, categories


def _load_torchvision(name: str, weights: Path | None):
    official = _official(name)
    file = download(name) if weights is None else weights
    model = torchvision.models.get_model(name, weights=None, **_arguments(name))
    return _fill(model, _read_weights(file), name, file), Preprocess.of(official.transforms()), list(official.meta["categories"])


def _arguments(name: str) -> dict:
    """What torchvision itself adds for its trained weights; without the auxiliary heads."""
    if name in ("googlenet", "inception_v3"):
        return {"transform_input": True, "aux_logits": False, "init_weights": False}
    return {"init_weights": False} if name.startswith("vgg") else {}


def _fill(model: nn.Module, state: dict[str, Tensor], name: str, file: Path) -> nn.Module:
    """Put `state` into `model`, in eval mode and without gradients."""
    fitting = OrderedDict((_modern(key), value) for key, value in state.items() if not key.startswith(_AUXILIARY))
    fitting._metadata = getattr(state, "_metadata", model.state_dict()._metadata)  # layers translate older versions
    try:
        model.load_state_dict(fitting)
    except (RuntimeError, ValueError) as error:
        reasons = str(error).splitlines()[1:4] or [str(error)]
        raise ValueError(f"{file} does not hold the parameters of {name!r} but of another network: "
                         + " ".join(reason.strip()[:300] for reason in reasons)) from error
    return model.eval().requires_grad_(False)


def _modern(key: str) -> str:
    """torchvision's DenseNet files still say `denselayer1.norm.1.weight` for `denselayer1.norm1.weight`."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", key)


# Files


def _existing(weights: str | os.PathLike) -> Path:
    path = Path(weights).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"weights={str(weights)!r}: there is no such file (looked in {Path.cwd()})")
    if path.suffix not in (".safetensors", ".pth"):
        raise ValueError(f"weights={str(weights)!r}: expected a .safetensors or a .pth file")
    return path


def _facts(file: Path) -> dict[str, str]:
    """The metadata of a safetensors file; nothing for other files."""
    if file.suffix != ".safetensors":
        return {}
    try:
        with safetensors.safe_open(file, "pt") as opened:
            return opened.metadata() or {}
    except safetensors.SafetensorError as error:
        raise _broken(file, error) from error


def _read_weights(file: Path) -> dict[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            return safetensors.torch.load_file(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and safetensors each raise their own kinds
        raise _broken(file, error) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{file} holds no plain table of parameters (a state_dict); save model.state_dict() alone")
    return state


def _broken(file: Path, error: Exception) -> ValueError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return ValueError(f"{file} cannot be read as weights: it was cut off, changed, or holds more than tensors ({reason})")


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _is_whole(path: Path) -> bool:
    """Whether the file has the SHA-256 whose first digits its name carries: resnet18-f37072fd.pth."""
    return data_files.sha256(path).startswith(_digits(path.name))


def _digits(file_name: str) -> str:
    return re.search(r"-([0-9a-f]{8,})\.pth$", file_name)[1]


def _look_into_folder(name: str, official: torchvision.models.WeightsEnum) -> Path | str:
    """The file in XAITUTOR_WEIGHTS_DIR, or why there is none."""
    folder = os.environ.get(WEIGHTS_DIR)
    if not folder:
        return f"the folder {WEIGHTS_DIR}: not set"
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        return f"{WEIGHTS_DIR}={folder}: no such folder"
    path = folder / _file_name(official)
    if path.is_file():
        if not _is_whole(path):
            raise ValueError(f"{path} was changed or cut off: its SHA-256 does not begin with {_digits(path.name)}; "
                             "copy it again, or delete it")
        return path
    others = sorted(folder.glob(f"{name}-*.safetensors"))
    if len(others) > 1:
        raise ValueError(f"{folder} has more than one file for {name!r} ({', '.join(o.name for o in others)}); "
                         "keep one, or say which: load_model(…, weights=…)")
    return others[0] if others else f"{WEIGHTS_DIR}={folder}: neither {path.name} nor {name}-*.safetensors"


def _look_into_cache(official: torchvision.models.WeightsEnum) -> Path | str:
    """The file in torch's cache, or why there is none; a broken one will be downloaded again."""
    path = _cache() / _file_name(official)
    if not path.is_file():
        return f"{path}: no such file"
    return path if _is_whole(path) else f"{path}: cut off or changed (its SHA-256 begins otherwise than its name says)"


def _fetch(url: str, target: Path, seconds: float | None = None) -> Path:
    """Download `url` to `target` in one piece or not at all; raises OSError, HTTPException or ValueError.

    torch.hub's own function has no time limit, and moves the file in a way that collides on Windows.
    """
    from xaitutor.progress import tqdm

    end = time.monotonic() + (seconds or float("inf"))
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")  # one of its own for each process
    try:
        with urllib.request.urlopen(url, timeout=min(PATIENCE, seconds or PATIENCE)) as answer, open(part, "xb") as file:
            size = int(answer.headers.get("Content-Length") or 0) or None
            with tqdm(total=size, unit="B", unit_scale=True, desc=target.name) as bar:
                while block := answer.read(1 << 17):
                    if time.monotonic() > end:
                        raise TimeoutError(f"not all came within {seconds:g} seconds")
                    file.write(block)
                    bar.update(len(block))
        got = part.stat().st_size
        if size and got < size:
            raise ValueError(f"the connection broke off after {got} of {size} bytes")
        if not data_files.sha256(part).startswith(_digits(target.name)):
            raise ValueError(f"what came is not the file: its SHA-256 does not begin with {_digits(target.name)}")
        _put(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _put(part: Path, target: Path) -> None:
    try:
        os.replace(part, target)
    except PermissionError:  # Windows, where another kernel has just put it there and is reading it
        if not (target.is_file() and _is_whole(target)):
            raise
