"""checks.anatomy: one line for each answer, and another one for each mistake."""

import pytest
import torch
from torchvision.models.resnet import BasicBlock, conv1x1

from xaitutor.checks import anatomy


def fold(bn):
    scale = bn.weight / (bn.running_var + bn.eps).sqrt()
    return scale, bn.bias - bn.running_mean * scale


def with_scale(f):
    return lambda bn: (f(bn), fold(bn)[1])


def with_shift(f):
    return lambda bn: (fold(bn)[0], f(bn))


def head(maps, weight, bias):
    return maps.mean((2, 3)) @ weight.T + bias


SWAPS = {"relu, max pooling": True, "relu, mean pooling": False, "batch norm, mean pooling": True,
         "batch norm, max pooling": False, "last layer, GAP": True}


ANSWERS = {
    "exchange": [
        ("✓ what never falls passes a maximum", SWAPS),
        *((f"✗ {pair}: ", SWAPS | {pair: not swaps}) for pair, swaps in SWAPS.items()),
        ("✗ the pair 'last layer, GAP' is missing", {pair: SWAPS[pair] for pair in list(SWAPS)[:-1]}),
        ("✗ there is no answer yet for 'relu, max pooling'", SWAPS | {"relu, max pooling": ...}),
        ("✗ 'relu, mean pooling': True or False, not 'no'", SWAPS | {"relu, mean pooling": "no"}),
        ("✗ give a dictionary", [True, False, True, False, True]),
        ("✗ there is no answer yet", ...),
    ],
    "fold": [
        ("✓ batch norm in eval mode", fold),
        ("✗ the scale divides by the variance", with_scale(lambda bn: bn.weight / (bn.running_var + bn.eps))),
        ("✗ the scale leaves out eps", with_scale(lambda bn: bn.weight / bn.running_var.sqrt())),
        ("✗ the scale leaves out γ", with_scale(lambda bn: 1 / (bn.running_var + bn.eps).sqrt())),
        ("✗ the shift forgets the mean", with_shift(lambda bn: bn.bias)),
        ("✗ the shift has the mean's sign", with_shift(lambda bn: bn.bias + bn.running_mean * fold(bn)[0])),
        ("✗ the shift subtracts the mean itself", with_shift(lambda bn: bn.bias - bn.running_mean)),
        ("✗ the shift forgets β", with_shift(lambda bn: -bn.running_mean * fold(bn)[0])),
        ("✗ the scale begins with 7.000", with_scale(lambda bn: torch.full((4,), 7.0))),
        ("✗ the scale has the shape (1,), expected (4,)", with_scale(lambda bn: torch.ones(1))),
        ("✗ return two tensors", lambda bn: torch.ones(4)),
        ("✗ there is no answer yet", ...),
        ("✗ your function stops with AttributeError", lambda bn: bn.gamma),
        ("✗ give the function itself", 3),
    ],
    "count": [
        ("✓ 57,728", 57728),
        ("✗ those are the two 3 × 3 convolutions alone", 55296),
        ("✗ the shortcut is missing", 55552),
        ("✗ the batch norms after", 57472),
        ("✗ one batch norm is missing", 57600),
        ("✗ these convolutions have no bias", 57728 + 192),
        ("✗ the running mean and variance", 57728 + 384),
        ("✗ the first convolution takes 32 channels", 57728 + 9 * 32 * 64),
        ("✗ 10 is fewer", 10),
        ("✗ your answer cannot be used", "many"),
    ],
    "head": [
        ("✓ the whole head", head),
        ("✗ you added up each map", lambda m, w, b: m.sum((2, 3)) @ w.T + b),
        ("✗ that is global max pooling", lambda m, w, b: m.amax((2, 3)) @ w.T + b),
        ("✗ the bias is missing", lambda m, w, b: m.mean((2, 3)) @ w.T),
        ("✗ those are probabilities", lambda m, w, b: head(m, w, b).softmax(1)),
        ("✗ there is no ReLU here", lambda m, w, b: m.mean((2, 3)).relu() @ w.T + b),
        ("✗ right for maps of 4 × 5, wrong for 9 × 2", lambda m, w, b: m.sum((2, 3)) / 20 @ w.T + b),
        ("✗ the logits have the shape (2, 6)", lambda m, w, b: m.mean((2, 3))),
        ("✗ the logits begin with", lambda m, w, b: head(m, w, b) + 1),
        ("✗ your function returns nothing", lambda m, w, b: None),
    ],
}


@pytest.mark.parametrize("name, expected, answer", [(n, e, a) for n, cases in ANSWERS.items() for e, a in cases])
def test_each_answer_gets_its_line(name, expected, answer, capsys):
    assert getattr(anatomy, name)(answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(expected) and printed.count("\n") == 1


def test_the_count_is_torchs():
    shortcut = torch.nn.Sequential(conv1x1(32, 64, 2), torch.nn.BatchNorm2d(64))
    assert sum(p.numel() for p in BasicBlock(32, 64, 2, shortcut).parameters()) == 57728


def test_folding_is_what_batch_norm_does():
    bn = anatomy._random_batch_norm()
    x = torch.randn(2, 4, 3, 3)
    scale, shift = fold(bn)
    assert torch.allclose(bn(x), x * scale[:, None, None] + shift[:, None, None], atol=1e-5)


def test_flattening_needs_a_hundred_times_the_weights_of_averaging():
    with torch.device("meta"):
        flatten, average = (torch.nn.Linear(inputs, 1000, bias=False) for inputs in (500 * 10 * 10, 500))
    assert flatten.weight.numel() == 50_000_000 and average.weight.numel() == 500_000


def test_which_steps_may_change_places():
    draw = torch.Generator().manual_seed(0)
    x, weight = torch.randn(3, 4, 6, 6, generator=draw, dtype=torch.double), torch.randn(2, 4, generator=draw, dtype=torch.double)
    scale, shift = torch.randn(2, 4, 1, 1, generator=draw, dtype=torch.double)  # some scales are negative
    assert scale.min() < 0
    norm, relu, last = (lambda x: scale * x + shift), torch.relu, (lambda x: torch.einsum("kc,nchw->nkhw", weight, x))
    largest, mean = (lambda x: torch.nn.functional.max_pool2d(x, 2)), (lambda x: torch.nn.functional.avg_pool2d(x, 2))
    gap = lambda x: x.mean((2, 3), keepdim=True)  # noqa: E731
    pairs = [(relu, largest), (relu, mean), (norm, mean), (norm, largest), (last, gap)]
    assert [torch.allclose(f(g(x)), g(f(x))) for f, g in pairs] == list(SWAPS.values())
