"""Widgets: a picture that answers to sliders, and a still one where sliders cannot run.

A widget computes nothing and draws nothing of its own: it calls a function that draws.
"""

from __future__ import annotations

import base64
import functools
import html
import textwrap
from collections.abc import Callable, Sequence

import ipywidgets
from matplotlib.figure import Figure

from xaitutor.figures import grids, planes, plots


def explore(draw: Callable[..., tuple[Figure, str]], below: bool = False, colours: int | None = None, **controls: ipywidgets.Widget) -> None:
    """Show ``draw(**values)`` and draw it again whenever one of the `controls` is moved.

    below: where they are many, they stand below the picture, which stays in sight, in as many columns as fit.
    colours: how many the still picture keeps (see `plots.show`).

    `draw` returns a figure and its alternative text. Where no widget can run (a printed page, a viewer
    on the web, a projector's PDF) the picture of the controls' first values is shown instead: it is
    part of the same output.
    """
    image = ipywidgets.Image(format="png", layout={"align_self": "flex-start"})  # as large as it is: stretched, it blurs
    caption = ipywidgets.HTML()

    def redraw(_=None) -> dict[str, str]:
        still = plots.bundle(*draw(**{name: control.value for name, control in controls.items()}))
        image.value = base64.b64decode(still["image/png"])
        caption.value = html.escape(still["text/plain"], quote=False)
        return still

    still = redraw()
    if colours is not None:
        still["image/png"] = base64.b64encode(plots.with_few_colours(image.value, colours)).decode("ascii")
    for control in controls.values():
        control.observe(redraw, names="value")
    columns = {"grid_template_columns": "repeat(auto-fill, 310px)"}
    grid = ipywidgets.GridBox([*controls.values()], layout=columns)
    _display(ipywidgets.VBox([image, caption, grid] if below else [*controls.values(), image, caption]), still)


def perceptron_line(x, y, weights=(1.0, 1.0), bias: float = -0.5) -> None:
    """Move the two weights and the bias of one neuron, and see its line and how many samples it gets right.

    `x` (N, 2) and `y` (N,) of 0 and 1 are the samples; the sliders start at `weights` and `bias`, each in [−3, 3].
    Raises ValueError for more or fewer than two weights, or where a slider cannot start there.
    """
    if len(weights) != 2:
        raise ValueError(f"the plane has two inputs, so give two weights, not {len(weights)}")
    if max(abs(weights[0]), abs(weights[1]), abs(bias)) > 3:
        raise ValueError(f"the sliders go from -3 to 3; weights {tuple(weights)} and bias {bias} start outside")

    def slider(name: str, value: float) -> ipywidgets.Widget:
        return ipywidgets.FloatSlider(value, min=-3, max=3, step=0.1, description=name, readout_format=".1f")

    def draw(w1: float, w2: float, b: float) -> tuple[Figure, str]:
        return planes.one_neuron(x, y, (w1, w2), b)

    explore(draw, w1=slider("w₁", weights[0]), w2=slider("w₂", weights[1]), b=slider("bias b", bias))


