"""checks.class_maps: one line for each answer, and another one for each mistake; and the truth behind them."""

import pytest
import torch
from torch import nn

from xaitutor import attribution
from xaitutor.checks import class_maps
from xaitutor.foundations.receptive_field import Box


def terms(maps, weight, target):
    return weight[target][:, None, None] * maps


def cam(*given):
    return terms(*given).sum(1)


def places(a):
    return a.mean((2, 3), keepdim=True)


def grad_cam(weights, maps):
    return (weights * maps).sum(1).relu()


def predicted(maps, weight, target):
    chosen = (maps.mean((2, 3)) @ weight.T).argmax(1)
    return torch.stack([cam(m[None], weight, c)[0] for m, c in zip(maps, chosen)])


def area(box, edge=0):
    return (box[2] - box[0] + edge) * (box[3] - box[1] + edge)


def both(a, b, edge=0, least=0):
    height = min(a[2], b[2]) - max(a[0], b[0]) + edge
    width = min(a[3], b[3]) - max(a[1], b[1]) + edge
    return max(height, least) * max(width, least)


def overlap(a, b, edge=0, least=0):
    i = both(a, b, edge, least)
    return i / (area(a, edge) + area(b, edge) - i)


def as_sizes(a, b):
    return overlap(*(Box(t, l, t + h, l + w) for t, l, h, w in (a, b)))


def max_and_min_swapped(a, b):
    i = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return i / (area(a) + area(b) - i)


def around(a, b):
    return area((min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])))


def touching_counts(a, b):
    meets = min(a[2], b[2]) >= max(a[0], b[0]) and min(a[3], b[3]) >= max(a[1], b[1])
    return max(overlap(a, b), 0.1) if meets else 0.0


ANSWERS = {
    "cam": [
        ("✓ the mean of this map", cam),
        ("✓ the mean of this map", lambda m, w, c: torch.einsum("k,nkhw->nhw", w[c], m)),
        ("✗ no ReLU on the terms", lambda *given: terms(*given).relu().sum(1)),
        ("✗ no ReLU on the weights", lambda m, w, c: cam(m, w.relu(), c)),
        ("✗ no ReLU on the maps", lambda m, w, c: cam(m.relu(), w, c)),
        ("✗ CAM has no ReLU", lambda *given: cam(*given).relu()),
        ("✗ add the channels up", lambda *given: terms(*given).mean(1)),
        ("✗ a class is a row", lambda m, w, c: cam(m, w.T, c)),
        ("✗ do not divide by the number of places", lambda *given: cam(*given) / 12),
        ("✗ no averaging over places", lambda m, w, c: cam(places(m), w, c).expand(2, 3, 4)),
        ("✗ weight the maps", lambda m, w, c: m.sum(1)),
        ("✗ keep the sign", lambda *given: cam(*given).abs()),
        ("✗ no absolute values of the weights", lambda m, w, c: cam(m, w.abs(), c)),
        ("✗ the map of the class `target`", predicted),
        ("✗ the answer has the shape (2, 1, 3, 4), expected (2, 3, 4)", lambda *given: cam(*given)[:, None]),
        ("✗ the answer has the shape (2,)", lambda *given: cam(*given).mean((1, 2))),
        ("✗ the answer has the shape (2, 5, 3, 4)", terms),
        ("✗ your function stops with RuntimeError", lambda m, w, c: (w[c] * m).sum(1)),
        ("✗ at [", lambda m, w, c: torch.zeros(2, 3, 4)),
    ],
    "grad_cam": [
        ("✓ CAM for any network", lambda m, g: grad_cam(places(g), m)),
        ("✗ the ReLU is missing", lambda m, g: (places(g) * m).sum(1)),
        ("✗ the weight is the mean of the gradient", lambda m, g: grad_cam(g.sum((2, 3), keepdim=True), m)),
        ("✗ the mean of the gradient over places, and then", lambda m, g: (g.sum((2, 3), keepdim=True) * m).sum(1)),
        ("✗ one weight for each channel: average", lambda m, g: grad_cam(g, m)),
        ("✗ average the gradient over places before", lambda m, g: (g * m).sum(1)),
        ("✗ no ReLU on the weights", lambda m, g: grad_cam(places(g).relu(), m)),
        ("✗ no ReLU on the gradients", lambda m, g: grad_cam(places(g.relu()), m)),
        ("✗ no absolute value of the weights", lambda m, g: grad_cam(places(g).abs(), m)),
        ("✗ no absolute values of the gradients", lambda m, g: grad_cam(places(g.abs()), m)),
        ("✗ add up first, then the ReLU", lambda m, g: (places(g) * m).relu().sum(1)),
        ("✗ a ReLU, not the absolute value", lambda m, g: (places(g) * m).sum(1).abs()),
        ("✗ the mean of the gradient over places, not its max", lambda m, g: grad_cam(g.amax((2, 3), keepdim=True), m)),
        ("✗ add the channels up", lambda m, g: (places(g) * m).mean(1).relu()),
        ("✗ one weight for each channel; yours", lambda m, g: grad_cam(g.mean((1, 2, 3), keepdim=True), m)),
        ("✗ each picture has its own weights", lambda m, g: grad_cam(g.mean((0, 2, 3), keepdim=True), m)),
        ("✗ the other way round", lambda m, g: grad_cam(places(m), g)),
        ("✗ weight the maps", lambda m, g: m.sum(1).relu()),
        ("✗ the answer has the shape (2, 1, 3, 4)", lambda m, g: grad_cam(places(g), m)[:, None]),
        ("✗ at [", lambda m, g: torch.full((2, 3, 4), 9.0)),
    ],
    "overlap": [
        ("✓ 1 for the same box", overlap),
        ("✓ 1 for the same box", attribution.iou),
        ("✗ the union counts what is in both twice", lambda a, b: both(a, b) / (area(a) + area(b))),
        ("✗ the last row and column are not in the box", lambda a, b: overlap(a, b, edge=1)),
        ("✗ divide by the union, not by the smaller", lambda a, b: both(a, b) / min(area(a), area(b))),
        ("✗ divide by the union, not by the first", lambda a, b: both(a, b) / area(a)),
        ("✗ divide by the union, not by the mean", lambda a, b: 2 * both(a, b) / (area(a) + area(b))),
        ("✗ the union is not the box around both", lambda a, b: both(a, b) / around(a, b)),
        ("✗ that is the intersection", both),
        ("✗ that is the union over", lambda a, b: 1 / overlap(a, b)),
        ("✗ that is 1 minus", lambda a, b: 1 - overlap(a, b)),
        ("✗ that is percent", lambda a, b: 100 * overlap(a, b)),
        ("✗ the intersection begins at the larger top", max_and_min_swapped),
        ("✗ bottom and right are edges", as_sizes),
        ("✗ these two overlap and you get 0", lambda a, b: both(a, b) // (area(a) + area(b) - both(a, b))),
        ("✗ the order of the two boxes", lambda a, b: 6 / 43 if area(a) > area(b) else 6 / 42),
        ("✗ (0, 4, 3, 8) and (1, 0, 4, 2) do not meet, and you get -0.182", lambda a, b: overlap(a, b, least=-99)),
        ("✗ (0, 0, 2, 3) and (4, 5, 6, 9) do not meet, and you get 0.4",
         lambda a, b: max(overlap(a, b, least=-99), 0)),
        ("✗ two boxes that touch", touching_counts),
        ("✗ for (0, 0, 6, 7) and (1, 2, 4, 5) you get 1.000, expected 0.214",
         lambda a, b: 1.0 if both(a, b) == area(b) else overlap(a, b)),
        ("✗ for (2, 3, 7, 8) and (0, 0, 4, 6) you get 0.500, expected 0.140", lambda a, b: 0.5),
        ("✗ your function returns nothing", lambda a, b: None),
    ],
}


@pytest.mark.parametrize("check, line, answer", [(check, *case) for check, cases in ANSWERS.items() for case in cases])
def test_line(check, line, answer, capsys):
    assert getattr(class_maps, check)(answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


def test_the_formulas_are_those_of_a_network(capsys):
    """Maps and gradients in, the course's maps out: what the check takes for right is what the methods compute."""
    torch.manual_seed(0)
    body, head = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU()), nn.Linear(5, 6)
    model, x = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).eval(), torch.randn(2, 3, 8, 8)
    maps = body(x).detach().requires_grad_()
    gradients = torch.autograd.grad(head(maps.mean((2, 3)))[:, 4].sum(), maps)[0]
    assert torch.allclose(cam(maps, head.weight, 4), attribution.cam(model, x, 4)[:, 0], atol=1e-6)
    assert torch.allclose(grad_cam(places(gradients), maps), attribution.grad_cam(model, x, 4)[:, 0], atol=1e-6)


