"""checks.filters: one line for each answer, and another one for each mistake."""

import pytest
import torch

import xaitutor
from xaitutor import images, menagerie
from xaitutor.checks import filters


def picture(w):
    return 0.5 + w / (2 * w.abs().max())


def look(model, layer, x, copy=True, remove=True, always=True, of=None):
    kept = {}
    handle = model.get_submodule(of or layer).register_forward_hook(
        lambda module, inputs, output: kept.update(it=output.clone() if copy else output))
    try:
        model(x)
    except RuntimeError:
        if always:
            handle.remove()
        raise
    if remove:
        handle.remove()
    return kept["it"]


ANSWERS = {
    "picture": [
        ("✓ grey where the filter does not care", picture),
        ("✓ grey where the filter does not care", lambda w: w.div_(2 * w.abs().max()).add_(0.5)),  # in place: the right answer all the same
        ("✗ that stretches from the minimum", lambda w: (w - w.min()) / (w.max() - w.min())),
        ("✗ divide by the largest weight *by size*", lambda w: 0.5 + w / (2 * w.max())),
        ("✗ the factor 2 is missing", lambda w: 0.5 + w / w.abs().max()),
        ("✗ zero became 0", lambda w: w / (2 * w.abs().max())),
        ("✗ scale the filter as a whole", lambda w: 0.5 + w / (2 * w.abs().amax((1, 2), keepdim=True))),
        ("✗ without a division", lambda w: 0.5 + w / 2),
        ("✗ the first value is 0.200", lambda w: torch.full_like(w, 0.2)),
        ("✗ the picture has the shape (5, 5)", lambda w: picture(w).mean(0)),
        ("✗ there is no answer yet", ...),
    ],
    "look": [
        ("✓ copied, and removed in any case", look),
        ("✗ a hook is left in the model after your function has returned", lambda *a: look(*a, remove=False)),
        ("✗ a hook is left in the model after it stopped", lambda *a: look(*a, always=False)),
        ("✗ no negative value is left", lambda *a: look(*a, copy=False)),
        ("✗ no negative value is left", lambda m, layer, x: look(m, layer, x).relu()),
        ("✗ for layer '2' the values differ", lambda m, layer, x: 2 * look(m, layer, x)),
        ("✗ for layer '2' the shape is", lambda m, layer, x: look(m, layer, x)[0]),
        ("✗ for layer '2' the values differ", lambda m, layer, x: look(m, layer, x, of="0")),
        ("✗ return the tensor itself, not a dict", lambda m, layer, x: {layer: look(m, layer, x)}),
        ("✗ your function returns nothing", lambda m, layer, x: print(end="")),
    ],
}


@pytest.mark.parametrize("check, line, answer", [(check, *case) for check, cases in ANSWERS.items() for case in cases])
def test_line(check, line, answer, capsys):
    assert getattr(filters, check)(answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


@pytest.fixture(scope="module")
def network_and_zebra():
    model, preprocess, _ = xaitutor.load_model("menagerie_resnet18")
    scene = menagerie.sample(77, "zebra", place="snow", colour="white", size=1.0, x=0.5)
    return model, preprocess(scene.picture())[None]


def test_only_one_filter_made_the_mystery(network_and_zebra, capsys):
    model, zebra = network_and_zebra
    maps = model.conv1(zebra)[0].flatten(1)
    alike = torch.corrcoef(torch.cat([filters.mystery(model, zebra).flatten()[None], maps]))[0, 1:]
    made = alike.argmax().item()
    assert alike[made] > 0.9999 and alike.topk(2).values[1] < 0.9
    filters.whose(made, model, zebra)
    assert capsys.readouterr().out.startswith(f"✓ filter {made}")
    by_value = (maps - filters.mystery(model, zebra).flatten()).abs().mean(1).argmin().item()
    strongest = maps.mean(1).argmax().item()
    for answer, line in ((by_value, f"✗ map {by_value} has the closest values"), (strongest, f"✗ map {strongest} is the strongest"),
                         (16, "✗ conv1 has the filters 0 to 15"), (None, "✗ there is no answer yet")):
        filters.whose(answer, model, zebra)
        assert capsys.readouterr().out.startswith(line)
    others = set(range(16)) - {made, by_value, strongest}
    for answer in others:
        filters.whose(answer, model, zebra)
        assert "correlates with the mystery at" in capsys.readouterr().out


W = torch.randn(3, 7, 7, generator=torch.Generator().manual_seed(8))
BEST = (W > 0).float()


@pytest.mark.parametrize("line, bigger, patch", [
    ("✓ each number goes to the end", "real", BEST),
    ("✗ the poster is right. But measure", "portrait", BEST),
    ("✗ that is the filter's portrait", "real", picture(W)),
    ("✗ where a weight is negative you have 0, rightly", "real", W.clamp(0, 1)),
    ("✗ a picture lies in [0, 1]; yours goes from -", "real", W / W.abs().max()),
    ("✗ turned round", "real", 1 - BEST),
    ("✗ you let one colour decide", "real", (W.sum(0, keepdim=True) > 0).float().expand(3, 7, 7)),
    ("✗ white is not it", "real", torch.ones(3, 7, 7)),
    ("✗ 147 of its 147 numbers", "real", torch.full((3, 7, 7), 0.5)),
    ("✗ the poster has the shape (7, 7)", "real", BEST[0]),
    ('✗ `bigger` is "portrait" or "real"', "mine", BEST),
    ("✗ there is no answer yet", "real", None),
])
def test_the_best_patch_there_is(line, bigger, patch, capsys):
    filters.poster(bigger, patch, W)
    assert capsys.readouterr().out.startswith(line)


def test_no_patch_beats_the_poster_and_real_ones_beat_the_portrait():
    model, preprocess, _ = xaitutor.load_model("menagerie_resnet18")
    w = model.conv1.weight[9].detach()
    drawn = torch.rand(2000, 3, 7, 7, generator=torch.Generator().manual_seed(1)).round()
    assert ((drawn - (w > 0).float()) * w).sum((1, 2, 3)).max() < 0
    portrait = images.normalise(picture(w)[None], preprocess.mean, preprocess.std)
    horse = preprocess(menagerie.sample(1, "horse", colour="black", place="snow").picture())[None]
    real = torch.nn.functional.unfold(horse, 7)[0].T @ w.flatten()
    assert real.max() > (portrait[0] * w).sum()