def receptive_field(model, layers: Sequence[str], image) -> None:
    """Choose a layer and one of its neurons, and see which pixels of `image` it can see.

    `layers` are names of the model's modules ("layer2.0.conv1"), `image` a PIL image or whatever `plots.to_array`
    takes; the network runs at its size. Two sliders choose the place in the layer, from 0 % (top, left) to 100 %.
    Raises ValueError for an unknown layer, as `xaitutor.foundations.receptive_field.field` does.
    """
    from xaitutor.foundations.receptive_field import field

    size = plots.to_array(image).shape[:2]
    fields = {layer: field(model, layer, size) for layer in layers}

    def place(name: str) -> ipywidgets.Widget:
        return ipywidgets.IntSlider(50, min=0, max=100, step=1, description=name, readout_format="d")

    def draw(layer: str, down: int, across: int) -> tuple[Figure, str]:
        row, column = (round(percent / 100 * (n - 1)) for percent, n in zip((down, across), fields[layer].grid))
        return grids.neuron_and_field(image, layer, fields[layer], row, column)

    choice = ipywidgets.SelectionSlider(options=list(layers), value=layers[len(layers) // 2], description="layer")
    explore(draw, layer=choice, down=place("down, %"), across=place("right, %"))


def heatmap(picture, attribution) -> None:
    """Choose how an attribution (1, C, H, W) becomes a heatmap on its `picture` (1, 3, H, W) in [0, 1]: only the recipe changes."""
    from xaitutor.figures import attributions

    def draw(reduce: str, clip: float, sigma: float, alpha: float) -> tuple[Figure, str]:
        return attributions.recipe(picture, attribution, reduce, clip, sigma, alpha)

    explore(
        draw, reduce=ipywidgets.Dropdown(options=["max_abs", "sum_abs", "abs_sum", "positive"], description="colours"),
        clip=ipywidgets.SelectionSlider(options=[0.9, 0.95, 0.99, 0.999, 1.0], value=0.99, description="quantile"),
        sigma=ipywidgets.FloatSlider(1, min=0, max=6, step=0.5, description="σ, pixels", readout_format=".1f"),
        alpha=ipywidgets.FloatSlider(0.5, min=0, max=1, step=0.1, description="overlay", readout_format=".1f"))


def grad_cam(model, x, picture, categories: Sequence[str], layers: Sequence[str], target: str) -> None:
    """Choose a class and a layer, and see Grad-CAM with its sign: red speaks for the class, blue against it.

    x (1, C, H, W) is what the model takes, `picture` (1, 3, H, W) the same for people; `target` is the class to begin with,
    the last of `layers` the layer. Each map is computed when it is asked for. Raises ValueError for an unknown layer or class.
    """
    from xaitutor import attribution
    from xaitutor.figures import attributions

    def draw(target: int, layer: str) -> tuple[Figure, str]:
        found = attribution.grad_cam(model, x, target, layer=layer, relu=False)
        return attributions.for_and_against(picture, found, f"{categories[target]}, {layer}")

    classes = [(name, index) for index, name in enumerate(categories)]  # by index: two classes may have one name
    first = attribution.class_index(categories, target)
    explore(draw, target=ipywidgets.Dropdown(options=classes, value=first, description="class"),
            layer=ipywidgets.SelectionSlider(options=list(layers), value=layers[-1], description="layer"))


def path(model, x, target: int, baselines: dict, to_picture: Callable) -> None:
    """Choose a baseline and walk from it to the image x (1, C, H, W): the picture there, its gradient, and the score on the way.

    baselines: name → tensor (1, C, H, W), as normalised as x. `to_picture` turns a tensor like x into one for people, in [0, 1].
    """
    import torch

    from xaitutor import attribution
    from xaitutor.figures import attributions

    alphas = [i / 20 for i in range(21)]
    with torch.no_grad():
        scores = {name: [model(start + a * (x - start))[0, target].item() for a in alphas] for name, start in baselines.items()}

    def draw(baseline: str, alpha: float) -> tuple[Figure, str]:
        point = baselines[baseline] + alpha * (x - baselines[baseline])
        found = attribution.gradient(model, point, target)
        return attributions.on_the_path(to_picture(point), found, alphas, scores[baseline], alpha, f"score from {baseline}")

    explore(draw, baseline=ipywidgets.Dropdown(options=list(baselines), description="baseline"),
            alpha=ipywidgets.FloatSlider(0.5, min=0, max=1, step=0.05, description="α", readout_format=".2f"))


def gamma(model, x, picture, target: int) -> None:
    """Move γ, and see relevance by LRP-γ with its sign (LRP-ε in linear layers); at γ = 0 it is Gradient × Input.

    x (1, C, H, W) is what the model takes, `picture` (1, 3, H, W) the same for people.
    """
    from xaitutor import attribution
    from xaitutor.figures import attributions

    def draw(strength: float) -> tuple[Figure, str]:
        rule = [("linear", "epsilon"), ("all", attribution.relevance.gamma(strength))]
        return attributions.for_and_against(picture, attribution.lrp(model, x, target, rule=rule), f"γ = {strength:g}", clip=0.99)

    explore(draw, strength=ipywidgets.SelectionSlider(options=[0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 4.0], value=0.1, description="γ"))


def reference(model, x, target: int, references: dict, to_picture: Callable) -> None:
    """Choose a reference and a point on the way from it to x (1, C, H, W): what DeepLIFT says of that point, compared with the reference.

    references: name → tensor (1, C, H, W), as normalised as x. `to_picture` turns a tensor like x into one for people, in [0, 1].
    """
    import torch

    from xaitutor import attribution
    from xaitutor.figures import attributions

    def draw(reference: str, way: float) -> tuple[Figure, str]:
        start = references[reference]
        point = start + way * (x - start)
        found = attribution.deeplift(model, point, target, reference=start)
        with torch.no_grad():
            scores = [model(one)[0, target].item() for one in (start, point)]
        return attributions.compared(to_picture(start), to_picture(point), found, reference, scores)

    explore(draw, reference=ipywidgets.Dropdown(options=list(references), description="reference"),
            way=ipywidgets.FloatSlider(1, min=0.05, max=1, step=0.05, description="on the way", readout_format=".2f"))


def window(model, x, target: int, to_picture: Callable) -> None:
    """Move a window that hides a square of x (1, C, H, W), and see how far the score falls, by what the square is filled with.

    `to_picture` turns a tensor like x into one for people, in [0, 1].
    """
    import torch

    from xaitutor.attribution import regions
    from xaitutor.figures import attributions

    behind = {fill: regions.filling(x, fill) for fill in ("grey", "black", "mean", "blur")}

    def draw(row: int, column: int, side: int, fill: str) -> tuple[Figure, str]:
        copy = x.clone()
        copy[..., row:row + side, column:column + side] = behind[fill][..., row:row + side, column:column + side]
        with torch.no_grad():
            scores = [model(one)[0, target].item() for one in (x, copy)]
        return attributions.hidden(to_picture(x), to_picture(copy), scores, f"{side} × {side} pixels from row {row}, column {column}, {fill}")

    def slider(name: str, value: int, low: int, high: int) -> ipywidgets.Widget:
        return ipywidgets.IntSlider(value, min=low, max=high, step=4, description=name)

    height, width = x.shape[2:]
    explore(draw, row=slider("row", height // 2, 0, height - 4), column=slider("column", width // 2, 0, width - 4),
            side=slider("side", height // 4, 4, height // 2), fill=ipywidgets.Dropdown(options=list(behind), description="fill"))


def samples(model, x, target: int, picture, regions) -> None:
    """Choose how many coalitions LIME asks, and the seed: the weights of the regions (H, W), beside those of a second seed.

    x: (1, C, H, W); picture: the same for people, in [0, 1].
    """
    from xaitutor import attribution
    from xaitutor.figures import attributions

    def draw(samples: int, seed: int) -> tuple[Figure, str]:
        found = [attribution.lime(model, x, target, regions=regions, samples=samples, seed=one) for one in (seed, seed + 100)]
        sums = [attribution.regions.sums(one, regions)[0] for one in found]
        same = (sums[0].sign() == sums[1].sign()).double().mean().item()
        text = f"{samples} samples: for {same:.0%} of the {len(sums[0])} regions two seeds agree on the sign."
        return attributions.weights(picture, found, [f"seed {one}, {samples} samples" for one in (seed, seed + 100)], text)

    explore(draw, samples=ipywidgets.SelectionSlider(options=[10, 30, 100, 300], value=30, description="samples"),
            seed=ipywidgets.IntSlider(0, min=0, max=9, description="seed"))


def soft_tree(trees: dict, x, pictures, categories: Sequence[str], names: Sequence[str]) -> None:
    """Choose a picture and the depth of a soft tree, and see the picture's way through it.

    trees: depth → `SoftTree`; x: pictures (N, C, H, W), as small as the trees take them; pictures: the same to be looked at, N in [0, 1];
    names: (N,) what each shows.
    """
    from xaitutor.figures import trees as drawn

    def draw(picture: int, depth: int) -> tuple[Figure, str]:
        figure, text = drawn.soft_tree(trees[depth], categories, x[picture], pictures[picture])
        return figure, f"A {names[picture]}. {text}"

    explore(draw, picture=ipywidgets.IntSlider(0, min=0, max=len(x) - 1, description="picture"),
            depth=ipywidgets.Dropdown(options=list(trees), value=max(trees), description="depth"))


def epsilon(models: dict, image, label: int, categories: Sequence[str]) -> None:
    """Choose how far FGSM may move each pixel of an image (1, 3, H, W) in [0, 1], and whom it attacks: the answer, and what has changed.

    models: name → network that takes pixels (`adversarial.of_pixels`). label: the right class.
    """
    import torch

    from xaitutor import adversarial
    from xaitutor.figures import attributions

    def draw(size: int, network: str) -> tuple[Figure, str]:
        attacked = adversarial.fgsm(models[network], image, label, size=size / 255) if size else image
        with torch.no_grad():
            shares = models[network](attacked).softmax(dim=1)[0]
        says = f"{categories[int(shares.argmax())]}, {shares.max():.0%}"
        return attributions.attacked(image, attacked, f"{network}, {size} / 255: {says}", f"{network}, steps of {size} / 255: it says {says}.")

    explore(draw, size=ipywidgets.IntSlider(8, min=0, max=32, description="ε · 255"),
            network=ipywidgets.Dropdown(options=list(models), description="network"))


def radius(made: dict, witnesses: dict, categories: Sequence[str]) -> None:
    """Choose a class and how far an ascent may go from where it began, and see the picture that it made and what each witness says of it.

    made: (class, radius) → picture (1, 3, H, W) in [0, 1]. witnesses: name → (network, its preprocess).
    """
    import torch

    def says(network, preprocess, picture) -> str:
        with torch.no_grad():
            shares = network(preprocess(picture)).softmax(dim=1)[0]
        return f"{categories[int(shares.argmax())]}, {shares.max():.0%}"

    def draw(label: str, size: int) -> tuple[Figure, str]:
        picture = made[label, size]
        found = "\n".join(f"{name}: {says(*witness, picture)}" for name, witness in witnesses.items())
        return plots.image_grid([picture], [f"within {size}\n{found}"], columns=1, size=3), f"The picture for {label} that was made within {size} of its guess."

    explore(draw, label=ipywidgets.Dropdown(options=list(dict.fromkeys(label for label, _ in made)), description="class"),
            size=ipywidgets.SelectionSlider(options=sorted({size for _, size in made}), value=sorted({size for _, size in made})[2], description="radius"))


def place(networks: dict, scenes: Sequence) -> None:
    """Choose an animal, a place and a network, and see what the network says, and what DeepLIFT finds for and against it.

    networks: name → `truth.networks.Network`; scenes: what to choose the animal from.
    """
    import torch

    from xaitutor import attribution
    from xaitutor.figures import attributions
    from xaitutor.menagerie import CLASSES
    from xaitutor.menagerie.scene import PLACES

    def draw(animal: int, place: str, network: str) -> tuple[Figure, str]:
        drawn = scenes[animal].replace(place=place).render()
        x = networks[network].inputs(drawn.image[None])
        with torch.no_grad():
            shares = networks[network].model(x).softmax(dim=1)[0]
        answer = int(shares.argmax())
        found = attribution.deeplift(networks[network].model, x, answer)
        behind = (found.sum(dim=1)[0] * torch.from_numpy(1 - drawn.mask)).sum().item()
        picture = torch.from_numpy(drawn.image).permute(2, 0, 1)[None].float() / 255
        says = f"{network} says {list(CLASSES)[answer]}, {shares[answer]:.1%}"
        figure, text = attributions.for_and_against(picture, found, says, clip=0.99)
        return figure, f"{text} The background, {place}, is worth {behind:.2f} logits to it."

    animals = [(f"{scene.shape}, {scene.coat}, {number}", number) for number, scene in enumerate(scenes)]
    explore(draw, animal=ipywidgets.Dropdown(options=animals, description="animal"),
            place=ipywidgets.Dropdown(options=list(PLACES), value="snow", description="place"),
            network=ipywidgets.Dropdown(options=list(networks), value=list(networks)[-1], description="network"))


STUDIO = {  # the methods of the studio that answer while a slider moves, and with which options
    "gradient": {}, "gradient_x_input": {}, "smoothgrad": {"samples": 6}, "integrated_gradients": {"steps": 6, "rule": "midpoint"}, "cam": {}, "grad_cam": {},
    "lrp": {}, "deeplift": {},
}


def studio() -> None:
    """Build any scene of the menagerie, and see what a network says of it and how a method explains the answer, while a slider moves.

    Every factor of a `menagerie.Scene` has a control; so have the network, the method and the class that is explained. A part that an animal
    does not have (a sofa has no head) leaves it as it is. The page of the same name on the course's site needs no Python.
    """
    from xaitutor.attribution import METHODS
    from xaitutor.menagerie import CLASSES
    from xaitutor.menagerie.scene import COATS, COLOURS, PLACES, SHAPES
    from xaitutor.studio import stage, truths
    from xaitutor.truth.networks import network

    networks = {name: network(full) for name, full in truths.NETWORKS.items()}

    def draw(network: str, method: str, target: int | None, missing: str, facing: int, **factors) -> tuple[Figure, str]:
        return _asked(networks[network], network, METHODS[method], target, _without(factors | {"facing": facing}, missing))

    def menu(name: str, options, **value) -> ipywidgets.Widget:
        return ipywidgets.Dropdown(options=options, description=name, **value)

    def slider(name: str, low: float, high: float) -> ipywidgets.Widget:
        return ipywidgets.FloatSlider(stage.POSE.get(name, 0.0), min=low, max=high, step=0.05, description=name, readout_format=".2f")

    parts = ("nothing", *stage.part_names("horse"), "object")
    explore(
        draw, below=True, colours=128, shape=menu("animal", SHAPES), coat=menu("coat", COATS, value="stripes"), colour=menu("colour", COLOURS), place=menu("place", PLACES),
        missing=menu("leave out", parts), network=menu("network", list(networks)), method=menu("method", [(METHODS[name].title, name) for name in STUDIO], value="integrated_gradients"),
        target=menu("class", [("its own answer", None), *((name, i) for i, name in enumerate(CLASSES))]), facing=menu("facing", [("right", 1), ("left", -1)]),
        x=slider("x", 0.2, 0.8), y=slider("y", 0.7, 0.95), size=slider("size", 0.6, 1.3), stride=slider("stride", -1, 1), head=slider("head", -1, 1),
        tail=slider("tail", -1, 1), light=slider("light", 0.7, 1.2), cover=slider("cover", 0, 1),
        seed=ipywidgets.IntSlider(stage.POSE["seed"], min=0, max=50, description="seed"))


def _without(factors: dict, missing: str):
    """The scene with these factors, without a part where it has it."""
    from xaitutor.menagerie import Scene
    from xaitutor.menagerie.anatomy import part_names

    scene = Scene(**factors)
    return scene.without(missing) if missing in (*part_names(scene.shape), "object") else scene


def _asked(network, name: str, method, target: int | None, scene) -> tuple[Figure, str]:
    """What a network says of a scene, and how a method explains it: the figure of the studio and its text."""
    import torch

    from xaitutor.figures.studio import scene_map_and_answers
    from xaitutor.menagerie import CLASSES

    drawn, classes = scene.render(), list(CLASSES)
    x = network.inputs(drawn.image[None])
    with torch.no_grad():
        logits = network.model(x)[0]
    shares, answer = logits.softmax(dim=0), int(logits.argmax())
    target = answer if target is None else target
    found = method.function(network.model, x, target, **STUDIO[method.name])
    picture = torch.from_numpy(drawn.image).permute(2, 0, 1)[None].float() / 255
    figure = scene_map_and_answers(picture, found, shares.tolist(), classes, f"{method.title}: why {classes[target]}?")
    left_out = f", without {', '.join(sorted(scene.missing))}" if scene.missing else ""
    return figure, (f"A {scene.colour} {scene.shape}, coat: {scene.coat}, place: {scene.place}{left_out}. The {name} network says {classes[answer]}, "
                    f"{shares[answer]:.1%}; {method.title} asks about {classes[target]}, whose score is {logits[target]:.3f}.")


PHOTO = {  # the methods that answer quickly for a photo, and with which options
    "grad_cam": {}, "gradient": {}, "gradient_x_input": {}, "smoothgrad": {"samples": 8}, "integrated_gradients": {"steps": 8, "rule": "midpoint"}, "guided_backprop": {},
    "deeplift": {}, "occlusion": {"window": 64, "stride": 32},
}


def your_photo(model, preprocess, categories: Sequence[str], example, keep: str | None = None) -> None:
    """Choose a photo, or take one where the browser has a camera: the network's first five answers, and a method's map for one of them.

    model, preprocess, categories: what `load_model` gives. example: the PIL image that is shown until a photo is chosen, and where one cannot be read.
    keep: a file to which the photo is written, upright and with at most 1600 pixels a side, as JPEG; one that this has not written stays as it is.
    The photo goes to the kernel, and nowhere else.
    """
    from xaitutor.attribution import METHODS

    chosen = functools.lru_cache(maxsize=1)(_chosen)  # read, and written, once

    def draw(photo: Sequence[dict], method: str, answer: int) -> tuple[Figure, str]:
        image, words = chosen(bytes(photo[0]["content"]), photo[0]["name"], keep) if photo else (None, "No photo is chosen yet: this is an example.")
        figure, text = _answers(model, preprocess, categories, image or example, METHODS[method], answer)
        return figure, f"{words} {text}"

    answers = list(enumerate(("first", "second", "third", "fourth", "fifth")[:len(categories)]))
    explore(draw, colours=128, photo=ipywidgets.FileUpload(accept="image/*", description="a photo of yours", layout={"width": "300px"}),
            method=ipywidgets.Dropdown(options=[(METHODS[name].title, name) for name in PHOTO], description="method"),
            answer=ipywidgets.Dropdown(options=[(f"its {name} answer", number) for number, name in answers], description="class"))


def _chosen(content: bytes, name: str, keep: str | None):
    """What the browser sent as a PIL image, or None where it cannot be read; and a word about it."""
    from xaitutor.networks import images

    try:
        image = images.read_image(content, name)
        kept = f" It is kept as {_kept(image, keep)}." if keep else ""
    except (ValueError, OSError) as error:
        return None, f"{error}. This is still the example."
    return image, f"{name}, {image.width} × {image.height} pixels, of which the network gets the middle.{kept}"


def _kept(image, path: str) -> str:
    from xaitutor.files import new_files

    try:
        new_files.require_room(path)
    except FileExistsError as error:
        raise FileExistsError(f"{path} is there already, and stays as it is; rename it, and choose again") from error
    copy = image.copy()
    copy.thumbnail((1600, 1600))
    with new_files.whole(path) as own:
        copy.save(own, "jpeg", quality=90, comment=new_files.MARK)
    return path


def _answers(model, preprocess, categories: Sequence[str], image, method, answer: int) -> tuple[Figure, str]:
    """The five classes that a network finds most likely, and a method's map for one of them."""
    import torch

    from xaitutor.figures.studio import scene_map_and_answers
    from xaitutor.networks import images

    x = preprocess(image)[None]
    with torch.no_grad():
        best = model(x)[0].softmax(dim=0).topk(min(5, len(categories)))
    names = [categories[index] for index in best.indices]
    found = method.function(model, x, int(best.indices[answer]), **PHOTO[method.name])
    picture = images.denormalise(x, preprocess.mean, preprocess.std).clamp(0, 1)
    figure = scene_map_and_answers(picture, found, best.values.tolist(), [textwrap.fill(name, 13) for name in names], f"why {names[answer]}?")
    told = ", ".join(f"{name} {share:.0%}" for name, share in zip(names, best.values))
    return figure, f"The network says: {told}. {method.title} asks about {names[answer]}: red speaks for it, blue against it."


def _display(box: ipywidgets.Widget, still: dict[str, str]) -> None:
    from IPython.display import display

    live = box._repr_mimebundle_()
    view = "application/vnd.jupyter.widget-view+json"
    display({view: live[view], **still}, raw=True, metadata={"image/png": {"alt": still["text/plain"]}})
