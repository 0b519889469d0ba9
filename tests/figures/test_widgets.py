"""widgets: a still picture is part of the output, and the sliders redraw it."""

import base64
import io
from datetime import UTC, datetime

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest

from xaitutor.figures import widgets

CORNERS, XOR = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
PNG = b"\x89PNG\r\n"


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: (widget, still picture) pairs."""
    outputs = []
    monkeypatch.setattr(widgets, "_display", lambda box, still: outputs.append((box, still)))
    return outputs


def parts(box, kind):
    return [child for child in box.children if type(child) is kind]


def draw(number):
    figure, axis = plt.subplots(figsize=(1, 1))
    axis.plot([0, number])
    return figure, f"a line up to {number}"


def test_explore_shows_the_first_picture_still_and_alive(shown):
    widgets.explore(draw, number=ipywidgets.IntSlider(3))
    [(box, still)] = shown
    assert still["text/plain"] == "a line up to 3"
    picture = base64.b64decode(still["image/png"])
    assert picture.startswith(PNG) and parts(box, ipywidgets.Image)[0].value == picture
    assert parts(box, ipywidgets.HTML)[0].value == "a line up to 3"


def test_explore_draws_again_when_a_control_moves(shown):
    slider, open_figures = ipywidgets.IntSlider(3), plt.get_fignums()
    widgets.explore(draw, number=slider)
    [(box, still)] = shown
    before = parts(box, ipywidgets.Image)[0].value
    slider.value = 7
    assert parts(box, ipywidgets.HTML)[0].value == "a line up to 7"
    assert parts(box, ipywidgets.Image)[0].value != before
    assert plt.get_fignums() == open_figures


def test_explore_displays_widget_picture_and_text_in_one_output(monkeypatch):
    seen = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: seen.append((data, options)))
    widgets.explore(draw, number=ipywidgets.IntSlider(3))
    [(data, options)] = seen
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert options == {"raw": True, "metadata": {"image/png": {"alt": "a line up to 3"}}}


def test_explore_keeps_few_colours_in_the_still_picture_alone(shown):
    from PIL import Image

    widgets.explore(draw, number=ipywidgets.IntSlider(3), colours=8)
    [(box, still)] = shown
    live, few = (Image.open(io.BytesIO(png)) for png in (parts(box, ipywidgets.Image)[0].value, base64.b64decode(still["image/png"])))
    assert few.mode == "P" and live.mode == "RGBA" and few.size == live.size


def test_explore_shows_a_text_as_it_is(shown):
    widgets.explore(lambda number: (plt.figure(figsize=(1, 1)), "<b>1.jpg & 'co'"), number=ipywidgets.IntSlider(3))
    [(box, still)] = shown
    assert still["text/plain"] == "<b>1.jpg & 'co'" and parts(box, ipywidgets.HTML)[0].value == "&lt;b&gt;1.jpg &amp; 'co'"


def test_perceptron_line_counts_what_is_right(shown):
    widgets.perceptron_line(CORNERS, XOR, weights=(1, 1), bias=-1.5)
    [(box, still)] = shown
    assert "step(1.0 x₁ + 1.0 x₂ − 1.5)" in still["text/plain"]
    assert "right for 1 of 4 points" in still["text/plain"]
    w1, w2, bias = parts(box, ipywidgets.FloatSlider)
    bias.value = -0.5
    assert "right for 3 of 4 points" in parts(box, ipywidgets.HTML)[0].value
    w1.value = w2.value = 0  # no line at all is drawn, and nothing breaks
    assert "right for 2 of 4 points" in parts(box, ipywidgets.HTML)[0].value


def test_perceptron_line_wants_two_weights_that_the_sliders_reach():
    with pytest.raises(ValueError, match="give two weights, not 3"):
        widgets.perceptron_line(CORNERS, XOR, weights=(1, 1, 1))
    for weights, bias in (((1, 4), 0), ((1, -4), 0), ((-4, 1), 0), ((1, 1), -4)):
        with pytest.raises(ValueError, match="from -3 to 3"):
            widgets.perceptron_line(CORNERS, XOR, weights, bias)


def test_receptive_field_follows_layer_and_place(shown):
    from torch import nn

    model = nn.Sequential(nn.Conv2d(3, 1, 3, stride=2, padding=1), nn.Conv2d(1, 1, 3, padding=1))
    widgets.receptive_field(model, ["0", "1"], np.zeros((16, 20, 3), dtype=np.uint8))
    [(box, still)] = shown
    assert "8 × 10 neurons of 1, the one in row 4 and column 4" in still["text/plain"]
    assert "rows 5 to 11 and columns 5 to 11" in still["text/plain"]  # start −3, jump 2, size 7
    down, across = parts(box, ipywidgets.IntSlider)
    down.value, across.value = 0, 100
    assert "rows 0 to 3 and columns 15 to 19" in parts(box, ipywidgets.HTML)[0].value
    parts(box, ipywidgets.SelectionSlider)[0].value = "0"
    assert "rows 0 to 1 and columns 17 to 19" in parts(box, ipywidgets.HTML)[0].value
    with pytest.raises(ValueError, match="no layer '2'"):
        widgets.receptive_field(model, ["2"], np.zeros((16, 20, 3)))


@pytest.fixture(scope="module")
def explained():
    """The embedded network with one picture: model, x, picture for people, categories."""
    import torch

    import xaitutor
    from xaitutor import menagerie
    from xaitutor.networks import images

    model, preprocess, categories = xaitutor.load_model("menagerie_resnet18")
    image = menagerie.sample(3, "zebra").picture()
    x = preprocess(image)[None]
    return model, x, images.to_tensor(image), categories, lambda z: images.denormalise(
        z, torch.tensor(preprocess.mean), torch.tensor(preprocess.std)).clamp(0, 1)


def captions_after_moves(box):
    """The text under the picture at first, and after each control was moved."""
    html = parts(box, ipywidgets.HTML)[0]
    texts = [html.value]
    for control in box.children:
        if hasattr(control, "options"):
            control.value = next(value for _, value in control._options_full if value != control.value)
        elif hasattr(control, "min"):
            control.value = control.min if control.value != control.min else control.max
        else:
            continue
        texts.append(html.value)
    return texts


def test_the_heatmap_widget_changes_the_recipe(shown, explained):
    from xaitutor import attribution

    model, x, picture, *_ = explained
    widgets.heatmap(picture, attribution.gradient(model, x))
    [(box, still)] = shown
    texts = captions_after_moves(box)
    assert still["text/plain"] == texts[0] and "max_abs" in texts[0] and "sum_abs" in texts[1] and "90.0%" in texts[2]


def test_the_grad_cam_widget_changes_class_and_layer(shown, explained):
    model, x, picture, categories, _ = explained
    widgets.grad_cam(model, x, picture, categories, ["layer3", "layer4"], "zebra")
    [(box, _)] = shown
    first, other_class, other_layer = captions_after_moves(box)
    assert first.startswith("zebra, layer4") and other_class.startswith("horse, layer4") and other_layer.startswith("horse, layer3")


def test_the_path_widget_walks_from_each_baseline(shown, explained):
    import torch

    model, x, _, _, to_picture = explained
    widgets.path(model, x, 1, {"mean colour": torch.zeros_like(x), "itself": x}, to_picture)
    [(box, _)] = shown
    first, other, start = captions_after_moves(box)
    whole = f"{model(x)[0, 1].item():.2f}"
    assert "from mean colour" in first and f"from itself: at α = 0.50 the score is {whole}" in other and "α = 0.00" in start


def test_the_gamma_widget_begins_and_moves(shown, explained):
    model, x, picture, *_ = explained
    widgets.gamma(model, x, picture, 1)
    [(box, still)] = shown
    first, moved = captions_after_moves(box)
    assert first == still["text/plain"] and first.startswith("γ = 0.1:") and moved.startswith("γ = 0:")


def test_the_reference_widget_says_both_scores_and_the_sum(shown, explained):
    import torch

    model, x, _, _, to_picture = explained
    widgets.reference(model, x, 1, {"mean colour": torch.zeros_like(x), "itself": x}, to_picture)
    [(box, _)] = shown
    first, itself, _ = captions_after_moves(box)
    start, end = (model(one)[0, 1].item() for one in (torch.zeros_like(x), x))
    assert f"mean colour (score {start:.2f}) the picture (score {end:.2f}) has {end - start:+.2f}; the map adds up to {end - start:+.2f}." in first
    assert "the map adds up to +0.00" in itself


def test_the_window_widget_says_how_far_the_score_falls(shown, explained):
    model, x, _, _, to_picture = explained
    widgets.window(model, x, 1, to_picture)
    [(box, still)] = shown
    texts = captions_after_moves(box)
    assert texts[0] == still["text/plain"] and texts[0].startswith("32 × 32 pixels from row 64, column 64, grey: the score goes from")
    assert texts[-1] != texts[0] and ", black:" in texts[-1] and f"from {model(x)[0, 1].item():.2f} to" in texts[-1]


def test_the_samples_widget_compares_two_seeds(shown, explained):
    import torch

    model, x, picture, *_ = explained
    widgets.samples(model, x, 1, picture, torch.arange(128).expand(128, 128) // 32)
    [(box, still)] = shown
    first, more, seed = captions_after_moves(box)
    assert first.startswith("30 samples: for ") and "of the 4 regions two seeds agree" in first and first == still["text/plain"]
    assert not more.startswith("30 ") and "two seeds agree" in seed


def test_the_tree_widget_names_the_way(shown):
    import torch

    from xaitutor.surrogates import SoftTree

    trees = {depth: SoftTree(depth, (3, 4, 4), 2, seed=depth) for depth in (2, 3)}
    x = torch.randn(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    widgets.soft_tree(trees, x, x.sigmoid(), ["cat", "dog"], ["cat", "dog", "dog"])
    [(box, still)] = shown
    first, other, shallow = captions_after_moves(box)
    assert first == still["text/plain"] and first.startswith("A cat. A soft tree of depth 3: the filters of its 7 nodes")
    assert other.startswith("A dog.") and "this picture goes" in other and "of depth 2: the filters of its 3 nodes" in shallow


def test_the_epsilon_widget_says_what_the_network_says(shown, explained):
    from xaitutor import adversarial, load_model

    _, x, _, categories, to_picture = explained
    network, preprocess, _ = load_model("menagerie_resnet18")
    models = {name: adversarial.of_pixels(network, preprocess.mean, preprocess.std) for name in ("robust", "again")}
    widgets.epsilon(models, to_picture(x), categories.index("zebra"), categories)
    [(box, still)] = shown
    first, *others = captions_after_moves(box)
    assert first == still["text/plain"] and first.startswith("robust, steps of 8 / 255: it says ") and others[-1].startswith("again,")


def test_the_radius_widget_shows_the_picture_of_class_and_radius(shown):
    import torch

    made = {(name, size): torch.full((1, 3, 8, 8), size / 40) for name in ("horse", "zebra") for size in (4, 8, 16, 32)}
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2)).eval()
    widgets.radius(made, {"ours": (network, lambda x: x)}, ["horse", "zebra"])
    [(box, still)] = shown
    first, *others = captions_after_moves(box)
    assert first == still["text/plain"] == "The picture for horse that was made within 16 of its guess."
    assert others[0].startswith("The picture for zebra") and others[1].endswith("of its guess.")


def test_the_place_widget_moves_the_animal_and_asks_each_network(shown):
    from xaitutor import menagerie
    from xaitutor.truth import networks

    asked = {"A": networks.network("menagerie_resnet18"), "B": networks.network("menagerie_resnet18_biased")}
    widgets.place(asked, [menagerie.sample(4, "wolf", place="meadow"), menagerie.sample(9, "husky")])
    [(box, still)] = shown
    first, *others = captions_after_moves(box)
    assert first == still["text/plain"] and first.startswith("B says wolf") and "The background, snow, is worth" in first
    assert len({first, *others}) == 1 + len(others) and others[-1].startswith("A says")
    assert float(first.split("is worth ")[1].split()[0]) > 1  # the cheat's wolf, on snow


@pytest.fixture
def own(shown):
    """The widget for one's own photo, on a network of the menagerie, with what it keeps in the folder: its controls, a function that sends a file, and its text."""
    from xaitutor import load_model
    from xaitutor.networks.images import load_image

    model, preprocess, categories = load_model("menagerie_resnet18")
    widgets.your_photo(model, preprocess, categories, load_image("menagerie/tiger"), keep="my_photo.jpg")
    [(box, still)] = shown
    upload, html = parts(box, ipywidgets.FileUpload)[0], parts(box, ipywidgets.HTML)[0]
    assert still["text/plain"].startswith("No photo is chosen yet: this is an example. The network says: tiger ")

    def send(name, content):
        upload.value = ({"name": name, "type": "", "size": len(content), "last_modified": datetime.now(UTC), "content": memoryview(content)},)
        return html.value

    return parts(box, ipywidgets.Dropdown), send, lambda: html.value


