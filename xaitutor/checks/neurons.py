"""Checks of notebooks 01 and 02: neurons by hand, the mistake bound, learning rates, momentum, backward passes, a fault in one."""

from __future__ import annotations

import math

import numpy as np

from xaitutor.checks.verdict import Wrong, call, check
from xaitutor.foundations import neurons

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
AND_NOT = np.array([0, 0, 1, 0])
EQUAL = np.array([1, 0, 0, 1])
CUBE = np.array(list(np.ndindex(2, 2, 2)))
ODD = CUBE.sum(axis=1) % 2


def _shape(name: str, value, shape: tuple[int, ...], why: str) -> np.ndarray:
    array = np.asarray(value, float)
    if array.shape != shape:
        raise Wrong(f"{name} has the shape {array.shape}, expected {shape}: {why}")
    return array


def _number(value) -> float:
    array = np.asarray(value, float)
    if array.size != 1:
        raise Wrong(f"one number is asked for, and you gave {array.size}")
    return float(array.reshape(()))


def _close(a, b) -> bool:
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=1e-3, atol=1e-9))


# ---- notebook 01 ------------------------------------------------------------------------------------------------


def _judge_line(z: np.ndarray, y: np.ndarray, who: str) -> None:
    """Advice for one neuron with the weighted sums z at the four corners, which should answer y."""
    answers = neurons.step(z)
    right = answers == y
    if right.all():
        return
    if (answers == answers[0]).all():
        side = "at or above 0" if answers[0] else "below 0"
        raise Wrong(f"{who} answers {answers[0]} to all four points: w·x + b is {side} everywhere; move the bias")
    if not right.any():
        raise Wrong(f"all four answers of {who} are turned round: flip the signs of the weights and of the bias")
    at = int(np.flatnonzero(~right)[0])
    point = tuple(CORNERS[at].tolist())
    if z[at] == 0:
        raise Wrong(f"{point} should give 0 but lies on the line of {who}, and step(0) = 1: lower the bias a bit")
    where = f"{point} should give {y[at]}, but w·x + b = {z[at]:g} there"
    raise Wrong(f"the line of {who} is on the right side for {right.sum()} of 4 points: {where}")


@check
def and_not(weights, bias) -> str:
    """Exercise 1.1: one neuron for "x₁ and not x₂": weights (2,) and bias."""
    weights = _shape("weights", weights, (2,), "one weight for each input")
    _judge_line(CORNERS @ weights + _number(bias), AND_NOT, "your neuron")
    return "all four points are on the right side: w₁ speaks for the answer 1, w₂ against it, and the bias sets the bar"


@check
def equal(hidden_weights, hidden_bias, output_weights, output_bias) -> str:
    """Exercise 1.2: two hidden neurons (a row of hidden_weights each) and one on top that say whether x₁ = x₂."""
    rows = _shape("hidden_weights", hidden_weights, (2, 2), "a row for each hidden neuron")
    biases = _shape("hidden_bias", hidden_bias, (2,), "one bias for each hidden neuron")
    weights = _shape("output_weights", output_weights, (2,), "one weight for each hidden neuron")
    hidden = neurons.step(CORNERS @ rows.T + biases)
    for a in range(4):
        for b in range(a):
            if EQUAL[a] != EQUAL[b] and (hidden[a] == hidden[b]).all():
                places = f"{tuple(CORNERS[b].tolist())} and {tuple(CORNERS[a].tolist())}"
                where = f"{places} need different answers and both arrive at {tuple(hidden[a].tolist())}"
                raise Wrong(f"{where}: no output neuron can part them any more; change the hidden ones")
    z = hidden @ weights + _number(output_bias)
    if (neurons.step(z) == 1 - EQUAL).all():
        raise Wrong("you have built XOR, the opposite: keep the hidden layer, and turn the output neuron round")
    _judge_line(z, EQUAL, "your output neuron")
    return "right for all four points, with three neurons"


@check
def mistake_bound(bound) -> str:
    """Exercise 1.3: Novikoff's (R / γ)² for OR and the line x₁ + x₂ − 0.5 = 0; 27."""
    bound = _number(bound)
    slips = {
        math.sqrt(27): "that is R/γ; the bound is its square",
        1 / 27: "upside down: it is R over γ",
        18: "R is too short: each sample carries a 1 for the bias, so the longest is (1, 1, 1)",
        12: "γ is a distance: divide the smallest |w·x + b| by the length of (b, w₁, w₂)",
        24: "you divided by the length of (w₁, w₂) alone; here the bias is a weight like the others and belongs in",
        16: "the 1 for the bias is missing, in R as in the length of the weights",
        3: "γ is the smallest of the four distances; you took the largest",
    }
    for slip, advice in slips.items():
        if _close(bound, slip):
            raise Wrong(advice)
    if not _close(bound, 27):
        raise Wrong(f"{bound:g} is not it: R² = 3; γ is the smallest |w·x + b| over the length of (b, w₁, w₂)")
    return "R² = 3 and γ = 1/3: at most 27 mistakes, in whatever order the points come"


