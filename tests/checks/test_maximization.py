"""checks.maximization: one line for each answer, and another one for each mistake; and the truth behind them."""

import pytest
import torch

import xaitutor
from xaitutor import maximization as am
from xaitutor import menagerie, units
from xaitutor.checks import maximization


def gradient(a, x):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(a(x), x)[0]


def in_place(a, x, rate):
    x += rate * gradient(a, x)
    return x.clamp(0, 1)


def with_graph(a, x, rate):
    x = x.clone().requires_grad_()
    return (x + rate * torch.autograd.grad(a(x), x)[0]).clamp(0, 1)


def down(x):
    return (x[:, :, 1:] - x[:, :, :-1]).abs().mean()


def right(x):
    return (x[..., 1:] - x[..., :-1]).abs().mean()


ANSWERS = {
    "step": [
        ("✓ one step uphill", lambda a, x, rate: (x + rate * gradient(a, x)).clamp(0, 1)),
        ("✗ you walk downhill", lambda a, x, rate: (x - rate * gradient(a, x)).clamp(0, 1)),
        ("✗ cut the values", lambda a, x, rate: x + rate * gradient(a, x)),
        ("✗ the learning rate is missing", lambda a, x, rate: (x + gradient(a, x)).clamp(0, 1)),
        ("✗ that is the gradient", lambda a, x, rate: gradient(a, x)),
        ("✗ that is the step alone", lambda a, x, rate: rate * gradient(a, x)),
        ("✗ only the sign", lambda a, x, rate: (x + rate * gradient(a, x).sign()).clamp(0, 1)),
        ("✗ nothing has moved", lambda a, x, rate: x.clone()),
        ("✗ your function changes the picture", in_place),
        ("✗ the values are right, but the result still drags", with_graph),
        ("✗ the picture has the shape (3, 4, 5)", lambda a, x, rate: (x + rate * gradient(a, x))[0]),
        ("✗ the first value is 0.000", lambda a, x, rate: torch.zeros_like(x)),
    ],
    "variation": [
        ("✓ what a rough picture has to pay", lambda x: down(x) + right(x)),
        ("✗ take the mean", lambda x: down(x) * 2 * 3 * 4 * 7 + right(x) * 2 * 3 * 5 * 6),
        ("✗ absolute values are wanted here", lambda x: ((x[:, :, 1:] - x[:, :, :-1]) ** 2).mean() + ((x[..., 1:] - x[..., :-1]) ** 2).mean()),
        ("✗ without absolute values", lambda x: (x[:, :, 1:] - x[:, :, :-1]).mean() + (x[..., 1:] - x[..., :-1]).mean()),
        ("✗ only vertical", down),
        ("✗ only horizontal", right),
        ("✗ add the two means", lambda x: (down(x) + right(x)) / 2),
        ("✗ those are differences of the channels", lambda x: (x[:, 1:] - x[:, :-1]).abs().mean() + down(x)),
        ("✗ the last row is no neighbour", lambda x: (x - x.roll(1, 2)).abs().mean() + (x - x.roll(1, 3)).abs().mean()),
        ("✗ one number is wanted", lambda x: x.mean((2, 3))),
        ("✗ you get 0.0000", lambda x: 0.0),
    ],
    "order": [
        ("✓ the horse, more than its stripes", ["zebra", "plain horse", "striped sofa"]),
        ("✗ the right order, turned round", ["striped sofa", "plain horse", "zebra"]),
        ("✗ that would make it a unit for stripes", ["zebra", "striped sofa", "plain horse"]),
        ("✗ measure all three", ["plain horse", "zebra", "striped sofa"]),
        ("✗ `order` holds", ["zebra"]),
        ("✗ there is no answer yet", None),
    ],
}


@pytest.mark.parametrize("check, line, answer", [(check, *case) for check, cases in ANSWERS.items() for case in cases])
def test_line(check, line, answer, capsys):
    assert getattr(maximization, check)(answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


@pytest.fixture(scope="module")
def network():
    model, preprocess, _ = xaitutor.load_model("menagerie_resnet18")
    return model, preprocess


@pytest.mark.parametrize("line, rate, still_true", [
    ("✓ both had the same rate", 0.5, "smoother"),
    ("✗ at 0.05, the rate of the ladder, pixels reach 1.6, waves 5.1", 0.05, "smoother"),
    ("✗ with the right rate pixels climb as high", 0.4, "higher"),
    ("✗ a rate of 100 is out of question", 100, "smoother"),
    ("✗ `still_true` is", 0.5, "faster"),
    ("✗ your answer cannot be used", "fast", "smoother"),
    ("✗ there is no answer yet", ..., "smoother"),
])
def test_the_fair_race(line, rate, still_true, network, capsys):
    maximization.fair_race(rate, still_true, *network)
    assert capsys.readouterr().out.startswith(line)


def test_what_waves_reach_is_true(network):
    model, preprocess = network
    goal = am.channel("layer3.1.conv2", 0)
    found = am.maximize(model, goal, preprocess, parameterisation=am.fourier(1.5), learning_rate=0.05, steps=32, progress=False)
    assert abs(am.measure(model, goal, found.pictures, preprocess).item() - maximization.WAVES) < 0.1


def test_the_order_is_true(network):
    model, preprocess = network
    for zebra in (menagerie.sample(seed, "zebra") for seed in range(6)):
        three = {"zebra": zebra, "plain horse": zebra.replace(coat="plain"), "striped sofa": zebra.replace(shape="sofa")}
        x = torch.stack([preprocess(one.picture()) for one in three.values()])
        answers = units.feature_maps(model, "layer4", x)["layer4"][:, 53].mean((1, 2))
        assert [list(three)[i] for i in answers.argsort(descending=True)] == list(maximization.ORDER)