def jpeg(image, **options):
    file = io.BytesIO()
    image.save(file, "jpeg", **options)
    return file.getvalue()


def test_a_photo_of_ones_own_is_shown_upright_explained_and_kept(own, tmp_path, monkeypatch):
    from PIL import Image

    from xaitutor.networks.images import load_image

    monkeypatch.chdir(tmp_path)
    (method, answer), send, text = own
    exif = Image.Exif()
    exif[0x0112] = 6  # a portrait, as telephones write them
    told = send("<mine>.jpg", jpeg(load_image("menagerie/zebra").resize((2000, 1500)), exif=exif))
    assert told.startswith("&lt;mine&gt;.jpg, 1500 × 2000 pixels, of which the network gets the middle. It is kept as my_photo.jpg.")
    assert load_image(tmp_path / "my_photo.jpg").size == (1200, 1600)
    assert "It is kept as my_photo.jpg." in send("another.jpg", jpeg(load_image("menagerie/zebra")))  # over its own
    first = text().split("The network says: ")[1].split()[0]
    assert f"Grad-CAM asks about {first}:" in text()
    answer.value = 4
    assert f"asks about {first}" not in text()
    for name in widgets.PHOTO:
        method.value = name
        assert f"{dict((v, k) for k, v in method.options)[name]} asks about" in text()


