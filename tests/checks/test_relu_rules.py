"""checks.relu_rules: one line for each answer, and another one for each mistake; and the truth behind them."""

import copy

import pytest
import torch
from scipy.stats import spearmanr
from torch.nn import functional as F

import xaitutor
from xaitutor import attribution, menagerie
from xaitutor.checks import relu_rules

RULES = {
    "gradient": lambda x, g: g * (x > 0),
    "deconvnet": lambda x, g: g.clamp(min=0),
    "guided": lambda x, g: g.clamp(min=0) * (x > 0),
}


def back(**wrong):
    """All three rules, but for those given."""
    return lambda rule, x, g: (RULES | wrong)[rule](x, g)


def through_autograd(rule, x, g):
    x = x.clone().requires_grad_()
    incoming = g if rule == "gradient" else g.relu()
    return incoming if rule == "deconvnet" else torch.autograd.grad(F.relu(x), x, incoming)[0]


def overwrites_g(rule, x, g):
    if rule != "gradient":
        g.clamp_(min=0)
    return g if rule == "deconvnet" else g * (x > 0)


def overwrites_x(rule, x, g):
    return RULES[rule](x.clamp_(min=0), g)


def unpool(g, switches, size):
    return F.max_unpool2d(g[None], switches[None], 2, output_size=size)[0]


