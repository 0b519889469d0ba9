"""The command `xaitutor`: what it prints, and its exit status."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xaitutor import cli
from xaitutor.course import environment
from xaitutor.networks import models

IMAGENET = Path(__file__).resolve().parents[2] / "shared" / "imagenet"


@pytest.mark.parametrize(
    "results, status, last",
    [([True, True], 0, "OK    1"), ([True, False], 1, "1 of these needs attention."),
     ([False, False], 1, "2 of these need attention.")],
)
def test_check(monkeypatch, capsys, results, status, last):
    monkeypatch.setattr(environment, "check", lambda: (environment.Line(ok, str(i)) for i, ok in enumerate(results)))
    assert cli.main(["check"]) == status
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [["OK" if ok else "FAIL", str(i)] for i, ok in enumerate(results)]
    assert lines[-1] == last


def test_check_helps_where_torch_is_broken(tmp_path):
    """The whole command, in a Python whose torch raises as soon as it is imported."""
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch_cpu.so: undefined symbol')")
    run = subprocess.run([sys.executable, "-m", "xaitutor.cli", "check"], capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": str(tmp_path)}, timeout=300)
    assert run.returncode == 1, run.stderr
    assert "FAIL  torch does not load: libtorch_cpu.so: undefined symbol" in run.stdout
    assert "OK    numpy" in run.stdout and "GPU" in run.stdout and run.stderr == ""


def test_download_prints_where_the_file_is(monkeypatch, capsys, tmp_path):
    asked = []
    monkeypatch.setattr(models, "download", lambda *given: asked.append(given) or tmp_path / "resnet18.pth")
    assert cli.main(["download", "resnet18"]) == cli.main(["download", "resnet18", "--seconds", "5"]) == 0
    assert asked == [("resnet18", None), ("resnet18", 5)]
    assert set(capsys.readouterr().out.split()) == {str(tmp_path / "resnet18.pth")}


@pytest.mark.parametrize("error", [ValueError("no such network"), ConnectionError("no network"), OSError("disk is full")])
def test_download_says_what_went_wrong(monkeypatch, capsys, error):
    def fail(*given):
        raise error

    monkeypatch.setattr(models, "download", fail)
    assert cli.main(["download", "resnet18"]) == 1
    assert capsys.readouterr().err.strip() == str(error)


# audit


def test_audit_reports_and_draws(capsys, tmp_path):
    status = cli.main(["audit", "menagerie/zebra", "menagerie/sofa", "--labels", "zebra, 12", "--output", str(tmp_path / "audit.png")])
    out = capsys.readouterr().out
    assert status == 0 and out.startswith("alarm           Do the labels mean its classes?") and out.rstrip().endswith(f"drawn: {tmp_path / 'audit.png'}")
    assert Image.open(tmp_path / "audit.png").size[0] == 720


def test_audit_as_json(capsys, tmp_path):
    options = ["--model", "menagerie_vgg", "--layer", "features.0", "--json", "--output", str(tmp_path / "audit.png")]
    assert cli.main(["audit", "menagerie/zebra", "menagerie/cow", *options]) == 0
    found = {finding["question"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert found["Is the layer the right one?"]["verdict"] == "alarm" and found["Do CAM and Grad-CAM agree?"]["verdict"] == "does not apply"


@pytest.mark.parametrize("options, said", [(["--method", "grad_cm"], "did you mean 'grad_cam'"), (["--labels", "zebra"], "for each of the 2"),
                                           (["--labels", "zebra,unicorn"], "no class is called 'unicorn'"), (["--layer", "layer9"], "no layer 'layer9'")])
def test_audit_says_what_is_wrong(capsys, options, said):
    assert cli.main(["audit", "menagerie/zebra", "menagerie/cow", *options]) == 1
    assert said in capsys.readouterr().err


# explain


def explain(capsys, *arguments):
    """The exit status, and what the command printed for people and as errors."""
    status = cli.main(["explain", *map(str, arguments)])
    printed = capsys.readouterr()
    return status, printed.out.splitlines(), printed.err.splitlines()


def panels(path, count):
    """The middle of each of `count` pictures in one row."""
    row = np.asarray(Image.open(path).convert("RGB"), dtype=float)
    middle, width = row.shape[0] // 2, row.shape[1] // count
    centres = [(2 * i + 1) * width // 2 for i in range(count)]
    return [row[middle - 30:middle + 30, centre - 30:centre + 30] for centre in centres]


@pytest.mark.parametrize("photo, there, network", [
    ("cat", True, "squeezenet1_0"), ("cat", False, "menagerie_resnet18"), ("menagerie/zebra", True, "menagerie_resnet18")])
def test_a_photo_is_for_a_network_of_photos_where_there_is_one(photo, there, network, monkeypatch):
    monkeypatch.setattr(models, "on_disk", lambda name: there)
    monkeypatch.setattr(cli, "_explain", lambda photo, model, *rest: asked.append(model))
    asked = []
    assert cli.main(["explain", photo]) == 0 and asked == [network]


def test_explain_draws_the_photo_and_its_heatmap(capsys, tmp_path):
    status, printed, errors = explain(capsys, "menagerie/zebra", "--output", tmp_path / "heat.png")
    assert (status, errors) == (0, [])
    assert printed[0].startswith("menagerie_resnet18 tells 12 classes apart: horse, zebra, cow,")
    assert printed[1].startswith("it sees zebra, 9") and printed[2].startswith("explained: zebra, 9")
    assert printed[2].endswith(str(tmp_path / "heat.png"))
    photo, overlaid = panels(tmp_path / "heat.png", 2)
    assert not np.allclose(photo, overlaid, atol=20)


def test_explain_with_several_methods_and_another_class(capsys, tmp_path):
    for number, target in enumerate(("Sofa", "11")):
        status, printed, errors = explain(
            capsys, "menagerie/zebra", "--method", "grad_cam, fem", "--method", "gradient", "--target", target,
            "--output", tmp_path / f"{number}.png")
        assert (status, errors) == (0, []) and printed[2].startswith("explained: sofa, 0")
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()
    four = panels(tmp_path / "0.png", 4)
    assert not any(np.allclose(one, other) for i, one in enumerate(four) for other in four[:i])


def test_explain_says_where_the_picture_is_unlike_all_that_the_network_knows(capsys, tmp_path):
    drawn, photo = (explain(capsys, name, "--output", tmp_path / "a.png")[1] for name in ("menagerie/wolf", "cat"))
    told = [line for line in photo if line.startswith("take that for a guess: the picture is unlike all drawn scenes that menagerie_resnet18 was trained on")]
    assert len(told) == 1 and len(drawn) == len(photo) - 1 and not any("guess" in line for line in drawn)


def test_explain_takes_a_method_from_this_folder(capsys, monkeypatch, tmp_path):
    (tmp_path / "left_half.py").write_text("def f(model, x, target):\n    heat = 0 * x[:, :1]\n    heat[..., :64] = 1\n    return heat\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    status, printed, errors = explain(capsys, "menagerie/zebra", "--method", "left_half:f,grad_cam", "--output", tmp_path / "a.png")
    assert (status, errors, sys.path) == (0, [], before)
    _, own, other = panels(tmp_path / "a.png", 3)
    assert np.abs(own[:, :20].mean((0, 1)) - own[:, 40:].mean((0, 1))).max() > 20 and not np.allclose(own, other, atol=20)
    assert explain(capsys, "menagerie/zebra", "--method", "no.such:f", "--output", tmp_path / "b.png")[2] == [
        "the method 'no.such:f' cannot be imported: No module named 'no'"]


def test_explain_says_where_there_is_nothing_to_see(capsys, monkeypatch, tmp_path):
    from xaitutor import attribution

    monkeypatch.setattr(attribution, "fem", lambda model, x, target: 0 * x, raising=False)
    status, printed, errors = explain(capsys, "menagerie/zebra", "--method", "fem", "--output", tmp_path / "a.png")
    assert status == 0 and printed[-1] == "FEM shows nothing here: its map has no value above zero"


def test_explain_shows_what_the_model_sees(capsys, monkeypatch, tmp_path):
    """A wide photo is cropped in the middle, not squeezed: what was a circle stays one."""
    from xaitutor.figures import plots

    shown, draw = [], plots.image_grid
    monkeypatch.setattr(plots, "image_grid", lambda images, *rest, **options: (
        shown.extend(images) or draw(images, *rest, **options)))
    rows, columns = np.mgrid[:200, :400]
    disc = np.hypot(rows - 100, columns - 200) < 60
    Image.fromarray((255 * disc).astype(np.uint8)).save(tmp_path / "disc.png")
    assert explain(capsys, tmp_path / "disc.png", "--output", tmp_path / "heat.png")[0] == 0
    assert [tuple(picture.shape) for picture in shown] == [(3, 128, 128)] * 2
    height, width = np.ptp(np.argwhere(shown[0][0].numpy() > 0.5), axis=0) + 1
    assert height == width and abs(height - 0.6 * 128) <= 2


@pytest.mark.parametrize("arguments, message", [
    (["nothing.jpg"], "there is no file and no sample picture 'nothing.jpg'"),
    ([__file__], "is not a picture that can be read"),
    (["cat", "--method", "gradcam"], "there is no method 'gradcam'; did you mean 'grad_cam'"),
    (["cat", "--method", "xyz"], "there is no method 'xyz'; there is gradient, "),
    (["cat", "--target", "zbra"], "no class is called 'zbra' among 12; did you mean 'zebra'?"),
    (["cat", "--target", "12"], "there is no class 12: the model has 12, from 0 to 11"),
    (["cat", "--model", "menagerie_vgg", "--method", "cam"], "take grad_cam"),
    (["cat", "--model", "resnet81"], "there is no network 'resnet81'; did you mean "),
    (["cat", "--output", "no/such/folder/a.png"], "no/such/folder/a.png cannot be written: there is no folder no/such/folder"),
    (["menagerie/zebra", "--target=-1"], "there is no class -1: the model has 12, from 0 to 11"),
    (["cat", "--output", "a.xyz"], "no picture's name; it ends in .png"),
])
def test_explain_says_in_a_line_what_went_wrong(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, printed, errors = explain(capsys, *arguments)
    assert (status, printed, len(errors)) == (1, [], 1) and message in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_a_photo_is_not_written_over(capsys, tmp_path):
    photo = tmp_path / "photo.png"
    Image.new("RGB", (140, 130), "grey").save(photo)
    before = photo.read_bytes()
    for command in ("explain", "audit"):
        assert cli.main([command, str(photo), "--output", f"{tmp_path}/../{tmp_path.name}/photo.png"]) == 1
        assert "would be written over; give --output another name" in capsys.readouterr().err
    assert photo.read_bytes() == before


def test_explain_without_weights_says_how_to_get_them(capsys, monkeypatch):
    monkeypatch.setattr(models, "_fetch", lambda *given: (_ for _ in ()).throw(OSError("no network")))
    monkeypatch.setattr(models, "_cache", lambda: Path("no-such-cache"))
    status, _, errors = explain(capsys, "cat", "--model", "resnet18")
    assert status == 1 and errors[0].startswith("there are no weights for 'resnet18' on this machine")
    assert "xaitutor download resnet18" in errors[-1]


@pytest.mark.skipif(not IMAGENET.is_dir(), reason="the folder shared/imagenet is not beside this repository")
def test_explain_a_photo_with_a_network_of_imagenet(capsys, monkeypatch, tmp_path):
    shutil.copy(IMAGENET / "squeezenet1_0-imagenet.safetensors", tmp_path)
    monkeypatch.setenv(models.WEIGHTS_DIR, str(tmp_path))
    photo = IMAGENET / "images" / "340_zebra.jpg"
    for target in ("zebra", "tiger"):
        status, printed, errors = explain(capsys, photo, "--model", "squeezenet1_0", "--method", "grad_cam,cam",
                                          "--target", target, "--output", tmp_path / f"{target}.png")
        assert (status, errors, printed[0]) == (0, [], "squeezenet1_0 tells 1000 classes apart")
        assert printed[1].startswith("it sees zebra, ") and printed[2].startswith(f"explained: {target}, ")
    zebra, tiger = (panels(tmp_path / f"{name}.png", 3) for name in ("zebra", "tiger"))
    assert np.allclose(zebra[0], tiger[0], atol=1) and not np.allclose(zebra[1], tiger[1], atol=20)
    assert np.allclose(zebra[1], zebra[2], atol=4)  # in SqueezeNet CAM and Grad-CAM are one picture


@pytest.mark.parametrize("arguments", [[], ["paint"], ["download"], ["explain"], ["check", "everything"]])
def test_a_wrong_command_is_explained(arguments, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(arguments)
    assert exit.value.code == 2
    assert "usage: xaitutor" in capsys.readouterr().err


def test_the_package_is_light():
    """`import xaitutor`, and the command's own modules, load nothing heavy."""
    code = ("import sys, xaitutor, xaitutor.cli, xaitutor.course.environment, xaitutor.course.exercises\n"
            "print(*sorted({'torch', 'torchvision', 'matplotlib', 'ipywidgets', 'numpy', 'IPython'} & set(sys.modules)))")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    assert run.stdout.strip() == ""