@pytest.mark.parametrize("content, message", [
    (b"\0\0\0\x24ftypheic" + bytes(100), "'mine.jpg' is a HEIC photo"), (b"<html>", "'mine.jpg' is not a picture"), (b"", "'mine.jpg' is an empty file")])
def test_what_is_no_photo_is_told_and_the_example_stays(own, tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    _, send, _ = own
    told = send("mine.jpg", content)
    assert told.startswith(message) and "This is still the example. The network says: tiger " in told and not list(tmp_path.iterdir())


def test_a_photo_that_is_there_already_stays(own, tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_photo.jpg").write_bytes(b"the only one")
    _, send, _ = own
    assert "my_photo.jpg is there already, and stays as it is; rename it" in send("mine.jpg", jpeg(Image.new("RGB", (50, 50))))
    assert (tmp_path / "my_photo.jpg").read_bytes() == b"the only one"


@pytest.mark.parametrize("call, message", [
    (lambda w, m, x, p, c: w.grad_cam(m, x, p, c, ["layer9"], "zebra"), "layer9"),
    (lambda w, m, x, p, c: w.grad_cam(m, x, p, c, ["layer4"], "unicorn"), "unicorn"),
])
def test_a_widget_names_what_is_not_there(call, message, explained, shown):
    with pytest.raises(ValueError, match=message):
        call(widgets, *explained[:4])


@pytest.fixture
def studio(shown):
    """The studio's controls by their names, and a function that gives its text."""
    widgets.studio()
    [(box, _)] = shown
    controls, text = parts(box, ipywidgets.GridBox)[0].children, parts(box, ipywidgets.HTML)[0]
    return {control.description: control for control in controls}, lambda: text.value


def test_the_studio_has_a_control_for_every_factor_of_a_scene(studio):
    from dataclasses import fields

    from xaitutor.menagerie import Scene

    controls, text = studio
    named = {"animal": "shape", "leave out": "missing"}
    assert {named.get(name, name) for name in controls} == {field.name for field in fields(Scene)} | {"network", "method", "class"}
    assert text().startswith("A white horse, coat: stripes, place: savanna. The robust network says zebra, ")
    assert "Integrated Gradients asks about zebra" in text()


def test_the_studio_answers_to_each_control(studio):
    controls, text = studio
    for control in controls.values():
        before = text()
        if hasattr(control, "options"):
            control.value = next(value for _, value in control._options_full if value != control.value)
        else:
            control.value = control.min if control.value != control.min else control.max
        assert text() != before, control.description


def test_the_studios_cheat_is_caught_and_a_sofa_keeps_its_head(studio):
    controls, text = studio
    for name, value in {"method": "cam", "animal": "dog", "coat": "saddle", "network": "biased", "place": "snow"}.items():
        controls[name].value = value
    assert "The biased network says wolf" in text() and "CAM asks about wolf" in text()
    controls["place"].value = "forest"
    assert "says husky" in text()
    controls["animal"].value = "sofa"
    before = text()
    controls["leave out"].value = "head"
    assert text() == before
    controls["leave out"].value = "object"
    assert "without object" in text()


@pytest.mark.parametrize("name", widgets.STUDIO)
def test_each_method_of_the_studio_gives_a_signed_map(name):
    from xaitutor.attribution import METHODS
    from xaitutor.studio import stage
    from xaitutor.truth.networks import network

    figure, text = widgets._asked(network("menagerie_resnet18"), "robust", METHODS[name], 6, stage.scene("cat", "stripes", "snow"))
    plt.close(figure)
    assert f"{METHODS[name].title} asks about tiger" in text and len(figure.axes[0].images) == 2
