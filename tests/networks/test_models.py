import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import center_crop, normalize, pil_to_tensor, resize

from tests.helpers import close
from xaitutor.files import data_files
from xaitutor.networks import images, models
from xaitutor.networks.models import download, load_model

FACTS = {
    "architecture": "tiny", "categories": json.dumps(["cat", "zebra"]), "mean": json.dumps([0.5, 0.4, 0.3]),
    "std": json.dumps([0.25, 0.2, 0.1]), "size": "128",
}


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """An empty cache, no weights folder, and nothing to be had from the internet."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.delenv(models.WEIGHTS_DIR, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    real = models.urllib.request.urlopen

    def only_here(url, *args, **options):
        if not url.startswith("http://127.0.0.1:"):
            raise OSError("no network in tests")
        return real(url, *args, **options)

    monkeypatch.setattr(models.urllib.request, "urlopen", only_here)


def cached():
    folder = models._cache()
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


# Names


def test_names_are_embedded_and_torchvisions():
    names = models.names()
    assert names[:4] == list(models.EMBEDDED)
    assert {"resnet18", "vgg16", "googlenet", "squeezenet1_0", "densenet121"} <= set(names)
    assert not [name for name in names if "quantized" in name or "rcnn" in name or "deeplab" in name]


@pytest.mark.parametrize("name, near", [
    ("resnet_18", "resnet18"), ("VGG16", "vgg16"), ("squeezenet", "squeezenet1_0"),
    ("menagerie_resnet", "menagerie_resnet18"),
])
def test_unknown_name_gets_the_nearest(name, near):
    with pytest.raises(ValueError, match=f"there is no network '{name}'; did you mean .*'{near}'"):
        load_model(name)


def test_unknown_name_without_a_near_one():
    with pytest.raises(ValueError, match="there is menagerie_resnet18, .*vgg16"):
        load_model("???")


def test_the_official_weights_are_the_ones_of_the_literature():
    assert models._file_name(models._official("resnet18")) == "resnet18-f37072fd.pth"
    assert models._official("resnet50").name == "IMAGENET1K_V1"
    for name in models.names()[4:]:
        official = models._official(name)
        assert len(official.meta["categories"]) == 1000
        assert len(models._digits(models._file_name(official))) >= 8, name


# Embedded networks


def tiny(architecture, classes):
    assert architecture == "tiny"
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), *head)


@pytest.fixture
def embedded(tmp_path, monkeypatch):
    """A data folder with one tiny embedded network."""
    from xaitutor import menagerie

    networks = types.ModuleType("xaitutor.menagerie.networks")
    networks.build = tiny
    monkeypatch.setitem(sys.modules, networks.__name__, networks)
    monkeypatch.setattr(menagerie, "networks", networks, raising=False)
    monkeypatch.setattr(data_files, "DATA", tmp_path / "data")
    (tmp_path / "data" / "models").mkdir(parents=True)
    path = tmp_path / "data" / "models" / "menagerie_resnet18.safetensors"
    torch.manual_seed(0)
    save_file(tiny("tiny", 2).state_dict(), path, FACTS)
    data_files.write_sums()
    return path


def test_embedded_network(embedded):
    model, preprocess, categories = load_model("menagerie_resnet18")
    assert categories == ["cat", "zebra"]
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    torch.manual_seed(0)
    assert torch.equal(model[0].weight, tiny("tiny", 2)[0].weight)
    x = preprocess(Image.new("RGB", (300, 200), (255, 0, 51)))
    assert x.shape == (3, 128, 128) and x.dtype == torch.float32
    assert torch.allclose(x[:, 5, 5], torch.tensor([2.0, -2.0, -1.0]))
    assert model(x[None]).shape == (1, 2)


@pytest.mark.parametrize("name, architecture", [("menagerie_resnet18", "resnet18"), ("menagerie_vgg", "vgg")])
def test_the_architectures_of_the_menagerie(tmp_path, monkeypatch, name, architecture):
    from xaitutor.menagerie import networks

    monkeypatch.setattr(data_files, "DATA", tmp_path)
    (tmp_path / "models").mkdir()
    twin = networks.build(architecture, 2).eval()
    save_file(twin.state_dict(), tmp_path / "models" / f"{name}.safetensors", FACTS | {"architecture": architecture})
    data_files.write_sums()
    x = torch.rand(1, 3, 128, 128)
    assert close(load_model(name)[0](x), twin(x).detach())


def test_preprocess_leaves_a_scene_as_it_is(embedded):
    _, preprocess, _ = load_model("menagerie_resnet18")
    scene = images.load_image("menagerie/zebra")
    by_hand = images.normalise(images.to_tensor(scene), preprocess.mean, preprocess.std)
    assert torch.allclose(preprocess(scene)[None], by_hand, atol=1e-6)


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_cut_off_embedded_network_is_refused(embedded, share):
    content = embedded.read_bytes()
    embedded.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=r"menagerie_resnet18\.safetensors was changed or cut off.*git checkout"):
        load_model("menagerie_resnet18")


def test_one_changed_bit_is_refused(embedded):
    content = bytearray(embedded.read_bytes())
    content[-3] ^= 1
    embedded.write_bytes(content)
    with pytest.raises(ValueError, match="changed or cut off"):
        load_model("menagerie_resnet18")


def test_missing_embedded_network(embedded):
    with pytest.raises(FileNotFoundError, match=r"menagerie_vgg\.safetensors is missing.*git checkout.*make models"):
        load_model("menagerie_vgg")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_own_training_of_an_embedded_network(embedded, tmp_path, suffix):
    state = {key: torch.full_like(value, 2) for key, value in tiny("tiny", 2).state_dict().items()}
    own = tmp_path / f"own{suffix}"
    save(state, own)
    model, _, categories = load_model("menagerie_resnet18", weights=own)
    assert categories == ["cat", "zebra"] and (model[0].weight == 2).all()


def test_embedded_network_is_not_to_be_downloaded():
    with pytest.raises(ValueError, match="comes with the course"):
        download("menagerie_vgg")


@pytest.mark.parametrize("name", models.EMBEDDED)
def test_the_real_embedded_networks(name):
    if not (data_files.DATA / "models" / f"{name}.safetensors").is_file():
        pytest.skip(f"data/models/{name}.safetensors has not been trained yet: make models")
    from xaitutor import menagerie

    model, preprocess, categories = load_model(name)
    assert set(categories) <= set(menagerie.CLASSES)
    right = [categories[model(preprocess(images.load_image(f"menagerie/{c}"))[None]).argmax()] == c for c in categories]
    assert sum(right) >= 0.7 * len(categories)


# torchvision's networks from a file


def save(state, path):
    save_file(dict(state), path) if path.suffix == ".safetensors" else torch.save(state, path)


def saved(name, path, change=lambda state: state, **options):
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None, **options).eval()
    state = change(model.state_dict())
    save(state, path)
    return model


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_from_a_file(tmp_path, suffix):
    twin = saved("squeezenet1_1", tmp_path / f"w{suffix}")
    model, preprocess, categories = load_model("squeezenet1_1", weights=str(tmp_path / f"w{suffix}"))
    x = torch.rand(2, 3, 64, 64)
    assert close(model(x), twin(x).detach())
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    assert len(categories) == 1000 and categories[340] == "zebra"
    assert preprocess(Image.new("RGB", (300, 280))).shape == (3, 224, 224)


@pytest.mark.parametrize("name, auxiliary", [("googlenet", 2), ("inception_v3", 1)])
def test_auxiliary_heads_are_left_out_and_inputs_transformed(tmp_path, name, auxiliary):
    twin = saved(name, tmp_path / "w.pth", init_weights=False, transform_input=True)
    assert sum(n in ("aux1", "aux2", "AuxLogits") for n, _ in twin.named_children()) == auxiliary
    model, _, _ = load_model(name, weights=tmp_path / "w.pth")
    assert not [n for n, m in model.named_children() if n in ("aux1", "aux2", "AuxLogits") and m is not None]
    x = torch.rand(1, 3, 96, 96)
    assert close(model(x), twin(x).detach())
    if name == "googlenet":
        assert sum(p.numel() for p in model.parameters()) == 6_624_904


def test_the_old_names_in_torchvisions_densenet_files(tmp_path):
    def old(state):
        return {re.sub(r"(layer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", key): value for key, value in state.items()}

    twin = saved("densenet121", tmp_path / "w.pth", old)
    assert "features.denseblock1.denselayer1.norm.1.weight" in torch.load(tmp_path / "w.pth")
    model, _, _ = load_model("densenet121", weights=tmp_path / "w.pth")
    x = torch.rand(1, 3, 32, 32)
    assert close(model(x), twin(x).detach())


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_networks_that_ask_for_a_version_of_their_file(tmp_path, suffix):
    saved("mnasnet0_5", tmp_path / f"w{suffix}")  # a safetensors file says no version
    assert load_model("mnasnet0_5", weights=tmp_path / f"w{suffix}")[0](torch.rand(1, 3, 32, 32)).shape == (1, 1000)


def test_parameters_of_another_network(tmp_path):
    saved("squeezenet1_0", tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="does not hold the parameters of 'resnet18' but .*[Mm]issing key") as caught:
        load_model("resnet18", weights=tmp_path / "w.safetensors")
    assert len(str(caught.value)) < 1500
    with pytest.raises(ValueError, match="does not hold the parameters of 'squeezenet1_1' but .*size mismatch"):
        load_model("squeezenet1_1", weights=tmp_path / "w.safetensors")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", "half"])
def test_broken_weights(tmp_path, suffix, content):
    path = tmp_path / f"w{suffix}"
    if content == "half":
        saved("squeezenet1_1", path)
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"w{re.escape(suffix)} cannot be read as weights: it was cut off"):
        load_model("squeezenet1_1", weights=path)


class Trap:
    def __reduce__(self):
        return (os.system, ("touch trap-was-sprung",))


def test_a_pth_file_cannot_run_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"trap": Trap()}, "trap.pth")
    with pytest.raises(ValueError, match="holds more than tensors"):
        load_model("squeezenet1_1", weights="trap.pth")
    assert os.listdir(tmp_path) == ["trap.pth"]


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3, "state_dict": {}}, torch.zeros(3)])
def test_a_pth_file_that_is_no_table_of_parameters(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="no plain table of parameters"):
        load_model("squeezenet1_1", weights=tmp_path / "w.pth")


def test_weights_file_missing_or_of_another_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.pth.*there is no such file"):
        load_model("squeezenet1_1", weights="none.pth")
    (tmp_path / "w.h5").touch()
    with pytest.raises(ValueError, match="expected a .safetensors or a .pth file"):
        load_model("squeezenet1_1", weights=tmp_path / "w.h5")


# The folder of the lecture hall, and the cache


@pytest.fixture
def official(tmp_path, monkeypatch):
    """A weights file of squeezenet1_1, called official with its right name; its URL leads nowhere."""
    path = tmp_path / "made.pth"
    saved("squeezenet1_1", path)
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    real = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1
    fake = types.SimpleNamespace(
        url=f"http://127.0.0.1:9/squeezenet1_1-{digits}.pth", content=path.read_bytes(),
        transforms=real.transforms, meta=real.meta)
    monkeypatch.setattr(models, "_official", lambda name: fake)
    return fake


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "stick").mkdir()
    monkeypatch.setenv(models.WEIGHTS_DIR, str(tmp_path / "stick"))
    return tmp_path / "stick"


def test_folder_with_torchvisions_own_file(official, folder):
    (folder / models._file_name(official)).write_bytes(official.content)
    assert download("squeezenet1_1") == folder / models._file_name(official)
    assert load_model("squeezenet1_1")[0](torch.rand(1, 3, 64, 64)).shape == (1, 1000)
    assert cached() == []


def test_folder_with_a_safetensors_file(official, folder):
    saved("squeezenet1_1", folder / "squeezenet1_1-mine.safetensors")
    saved("squeezenet1_0", folder / "squeezenet1_0-other.safetensors")
    assert download("squeezenet1_1").name == "squeezenet1_1-mine.safetensors"
    load_model("squeezenet1_1")


def test_folder_goes_before_the_cache(official, folder):
    models._cache().mkdir(parents=True)
    for place in (folder, models._cache()):
        (place / models._file_name(official)).write_bytes(official.content)
    assert download("squeezenet1_1").parent == folder


def test_folder_with_a_broken_file(official, folder):
    (folder / models._file_name(official)).write_bytes(official.content[:1000])
    with pytest.raises(ValueError, match="was changed or cut off.*copy it again"):
        load_model("squeezenet1_1")


def test_folder_with_two_files(official, folder):
    for name in ("a", "b"):
        (folder / f"squeezenet1_1-{name}.safetensors").touch()
    with pytest.raises(ValueError, match="more than one file for 'squeezenet1_1' .*-a.safetensors, .*-b.safetensors"):
        load_model("squeezenet1_1")


def test_cache(official):
    models._cache().mkdir(parents=True)
    (models._cache() / models._file_name(official)).write_bytes(official.content)
    assert download("squeezenet1_1").parent == models._cache()


def test_on_disk_says_whether_a_download_is_needed(official, folder):
    assert models.on_disk("menagerie_vgg")
    assert not models.on_disk("resnet18")
    save_file({"a": torch.ones(1)}, folder / "resnet18-mine.safetensors")
    assert models.on_disk("resnet18")


def test_no_network_and_no_file(official, folder):
    with pytest.raises(ConnectionError) as caught:
        load_model("squeezenet1_1")
    text = str(caught.value)
    place = models._cache() / models._file_name(official)
    for part in (f"{models.WEIGHTS_DIR}={folder}: neither", f"{place}: no such file", official.url, "weights=",
                 "`xaitutor download squeezenet1_1`"):
        assert part in text
    assert cached() == []


def test_no_network_no_file_and_a_stick_that_is_not_there(official, monkeypatch):
    monkeypatch.setenv(models.WEIGHTS_DIR, "/media/stick")
    with pytest.raises(ConnectionError, match="XAITUTOR_WEIGHTS_DIR=/media/stick: no such folder"):
        load_model("squeezenet1_1")


# Downloads, from a server on this machine


class Server(ThreadingHTTPServer):
    """Counts requests; `answers` says what to do with each: "whole", "half" (then hang up), "missing", "silent" (after the first bytes), "slow", "redirect", "circle"
    (a redirect to itself), "elsewhere" (a redirect to a file of this machine), "unsaid" (no length), "short" (a length of half), "long" (twice the length), "changed"."""

    daemon_threads = True

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.requests, self.answers = content, 0, []
        self.lock, self.together, self.end = threading.Lock(), threading.Barrier(1), threading.Event()

    def handle_error(self, request, client_address):
        pass


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with self.server.lock:
            answer = (self.server.answers[self.server.requests:] or ["whole"])[0]
            self.server.requests += 1
        self.server.together.wait(timeout=600)
        if answer == "missing":
            return self.send_error(404)
        content = self.server.content
        if answer in ("redirect", "circle", "elsewhere"):
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname" if answer == "elsewhere" else self.path)
            return self.end_headers()
        length = {"short": len(content) // 2, "long": 2 * len(content)}.get(answer, len(content))
        self.send_response(200)
        if answer != "unsaid":
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if answer == "silent":
            self.wfile.write(content[:1000])
            return self.server.end.wait(30)
        if answer == "slow":
            for start in range(0, len(content), len(content) // 5):
                self.wfile.write(content[start : start + len(content) // 5])
                time.sleep(0.05)
            return None
        if answer == "changed":
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.wfile.write(content[: len(content) // 2] if answer == "half" else content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(official):
    with Server(official.content) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        official.url = official.url.replace("127.0.0.1:9", f"127.0.0.1:{server.server_port}")
        yield server
        server.end.set()
        server.shutdown()


def test_download_once(server, official, capsys):
    path = download("squeezenet1_1")
    assert path == models._cache() / models._file_name(official)
    assert path.read_bytes() == official.content
    assert "100%" in capsys.readouterr().err  # the progress bar
    assert download("squeezenet1_1") == path
    assert load_model("squeezenet1_1")[0](torch.rand(1, 3, 64, 64)).shape == (1, 1000)
    assert server.requests == 1 and cached() == [path.name]


def test_download_of_something_else(server):
    server.content = b"<html>please log in to this hotel's network</html>"
    with pytest.raises(ConnectionError, match="what came is not the file: its SHA-256"):
        load_model("squeezenet1_1")
    assert server.requests == 1 and cached() == []


def test_download_cut_off_then_tried_again(server, official):
    server.answers = ["half", "whole"]
    size = len(official.content)
    with pytest.raises(ConnectionError, match=f"broke off after {size // 2} of {size} bytes|IncompleteRead"):
        load_model("squeezenet1_1")
    assert cached() == []
    load_model("squeezenet1_1")
    assert server.requests == 2 and cached() == [models._file_name(official)]


def test_download_that_is_not_there(server):
    server.answers = ["missing"]
    with pytest.raises(ConnectionError, match="404"):
        load_model("squeezenet1_1")
    assert cached() == []


@pytest.mark.parametrize("answers", [["slow"], ["unsaid"], ["redirect", "whole"], ["redirect", "redirect", "slow"]])
def test_download_by_a_detour(server, official, answers):
    server.answers = answers
    assert download("squeezenet1_1").read_bytes() == official.content
    assert server.requests == len(answers) and cached() == [models._file_name(official)]


def test_download_that_takes_too_long_in_all(server):
    server.answers = ["slow"]
    with pytest.raises(ConnectionError, match="not all came within 0.1 seconds"):
        download("squeezenet1_1", seconds=0.1)
    assert cached() == []


@pytest.mark.parametrize("answer, why", [
    ("short", "what came is not the file: its SHA-256"), ("long", "broke off after [0-9]+ of [0-9]+ bytes|IncompleteRead"), ("changed", "what came is not the file: its SHA-256"),
    ("circle", "redirect"), ("elsewhere", "not allowed|redirection"), ("silent", "timed out"), ("half", "broke off|IncompleteRead")])
def test_download_from_a_server_that_lies_or_says_nothing(server, official, monkeypatch, answer, why):
    monkeypatch.setattr(models, "PATIENCE", 0.3 if answer == "silent" else 10)
    server.answers = [answer] * 20
    with pytest.raises(ConnectionError, match=why):
        load_model("squeezenet1_1")
    assert cached() == []
    server.answers = []
    assert download("squeezenet1_1").read_bytes() == official.content


def test_download_interrupted_by_the_user(server, monkeypatch):
    def interrupt(path):
        assert Path(path).stat().st_size == len(server.content)  # all of it is there, under another name
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(data_files, "sha256", interrupt)
        with pytest.raises(KeyboardInterrupt):
            load_model("squeezenet1_1")
    assert cached() == []
    load_model("squeezenet1_1")
    assert server.requests == 2


def test_a_broken_file_in_the_cache_is_downloaded_again(server, official):
    models._cache().mkdir(parents=True)
    path = models._cache() / models._file_name(official)
    path.write_bytes(official.content[:5000])
    assert download("squeezenet1_1").read_bytes() == official.content
    assert server.requests == 1 and cached() == [path.name]


def test_two_processes_at_once(server, official):
    server.together = threading.Barrier(2)  # neither gets a byte before both have asked
    target = models._cache() / models._file_name(official)
    code = ("import sys, pathlib; from xaitutor import models; print('ready', flush=True); input(); "
            "models._fetch(sys.argv[1], pathlib.Path(sys.argv[2]))")
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-c", code, official.url, str(target)]
    both = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]
    assert [process.stdout.readline() for process in both] == ["ready\n"] * 2
    for process in both:
        print(file=process.stdin, flush=True)
    errors = [process.communicate(timeout=600)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert server.requests == 2 and cached() == [target.name]
    assert target.read_bytes() == official.content


def test_windows_will_not_replace_a_file_in_use(server, official, monkeypatch):
    def busy(part, target):
        target.write_bytes(official.content)  # another kernel was quicker and reads it now
        raise PermissionError("in use")

    monkeypatch.setattr(models.os, "replace", busy)
    assert download("squeezenet1_1").read_bytes() == official.content
    assert len(cached()) == 1


# A real ImageNet network, where its folder is at hand


IMAGENET = Path(__file__).resolve().parents[3] / "shared" / "imagenet"
imagenet = pytest.mark.skipif(
    not (IMAGENET / "manifest.json").is_file(),
    reason="the folder ../shared/imagenet, with a network and 71 photos, is not beside the repository")


@pytest.fixture
def squeezenet(monkeypatch):
    monkeypatch.setenv(models.WEIGHTS_DIR, str(IMAGENET))
    return load_model("squeezenet1_0"), json.loads((IMAGENET / "manifest.json").read_text())


def predict(model, preprocess, rows):
    x = torch.stack([preprocess(images.load_image(IMAGENET / "images" / row["file"])) for row in rows])
    with torch.no_grad():
        return model(x).softmax(1)


@imagenet
def test_every_prediction_of_the_manifest(squeezenet):
    (model, official, categories), rows = squeezenet

    def preprocess(image):  # Pillow's bilinear resize, on 8-bit values: others differ by up to 0.4 in probability
        x = pil_to_tensor(center_crop(resize(image, 224, InterpolationMode.BILINEAR), 224)) / 255
        return normalize(x, official.mean, official.std)

    top = predict(model, preprocess, rows).max(1)
    assert len(rows) == 71
    assert top.indices.tolist() == [row["top1_index"] for row in rows]
    assert (top.values - torch.tensor([row["top1_probability"] for row in rows])).abs().max() < 1e-3
    assert categories[rows[0]["class_index"]] == "goldfish"


@imagenet
def test_with_its_own_preprocessing_it_is_mostly_right(squeezenet):
    (model, preprocess, _), rows = squeezenet
    right = predict(model, preprocess, rows).argmax(1) == torch.tensor([row["class_index"] for row in rows])
    assert right.float().mean() >= 0.7


@pytest.mark.parametrize("name", ["net.pt", "runs/best.ckpt", "model.safetensors", "my_network"])
def test_a_file_in_the_place_of_a_name_is_told_how_to_be_loaded(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_network").touch()
    with pytest.raises(ValueError, match=r"is a file.*model.load_state_dict\(torch.load\(.*recipes.ipynb") as error:
        models.load_model(name)
    assert repr(name) in str(error.value) and "did you mean" not in str(error.value)
