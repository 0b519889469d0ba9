"""Checks of notebook 08: one step uphill, total variation, a reading put to the test, a fair race."""

from __future__ import annotations

import torch

from xaitutor.checks.answers import recognise
from xaitutor.checks.verdict import Wrong, call, check
from xaitutor.maximization import channel, maximize, measure, pixels

WAVES = 5.1  # what unit 0 of layer3.1.conv2 reaches in waves, 32 steps of 0.05 from the seed 0
ORDER = ("zebra", "plain horse", "striped sofa")  # what unit 53 of layer4 responds to most, second, least


@check
def step(function) -> str:
    """Exercise 8.1: `function(a, x, rate)` is x (1, 3, H, W) after one step of gradient ascent on a, cut to [0, 1]."""
    draw = torch.Generator().manual_seed(2)
    x, slope, rate = torch.rand(1, 3, 4, 5, generator=draw), torch.randn(1, 3, 4, 5, generator=draw), 0.4

    def a(picture):
        return (slope * picture**2).sum()

    given = x.clone()
    answer = call(function, a, given, rate)
    if not torch.equal(given, x) or given.requires_grad:
        raise Wrong("your function changes the picture that it was given; begin with x.clone()")
    answer = torch.as_tensor(answer)
    if answer.shape != x.shape:
        raise Wrong(f"the picture has the shape {tuple(answer.shape)}, expected {tuple(x.shape)}")
    gradient = 2 * slope * x
    moved = x + rate * gradient
    recognise(answer.detach(), {
        "you walk downhill: add the gradient": (x - rate * gradient).clamp(0, 1),
        "cut the values to [0, 1]": moved,
        "the learning rate is missing": (x + gradient).clamp(0, 1),
        "that is the gradient; the step goes from x": gradient,
        "that is the step alone; add it to x": rate * gradient,
        "only the sign of the gradient is left; take the gradient itself": (x + rate * gradient.sign()).clamp(0, 1),
        "nothing has moved": x,
    })
    if not torch.allclose(answer.detach(), moved.clamp(0, 1), atol=1e-5):
        raise Wrong(f"the first value is {answer.flatten()[0]:.3f}, expected {moved.clamp(0, 1).flatten()[0]:.3f}")
    if answer.requires_grad:
        raise Wrong("the values are right, but the result still drags the whole graph along; end with .detach()")
    return "one step uphill, and still a picture"


@check
def variation(function) -> str:
    """Exercise 8.2: `function(x)` is the mean absolute difference of vertical neighbours, plus that of horizontal ones."""
    x = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(3))
    answer = torch.as_tensor(call(function, x.clone())).detach().float()
    if answer.numel() != 1:
        raise Wrong(f"one number is wanted, not the shape {tuple(answer.shape)}")
    down, right = x[:, :, 1:] - x[:, :, :-1], x[..., 1:] - x[..., :-1]
    wanted = down.abs().mean() + right.abs().mean()
    recognise(answer, {
        "take the mean of the differences, not their sum": down.abs().sum() + right.abs().sum(),
        "absolute values are wanted here, not squares": (down**2).mean() + (right**2).mean(),
        "without absolute values ups and downs cancel": down.mean() + right.mean(),
        "only vertical neighbours are compared; add the horizontal ones": down.abs().mean(),
        "only horizontal neighbours are compared; add the vertical ones": right.abs().mean(),
        "add the two means; you took the mean of both": wanted / 2,
        "those are differences of the channels: rows are axis 2, columns axis 3":
            (x[:, 1:] - x[:, :-1]).abs().mean() + down.abs().mean(),
        "the last row is no neighbour of the first: torch.roll joins the borders":
            (x - x.roll(1, 2)).abs().mean() + (x - x.roll(1, 3)).abs().mean(),
    }, atol=1e-6)
    if not torch.allclose(answer, wanted, atol=1e-5):
        raise Wrong(f"you get {answer.item():.4f}, expected {wanted.item():.4f}")
    return "what a rough picture has to pay"


@check
def order(answer) -> str:
    """Exercise 8.3: the three scenes, from the largest answer of unit 53 of layer4 to the smallest."""
    answer = list(answer)
    if sorted(answer) != sorted(ORDER):
        raise Wrong(f"`order` holds {', '.join(map(repr, ORDER))} in some order, not {answer}")
    if answer == list(ORDER):
        return "the horse, more than its stripes: top pictures and optimised picture could not tell you that"
    if answer == list(reversed(ORDER)):
        raise Wrong("the right order, turned round: begin with the largest answer")
    if answer.index("striped sofa") < answer.index("plain horse"):
        raise Wrong("that would make it a unit for stripes; measure the striped sofa: units.feature_maps(model, \"layer4\", batch)")
    raise Wrong("measure all three in the same scene, with the mean of channel 53 of layer4")


@check
def fair_race(rate, still_true, model, preprocess) -> str:
    """Exercise 8.4: a learning rate at which plain pixels reach nine tenths of what waves reach; what is left, "higher" or "smoother"."""
    if still_true not in ("higher", "smoother"):
        raise Wrong(f'`still_true` is "higher" or "smoother", not {still_true!r}')
    rate = float(rate)
    if not 0 < rate <= 5:
        raise Wrong(f"a rate of {rate:g} is out of question: it is above 0, and beyond 5 each step throws a pixel from black to white")
    if still_true == "higher":
        raise Wrong("with the right rate pixels climb as high as waves do: that is what this race refutes. What about the grain?")
    goal = channel("layer3.1.conv2", 0)
    found = maximize(model, goal, preprocess, parameterisation=pixels(), learning_rate=rate, steps=32, progress=False)
    reached = measure(model, goal, found.pictures, preprocess).item()
    if reached < 0.9 * WAVES:
        same = ", the rate of the ladder" if rate <= 0.06 else ""
        raise Wrong(f"at {rate:g}{same}, pixels reach {reached:.1f}, waves {WAVES}: try rates three times apart")
    return "both had the same rate, which means another step in each. With a rate of its own pixels climb as high as waves did; the claim that is left is about the grain"