@check
def parity(hidden_weights, hidden_bias, output_weights, output_bias) -> str:
    """Exercise 1.4: three hidden neurons (a row of hidden_weights each) and one on top that say whether x₁ + x₂ + x₃ is odd."""
    rows = _shape("hidden_weights", hidden_weights, (3, 3), "a row for each hidden neuron, a weight for each switch")
    biases = _shape("hidden_bias", hidden_bias, (3,), "one bias for each hidden neuron")
    weights = _shape("output_weights", output_weights, (3,), "one weight for each hidden neuron")
    hidden = neurons.step(CUBE @ rows.T + biases)
    z = hidden @ weights + _number(output_bias)
    answers = neurons.step(z)
    if (answers == ODD).all():
        return ("right for all eight, with four neurons. Two places cannot be: a hidden neuron that told them apart would be the lamp, "
                "or its opposite, by itself")
    if (answers == 1 - ODD).all():
        raise Wrong("you have built 'even': keep the hidden layer, and turn the output neuron round")
    for k in range(3):
        if (rows[:, k] == 0).all():
            raise Wrong(f"no hidden neuron looks at x{'₁₂₃'[k]}: flipping that switch changes nothing, and it should change the lamp")
    for a in range(8):
        for b in range(a):
            if ODD[a] != ODD[b] and (hidden[a] == hidden[b]).all():
                places = f"{tuple(CUBE[b].tolist())} and {tuple(CUBE[a].tolist())}"
                where = f"{places} need different answers and both arrive at {tuple(hidden[a].tolist())}"
                raise Wrong(f"{where}: no output neuron can part them any more; change the hidden ones")
    if (weights >= 0).all() or (weights <= 0).all():
        raise Wrong("along 'at least one, two, three' the answer goes up, down and up again, and so must the output's weights: "
                    "they cannot all have the same sign")
    at = int(np.flatnonzero(answers != ODD)[0])
    where = f"{tuple(CUBE[at].tolist())} should give {ODD[at]}, but the output's sum is {z[at]:g} there"
    raise Wrong(f"{(answers == ODD).sum()} of 8 are right: {where}")


# ---- notebook 02 ------------------------------------------------------------------------------------------------


@check
def stability_limit(limit) -> str:
    """Exercise 2.1: the learning rate at which descent on 1.5 x² + x y + 1.5 y² stops converging; 0.5."""
    limit = _number(limit)
    slips = {
        0.25: "1/λmax would land on the floor in one step; you may overshoot, up to twice as far",
        1.0: "that is 2 over the smallest curvature; the steepest direction blows up first",
        2 / 3: "that looks along the axes, and the steepest direction lies between: eigenvalues, not diagonal",
        4.0: "that is λmax itself; the limit is 2 divided by it",
        1 / 3: "that is 2 over the sum of the curvatures: stable, but the limit lies higher, only the largest counts",
    }
    for slip, advice in slips.items():
        if _close(limit, slip):
            raise Wrong(advice)
    if not _close(limit, 0.5):
        factor = f"|1 − 4η| = {abs(1 - 4 * limit):g}"
        raise Wrong(f"at η = {limit:g} a step multiplies the steepest direction by {factor}; at the limit by 1")
    return "λmax = 4, so the limit is 2/4 = 0.5"


@check
def momentum(step) -> str:
    """Exercise 2.2: step(x, velocity, gradient, learning_rate, beta) → (x, velocity): v ← β v − η g, x ← x + v."""
    x, v, g = np.array([1.0, -2.0]), np.array([0.3, 0.5]), np.array([2.0, -1.0])
    before = x.copy(), v.copy()
    answer = call(step, x, v, g, 0.1, 0.9)
    if not (np.array_equal(x, before[0]) and np.array_equal(v, before[1])):
        raise Wrong("your function changes the arrays it was given (+= and −= on arrays do that): compute new ones")
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Wrong("return two things, the new position and the new velocity: return x, velocity")
    new_x, new_v = (np.asarray(part, float) for part in answer)
    right_v = 0.9 * v - 0.1 * g
    if _close(new_v, 0.9 * v + 0.1 * g):
        raise Wrong("the sign is flipped: the gradient points uphill, and you walked uphill")
    if _close(new_v, 0.9 * v + g):
        raise Wrong("this velocity has no learning rate in it and no minus: it is PyTorch's form; here v ← βv − ηg")
    if _close(new_v, -0.1 * g):
        raise Wrong("the old velocity is forgotten: this is plain gradient descent, with nothing carried over")
    if _close(new_v, v - 0.1 * g):
        raise Wrong("the old velocity is kept whole: without the factor β it never slows down")
    if _close(new_v, right_v) and _close(new_x, x + v):
        raise Wrong("the velocity is right, but x moved by the old one: update the velocity first")
    if _close(new_v, right_v) and not _close(new_x, x + right_v):
        raise Wrong("the velocity is right, but x is not the old x plus it")
    if not _close(new_v, right_v):
        raise Wrong(f"from v = {v}, g = {g}, η = 0.1, β = 0.9 the new velocity is {right_v}, not {new_v}")
    return "it remembers where it was going: along the valley steps add up, across it they cancel"


