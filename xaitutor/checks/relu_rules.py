"""Checks of notebook 12: back through a ReLU, back through max pooling, what is deaf to the top, and to less bad news."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from xaitutor.checks.answers import shaped
from xaitutor.checks.comparison import compare, worst
from xaitutor.checks.verdict import Wrong, call, check

CHOICES = ("gradient", "deconvnet", "guided_backprop", "grad_cam")
LEAST = "guided_backprop"  # changes least when the top is random; a test measures it
LESS_BAD = {"gradient": (0, -1, 1), "deconvnet": (1, 0, 0), "guided": (0, 0, 0)}  # a test asks the rules themselves


@check
def back(function) -> str:
    """Exercise 12.1: `function(rule, x, g)`: back through a ReLU: "gradient", "deconvnet", "guided"."""
    draw = torch.Generator().manual_seed(14)
    x, g = torch.randn(4, 6, generator=draw), torch.randn(4, 6, generator=draw)
    x[0, :2], g[0, :2] = 0, torch.tensor([1.5, -0.5])  # exactly zero went in: nothing of the gradient comes back
    rules = {"gradient": g * (x > 0), "deconvnet": g.relu(), "guided": g.relu() * (x > 0)}
    for rule, expected in rules.items():
        given_x, given_g = x.clone(), g.clone()
        answer = shaped(call(function, rule, given_x, given_g), (4, 6), "that of x and of g").float()
        if not torch.allclose(answer, expected):
            raise Wrong(f"for rule={rule!r}: {_wrong_way_back(answer, x, g, rule, rules)}")
        for name, given, before in (("x", given_x, x), ("g", given_g, g)):
            if not torch.equal(given, before):
                raise Wrong(f"the numbers are right, but your function overwrites {name}; work on a new tensor")
    return "three ways back: one asks what went in, one asks what comes back, one asks both"


@check
def unpool(function) -> str:
    """Exercise 12.2: `function(g, switches, size)`: g (h, w) back through a 2 × 2 max pooling: (H, W)."""
    draw = torch.Generator().manual_seed(15)
    for height, width in ((6, 6), (4, 8)):  # in a square, rows and columns can be mixed up without an error
        below = torch.randn(1, height, width, generator=draw)
        switches = F.max_pool2d(below, 2, return_indices=True)[1][0]
        g = torch.randn(switches.shape, generator=draw)
        try:
            answer = call(function, g.clone(), switches.clone(), (height, width))
        except Wrong as wrong:
            mixed_up = "IndexError" in str(wrong) and height != width
            raise (Wrong("rows and columns are mixed up: row = switch // W, column = switch % W") if mixed_up else wrong) from None
        expected = _placed(g, switches, height, width)
        compare(shaped(answer, (height, width), "that is `size`"), expected, _wrong_places(g, switches, expected))
    return "each g goes where its maximum was, the other three places get nothing: the gradient of max pooling"


@check
def least(answer) -> str:
    """Exercise 12.3: whose map changes least when the top of the network is replaced by random weights."""
    if answer not in CHOICES:
        raise Wrong(f"there is no method {answer!r}; there is {', '.join(CHOICES)}")
    advice = {
        "gradient": "not the gradient: it loses a good part of its map. Compare all four before and after",
        "deconvnet": "near: with a random last layer it hardly changes; make layer4 random, too, and compare the four",
        "grad_cam": "Grad-CAM changes the most: the top says which maps count, and a random top points elsewhere",
    }
    if answer != LEAST:
        raise Wrong(advice[answer])
    return "it draws the same picture, whatever the top of the network knows: a fine map is no explanation yet"


@check
def less_bad(answers) -> str:
    """Exercise 12.4: f = ReLU(x) − ReLU(y) + 1 − ReLU(1 − z) at (−2, 3, 0.5), back by the three rules."""
    if not isinstance(answers, dict) or set(answers) != set(LESS_BAD):
        raise Wrong('give a dictionary with the keys "gradient", "deconvnet" and "guided"')
    found = {rule: tuple(torch.as_tensor(answers[rule]).double().flatten().tolist()) for rule in LESS_BAD}
    for rule, three in found.items():
        if len(three) != 3:
            raise Wrong(f"{rule}: expected three numbers, for x, y and z; you give {len(three)}")
    gradient, deconvnet, guided = found.values()
    for is_so, advice in (
        (gradient[0] == 1, "gradient: x is negative, its ReLU is shut"),
        (gradient[1] == 0, "gradient: bad news passes, too, where the ReLU is open"),
        (gradient[1] == 1, "gradient: more of y is less of f"),
        (gradient[2] == -1, "gradient: two minuses, less of 1 − z is more of f"),
        (gradient[2] == 0, "gradient: at z = 0.5 the third ReLU is open"),
        (deconvnet[0] == 0, "deconvnet: it does not ask whether x was positive"),
        (guided[0] == 1, "guided: it asks what went in, too, and x was negative"),
        (deconvnet[1] != 0 or guided[1] != 0, "at the ReLU of y arrives −1, and without bad news it does not pass"),
        (deconvnet[2] != 0 or guided[2] != 0,
         "−1 arrives at the third ReLU: bad news is stopped there, before the second minus makes it good"),
    ):
        if is_so:
            raise Wrong(advice)
    for rule, expected in LESS_BAD.items():
        if found[rule] != expected:
            raise Wrong(f"{rule}: not {', '.join(f'{one:g}' for one in found[rule])}; each is what its ReLU passes on, times the slope inside it: 1 for x and y, −1 for 1 − z")
    return "guided backpropagation is blank here: evidence that comes as less bad news does not get through"


def _wrong_way_back(answer, x, g, rule, rules) -> str:
    kept = g if rule == "gradient" else g.relu()
    zero = ("this rule does not ask what went in, only what comes back" if rule == "deconvnet"
            else "where exactly 0 went in, nothing goes back: x > 0, not x >= 0")
    for other, result in rules.items():
        if other != rule and torch.allclose(answer, result):
            return f"that is what the rule {other!r} gives"
    for advice, mistake in {
        zero: kept * (x >= 0),
        "only pass on or stop; do not multiply by x": rules[rule] * x,
        "do not multiply by x: ask only whether it was positive": g * x.relu(),
        "that is the way forward, relu(x); what goes back is made of g": x.relu(),
        "g comes back unchanged: what does the rule stop?": g,
        "that is 1 where something goes back; multiply with g": (rules[rule] != 0).float(),
        "that is 1 where x is positive; multiply with g": (x > 0).float(),
        "x and g are mixed up: g is what goes back": x * (g > 0) if rule == "gradient" else x.relu() * (g > 0),
        "turned round: that lets only negative g back": g.clamp(max=0),
        "turned round: that stops where x was positive": kept * (x <= 0),
        "no absolute values: a negative g is stopped, or goes back as it is": rules["gradient"].abs(),
        "a negative g is stopped, it does not change its sign": g.abs(),
    }.items():
        if torch.allclose(answer, mistake):
            return advice
    at, expected = worst(answer, rules[rule]), rules[rule] + 0  # + 0 turns −0 into 0
    return f"where x = {x[at]:.2f} and g = {g[at]:.2f} you get {answer[at]:.2f}, expected {expected[at]:.2f}"


def _placed(g: torch.Tensor, switches: torch.Tensor, height: int, width: int) -> torch.Tensor:
    return torch.zeros(height * width).scatter(0, switches.flatten(), g.flatten()).reshape(height, width)


def _wrong_places(g, switches, expected) -> dict[str, torch.Tensor]:
    height, width = expected.shape
    spread = g.repeat_interleave(2, 0).repeat_interleave(2, 1)
    corner = torch.zeros(height, width)
    corner[::2, ::2] = g
    return {
        "all four places get g; only the one whose value was the maximum does, at its switch": spread,
        "a quarter for each is the way back through average pooling; here all of g goes to one place": spread / 4,
        "every g is in the top left corner of its window; the switch says where it belongs": corner,
        "rows and columns are mixed up: row = switch // W, column = switch % W": _placed(g, switches, width, height).T,
        "the right places, but all of g goes there: divide by nothing": expected / 4,
        "the right places; put g there, not 1": (expected != 0).float(),
        "the right places, but negative g go back, too: this is no ReLU": expected.relu(),
        "zero elsewhere: yours has the switches themselves": _placed(switches.float(), switches, height, width),
    }