def by_loop(g, switches, size):
    out = torch.zeros(size)
    for value, switch in zip(g.flatten(), switches.flatten()):
        out[switch // size[1], switch % size[1]] = value
    return out


def by_height(g, switches, size):
    out = torch.zeros(size)
    for value, switch in zip(g.flatten(), switches.flatten()):
        out[switch // size[0], switch % size[0]] = value
    return out


def by_columns(g, switches, size):
    out = torch.zeros(size)
    for value, switch in zip(g.flatten(), switches.flatten()):
        out[switch % size[0], switch // size[0]] = value
    return out


def enlarged(g):
    return F.interpolate(g[None, None], scale_factor=2)[0, 0]


def corners(g, switches, size):
    out = torch.zeros(size)
    out[::2, ::2] = g
    return out


ANSWERS = {
    "back": [
        ("✓ three ways back", back()),
        ("✓ three ways back", through_autograd),
        ("✗ for rule='gradient': that is what the rule 'deconvnet'", back(gradient=RULES["deconvnet"])),
        ("✗ for rule='gradient': that is what the rule 'guided'", back(gradient=RULES["guided"])),
        ("✗ for rule='deconvnet': that is what the rule 'gradient'", back(deconvnet=RULES["gradient"])),
        ("✗ for rule='deconvnet': that is what the rule 'guided'", back(deconvnet=RULES["guided"])),
        ("✗ for rule='guided': that is what the rule 'gradient'", back(guided=RULES["gradient"])),
        ("✗ for rule='guided': that is what the rule 'deconvnet'", back(guided=RULES["deconvnet"])),
        ("✗ for rule='gradient': where exactly 0", back(gradient=lambda x, g: g * (x >= 0))),
        ("✗ for rule='guided': where exactly 0", back(guided=lambda x, g: g.relu() * (x >= 0))),
        ("✗ for rule='deconvnet': this rule does not ask", back(deconvnet=lambda x, g: g.relu() * (x >= 0))),
        ("✗ for rule='gradient': only pass on or stop", back(gradient=lambda x, g: g * (x > 0) * x)),
        ("✗ for rule='deconvnet': only pass on or stop", back(deconvnet=lambda x, g: g.relu() * x)),
        ("✗ for rule='guided': do not multiply by x", back(guided=lambda x, g: g * x.relu())),
        ("✗ for rule='gradient': that is the way forward", back(gradient=lambda x, g: x.relu())),
        ("✗ for rule='guided': g comes back unchanged", back(guided=lambda x, g: g)),
        ("✗ for rule='guided': that is 1 where something", back(guided=lambda x, g: (g > 0) & (x > 0))),
        ("✗ for rule='deconvnet': that is 1 where x is", back(deconvnet=lambda x, g: (x > 0).float())),
        ("✗ for rule='gradient': x and g are mixed up", back(gradient=lambda x, g: RULES["gradient"](g, x))),
        ("✗ for rule='guided': x and g are mixed up", back(guided=lambda x, g: RULES["guided"](g, x))),
        ("✗ for rule='deconvnet': turned round: that lets", back(deconvnet=lambda x, g: g.clamp(max=0))),
        ("✗ for rule='gradient': turned round: that stops", back(gradient=lambda x, g: g * (x <= 0))),
        ("✗ for rule='guided': turned round: that stops", back(guided=lambda x, g: g.relu() * (x <= 0))),
        ("✗ for rule='guided': no absolute values", back(guided=lambda x, g: g.abs() * (x > 0))),
        ("✗ for rule='deconvnet': a negative g is stopped", back(deconvnet=lambda x, g: g.abs())),
        ("✗ the numbers are right, but your function overwrites x", overwrites_x),
        ("✗ the numbers are right, but your function overwrites g", overwrites_g),
        ("✗ the answer has the shape (4,)", lambda rule, x, g: g[:, 0]),
        ("✗ for rule='gradient': where x = ", lambda rule, x, g: x + g),
        ("✗ the function is still empty", lambda rule, x, g: (_ for _ in ()).throw(NotImplementedError)),
    ],
    "unpool": [
        ("✓ each g goes where its maximum was", unpool),
        ("✓ each g goes where its maximum was", by_loop),
        ("✗ all four places get g", lambda g, switches, size: enlarged(g)),
        ("✗ a quarter for each", lambda g, switches, size: enlarged(g) / 4),
        ("✗ every g is in the top left corner", corners),
        ("✗ rows and columns are mixed up", by_columns),
        ("✗ rows and columns are mixed up", by_height),
        ("✗ rows and columns are mixed up", lambda *given: unpool(*given).T if given[2][0] == 6 else unpool(*given)),
        ("✗ the right places, but all of g", lambda *given: unpool(*given) / 4),
        ("✗ the right places; put g there", lambda g, *where: unpool(torch.ones_like(g), *where)),
        ("✗ the right places, but negative g", lambda g, *where: unpool(g.relu(), *where)),
        ("✗ zero elsewhere: yours has the switches", lambda g, s, size: unpool(s.float(), s, size)),
        ("✗ the answer has the shape (36,), expected (6, 6)", lambda *given: unpool(*given).flatten()),
        ("✗ the answer has the shape (6, 6), expected (4, 8)",
         lambda g, s, size: unpool(g, s, size) if size == (6, 6) else torch.zeros(6, 6)),
        ("✗ at [", lambda g, s, size: torch.zeros(size)),
    ],
    "least": [
        ("✓ it draws the same picture", "guided_backprop"),
        ("✗ not the gradient", "gradient"),
        ("✗ near: with a random last layer", "deconvnet"),
        ("✗ Grad-CAM changes the most", "grad_cam"),
        ("✗ there is no method 'guided'; there is gradient, deconvnet, guided_backprop, grad_cam", "guided"),
        ("✗ there is no answer yet", None),
    ],
    "less_bad": [
        ("✓ guided backpropagation is blank here", relu_rules.LESS_BAD),
        ("✗ −1 arrives at the third ReLU", relu_rules.LESS_BAD | {"guided": (0, 0, 1)}),
        ("✗ −1 arrives at the third ReLU", relu_rules.LESS_BAD | {"deconvnet": (1, 0, 1)}),
        ("✗ deconvnet: it does not ask", relu_rules.LESS_BAD | {"deconvnet": (0, 0, 0)}),
        ("✗ gradient: x is negative", relu_rules.LESS_BAD | {"gradient": (1, -1, 1)}),
        ("✗ gradient: bad news passes, too", relu_rules.LESS_BAD | {"gradient": (0, 0, 0)}),
        ("✗ gradient: more of y is less", relu_rules.LESS_BAD | {"gradient": (0, 1, 1)}),
        ("✗ gradient: two minuses", relu_rules.LESS_BAD | {"gradient": (0, -1, -1)}),
        ("✗ gradient: not 0, -3, 0.5; each is what its ReLU passes on", relu_rules.LESS_BAD | {"gradient": (0, -3, 0.5)}),
        ("✗ gradient: at z = 0.5", relu_rules.LESS_BAD | {"gradient": (0, -1, 0)}),
        ("✗ guided: it asks what went in", relu_rules.LESS_BAD | {"guided": (1, 0, 0)}),
        ("✗ at the ReLU of y arrives −1", relu_rules.LESS_BAD | {"guided": (0, -1, 0)}),
        ("✗ gradient: expected three numbers", relu_rules.LESS_BAD | {"gradient": (0, -1)}),
        ("✗ gradient: not 0, -1, 0.5", relu_rules.LESS_BAD | {"gradient": (0, -1, 0.5)}),
        ("✗ give a dictionary", (0, -1, 1)),
        ("✗ give a dictionary", {"gradient": (0, -1, 1)}),
        ("✗ there is no answer yet", None),
    ],
}


@pytest.mark.parametrize("check, line, answer", [(check, *case) for check, cases in ANSWERS.items() for case in cases])
def test_line(check, line, answer, capsys):
    assert getattr(relu_rules, check)(answer) is None
    printed = capsys.readouterr().out
    assert printed.startswith(line) and printed.count("\n") == 1


def test_unpooling_is_the_gradient_of_max_pooling():
    x = torch.randn(1, 1, 6, 8, requires_grad=True)
    pooled, switches = F.max_pool2d(x, 2, return_indices=True)
    g = torch.randn_like(pooled)
    gradient = torch.autograd.grad(pooled, x, g)[0]
    assert torch.allclose(by_loop(g[0, 0], switches[0, 0], (6, 8)), gradient[0, 0])


@pytest.fixture(scope="module")
def pictures():
    model, preprocess, _ = xaitutor.load_model("menagerie_resnet18")
    data = menagerie.Dataset(4, "test", seed=1)
    x = preprocess(torch.stack([data[i][0] for i in range(4)]))
    target = model(x).argmax(1)
    return model, x, target, strengths(model, x, target)


def strengths(model, x, target):
    return {name: getattr(attribution, name)(model, x, target).abs().flatten(1) for name in relu_rules.CHOICES}


def kept(pictures, *layers):
    """Of each method: the mean rank correlation of |attribution| with that of a network whose `layers` are random."""
    model, x, target, before = pictures
    changed = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for layer in layers:
            for module in changed.get_submodule(layer).modules():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()
    after = strengths(changed, x, target)
    return {name: sum(spearmanr(a, b).statistic for a, b in zip(before[name], after[name])) / len(x) for name in after}


@pytest.mark.parametrize("layers", [["fc"], ["fc", "layer4"]])
def test_what_changes_least_and_most_is_true(layers, pictures):
    correlations = kept(pictures, *layers)
    best, second, *_, worst = sorted(correlations, key=correlations.get, reverse=True)
    assert best == relu_rules.LEAST and second == "deconvnet" and worst == "grad_cam"


@pytest.mark.parametrize("rule, method", [("gradient", "gradient"), ("deconvnet", "deconvnet"), ("guided", "guided_backprop")])
def test_less_bad_news_is_true(rule, method):
    class News(torch.nn.Module):
        def forward(self, p):
            x, y, z = p.flatten(1).unbind(1)
            return (F.relu(x) - F.relu(y) + 1 - F.relu(1 - z))[:, None]

    found = getattr(attribution, method)(News().eval(), torch.tensor([-2, 3, 0.5]).reshape(1, 3, 1, 1), 0)
    assert tuple(found.flatten().tolist()) == relu_rules.LESS_BAD[rule]