@check
def leaky_relu_backward(backward) -> str:
    """Exercise 2.3: backward(upstream, z) of the leaky ReLU, max(z, 0.1 z): upstream · (1 where z > 0, else 0.1)."""
    z, upstream = np.array([[-2.0, 3.0], [0.5, -0.25]]), np.array([[1.0, -2.0], [4.0, 8.0]])
    slope = np.where(z > 0, 1, 0.1)
    got = np.asarray(call(backward, upstream.copy(), z.copy()), float)
    if got.shape != z.shape:
        raise Wrong(f"the gradient has the shape {got.shape}; it needs that of z, {z.shape}")
    if _close(got, upstream * (z > 0)):
        raise Wrong("this is the plain ReLU: where z is negative nothing comes back, and a dead unit stays dead")
    if _close(got, slope):
        raise Wrong("these are the slopes only: chain rule, times what comes from upstream")
    if _close(got, upstream * np.where(z > 0, 0.1, 1)):
        raise Wrong("the two slopes are swapped: it leaks where z is negative")
    if _close(got, upstream * np.maximum(z, 0.1 * z)):
        raise Wrong("you multiplied by the value of the leaky ReLU; backward needs its slope")
    if _close(got, np.maximum(upstream, 0.1 * upstream)):
        raise Wrong("you looked at the sign of what comes from upstream; the sign of z decides")
    if not _close(got, upstream * slope):
        raise Wrong(f"upstream 1 at z = −2 must give 0.1, not {got[0, 0]:g}; −2 at z = 3 gives −2, not {got[0, 1]:g}")
    return "everything passes where z > 0, a tenth of it elsewhere: no unit is ever quite dead"


@check
def repaired(function) -> str:
    """Exercise 2.4: function(x, labels, network) gives dW1, db1, dW2, db2 of the mean cross-entropy of a network with one hidden layer."""
    random = np.random.default_rng(5)
    x, labels = random.normal(size=(6, 2)), np.array([0, 1, 1, 0, 1, 0])
    network = [(random.normal(size=(2, 4)), random.normal(size=4)), (random.normal(size=(4, 2)), random.normal(size=2))]
    scores, inputs = neurons.forward(x, network)
    right = [part for pair in neurons.backward(scores, inputs, labels, network) for part in pair]
    answer = call(function, x.copy(), labels.copy(), [(W.copy(), b.copy()) for W, b in network])
    if not isinstance(answer, tuple | list) or len(answer) != 4:
        raise Wrong("four arrays are asked for, in this order: return dW1, db1, dW2, db2")
    names, answer = ("dW1", "db1", "dW2", "db2"), [np.asarray(part, float) for part in answer]
    for name, mine, true in zip(names, answer, right):
        if mine.shape != true.shape:
            raise Wrong(f"{name} has the shape {mine.shape}, and what it belongs to {true.shape}")
    if all(map(_close, answer, right)):
        return "where a neuron was shut, nothing comes back. A loss that falls does not prove the gradient; nudging does"
    if all(_close(mine, len(x) * true) for mine, true in zip(answer, right)):
        raise Wrong(f"all four are {len(x)} times too large: the loss is a mean over the samples, / len(x)")
    for name, mine, true in zip(names[2:], answer[2:], right[2:]):
        if not _close(mine, true):
            raise Wrong(f"{name} was right before, and is not any more: the fault lies further down")
    d = (neurons.softmax(scores) - np.eye(2)[labels]) / len(x)
    blame, a1 = d @ network[1][0].T, inputs[1]
    for d_z1, advice in (
        (blame, "this is the code as it was: dW1 and db1 differ from the nudged ones, since blame goes on where a neuron was shut"),
        (np.maximum(blame, 0), "you stop what is negative; it must stop where the neuron was shut, whatever its sign"),
        (np.where(a1 > 0, np.maximum(blame, 0), 0), "it stops where the neuron was shut, rightly, but also where the blame is "
         "negative (notebook 12 meets this rule again: guided backpropagation)"),
        (blame * a1, "you multiplied by the value of the ReLU; backward needs its slope, which is 1 or 0"),
        (np.where(a1 > 0, 0, blame), "turned round: blame passes where the neuron was open"),
    ):
        if _close(answer[0], x.T @ d_z1):
            raise Wrong(advice)
    if _close(answer[0], right[0]):
        raise Wrong("dW1 is right, db1 is not: the bias hears the same blame, summed over the samples")
    raise Wrong(f"dW1 begins with {answer[0][0, 0]:.4f}, and nudging says {right[0][0, 0]:.4f}")