# score


def test_score_prints_the_row_or_json(capsys, monkeypatch):
    from xaitutor.truth import scores

    interval, asked = (0.5, 0.25, 0.75), []
    row = scores.Score("mine:f", "somebodys:net", "menagerie_resnet18", 7, *[interval] * 6, passes=(2.0, 1.0), seconds=0.5)
    monkeypatch.setattr(scores, "score", lambda *arguments: asked.append(arguments) or row)
    assert cli.main(["score", "mine:f", "--network", "somebodys:net", "--scenes", "7"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split()[:3] == ["rank", "class", "contrast"] and printed[1].startswith("→ mine:f")
    assert cli.main(["score", "mine:f", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["class_contrast"] == [0.5, 0.25, 0.75] and found["passes"] == [2, 1] and found["scenes"] == 7
    assert asked == [("mine:f", "somebodys:net", 7), ("mine:f", "menagerie_resnet18", 48)]


def test_score_takes_a_method_from_this_folder(capsys, monkeypatch, tmp_path):
    """It is found, and what it raises is said in a line, with the scene; no scene is drawn for it."""
    from xaitutor.truth import cache, coalitions

    (tmp_path / "fails_here.py").write_text("def f(model, x, target):\n    raise KeyError('no idea')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")
    monkeypatch.setattr(coalitions, "logits", lambda networks, scenes, places: np.zeros((len(networks), len(scenes), 12, 3, 32)))
    before = list(sys.path)
    assert cli.main(["score", "fails_here:f", "--scenes", "2"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[-1].startswith("the method fails_here:f fails for scene 0 (horse, ") and errors[-1].endswith("): KeyError: 'no idea'")
    assert sys.path == before


@pytest.mark.parametrize("arguments, message", [
    (["gradcam"], "there is no method 'gradcam'; there is gradient, "),
    (["no.such.module:f"], "the method 'no.such.module:f' cannot be imported: No module named 'no'"),
    (["gradient", "--network", "resnet81"], "there is no network 'resnet81'; there is menagerie_resnet18, "),
    (["gradient", "--scenes", "1"], "scenes must be a whole number of at least 2"),
    (["cam", "--network", "menagerie_vgg"], "CAM needs a network with a linear head; menagerie_vgg has none"),
])
def test_score_says_in_a_line_what_went_wrong(capsys, arguments, message):
    assert cli.main(["score", *arguments]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and message in errors[0]


# What somebody made, and interruptions


@pytest.mark.parametrize("command", [["explain", "menagerie/zebra"], ["audit", "menagerie/zebra"]])
@pytest.mark.parametrize("kind", ["png", "pdf", "svg", "jpg"])
def test_only_its_own_pictures_are_written_over(capsys, tmp_path, command, kind):
    path = tmp_path / f"with spaces, ü.{kind}"
    path.write_bytes(b"somebody's work")
    assert cli.main([*command, "--output", str(path)]) == 1
    assert "is there already, and this command has not written it" in capsys.readouterr().err and path.read_bytes() == b"somebody's work"
    if command[0] == "explain":
        assert cli.main([*command, "--output", str(path), "--force"]) == 0 and path.read_bytes() != b"somebody's work"
        assert cli.main([*command, "--output", str(path)]) == 0
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_photo_is_not_written_over_even_by_force(capsys, tmp_path):
    photo = tmp_path / "photo.png"
    Image.new("RGB", (40, 40)).save(photo)
    before = photo.read_bytes()
    assert cli.main(["explain", str(photo), "--output", str(photo), "--force"]) == 1
    assert "would be written over" in capsys.readouterr().err and photo.read_bytes() == before


def test_a_name_that_is_no_pictures(capsys, tmp_path):
    assert cli.main(["explain", "menagerie/zebra", "--output", str(tmp_path / "heat.docx")]) == 1
    assert "heat.docx is no picture's name; it ends in .png, or another of" in capsys.readouterr().err and not list(tmp_path.iterdir())


COMMANDS = {
    "start": ["start", "DIR"], "check": ["check"], "download": ["download", "resnet18"], "explain": ["explain", "menagerie/zebra", "--output", "DIR/a.png"],
    "audit": ["audit", "menagerie/zebra", "--output", "DIR/a.png"], "score": ["score", "grad_cam"], "student": ["student", "notebooks/03_convolution.ipynb", "--to", "DIR"],
    "livecoding": ["livecoding", "notebooks/03_convolution.ipynb", "--to", "DIR"], "release": ["homework", "release", "part_1", "--to", "DIR"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_ends_with_130_and_a_short_line(monkeypatch, capsys, tmp_path, name):
    """… wherever it comes: here in what takes the command the longest."""
    from xaitutor.course import start, versions
    from xaitutor.homework import releasing
    from xaitutor.truth import scores

    def stops(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("xaitutor.homework.release", stops)  # first: this loads it, and it is to come back as it was
    for module, function in ((start, "open_lab"), (environment, "check"), (models, "download"), (models, "load_model"), (scores, "score"), (versions, "write"), (releasing, "release")):
        monkeypatch.setattr(module, function, stops)
    status = cli.main([word.replace("DIR", str(tmp_path / "new" if name == "start" else tmp_path)) for word in COMMANDS[name]])
    assert status == 130 and capsys.readouterr().err == "\nstopped\n"
    assert name == "start" or not list(tmp_path.iterdir())


def test_ctrl_c_while_the_picture_is_written(monkeypatch, capsys, tmp_path):
    from matplotlib.figure import Figure

    def half(self, path, **options):
        with open(path, "wb") as file:
            file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", half)
    assert cli.main(["explain", "menagerie/zebra", "--output", str(tmp_path / "heat.png")]) == 130
    assert not list(tmp_path.iterdir())