def local(maps, gradients):
    return (gradients * maps).sum(1).relu()


@pytest.mark.parametrize("line, given, function", [
    ("✓ it gives nothing to what is not read", (1, 1), local),
    ("✗ that is the truth; but Grad-CAM averages", (2, 0), local),
    ("✗ the mean of the gradient over the places", (2, 2), local),
    ("✗ the weight is right", (1, 0), local),
    ("✗ the mean of the gradient, times A", (0.5, 0.5), local),
    ("✗ not 0 and 2", (0, 2), local),
    ("✗ expected a pair", 1, local),
    ("✗ that is Grad-CAM", (1, 1), lambda a, g: grad_cam(places(g), a)),
    ("✗ one weight for all places, and no ReLU", (1, 1), lambda a, g: (places(g) * a).sum(1)),
    ("✗ a weight where a place is read is not enough", (1, 1), lambda a, g: grad_cam(places(g) * (g != 0), a)),
    ("✗ where CAM is possible each gradient is w / Z already", (1, 1), lambda a, g: 12 * local(a, g)),
    ("✗ do not divide by Z", (1, 1), lambda a, g: local(a, g) / 12),
    ("✗ add up first, then the ReLU", (1, 1), lambda a, g: (g * a).relu().sum(1)),
    ("✗ no ReLU on the gradients", (1, 1), lambda a, g: local(a, g.relu())),
    ("✗ the ReLU at the end is missing", (1, 1), lambda a, g: (g * a).sum(1)),
    ("✗ add the channels up", (1, 1), lambda a, g: (g * a).mean(1).relu()),
    ("✗ a ReLU, not the absolute value", (1, 1), lambda a, g: (g * a).sum(1).abs()),
    ("✗ that is how much the place is read", (1, 1), lambda a, g: g.sum(1).relu()),
    ("✗ there is no answer yet", None, local),
])
def test_places(line, given, function, capsys):
    assert class_maps.places(given, function) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


def test_the_repaired_map_is_cam_where_there_is_one(capsys):
    torch.manual_seed(0)
    maps, weight = torch.rand(2, 4, 3, 5, requires_grad=True), torch.randn(4)
    (maps.mean((2, 3)) @ weight).sum().backward()
    assert torch.allclose(local(maps, maps.grad), grad_cam(places(maps.grad), maps))
    flat = torch.ones(1, 1, 1, 2, requires_grad=True)
    (2 * flat[0, 0, 0, 0]).backward()
    assert grad_cam(places(flat.grad), flat).flatten().tolist() == [1, 1]
    assert local(flat, flat.grad).flatten().tolist() == [2, 0]
