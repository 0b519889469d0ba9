"""checks.neurons: one line for each answer, and another one for each mistake."""

import numpy as np
import pytest

from xaitutor.checks import neurons as checks
from xaitutor.foundations import neurons


def momentum(x, v, g, rate, beta):
    v = beta * v - rate * g
    return x + v, v


def empty(x, labels, network):
    raise NotImplementedError


def in_place(x, v, g, rate, beta):
    v *= beta
    v -= rate * g
    return x + v, v


def leaky_in_place(upstream, z):
    upstream[z <= 0] *= SLOPE
    return upstream


def backward(change=lambda d_z1, z1: d_z1, keep=4, factor=1.0):
    """A backward pass by hand, in which `change` decides what goes through the ReLU."""
    def repaired(x, labels, network):
        (W1, b1), (W2, b2) = network
        z1 = x @ W1 + b1
        d = factor * (neurons.softmax(np.maximum(z1, 0) @ W2 + b2) - np.eye(2)[labels]) / len(x)
        d_z1 = change(d @ W2.T, z1)
        return (x.T @ d_z1, d_z1.sum(axis=0), np.maximum(z1, 0).T @ d, d.sum(axis=0))[:keep]
    return repaired


def where_open(d_z1, z1):
    return np.where(z1 > 0, d_z1, 0)


def other_bias(x, labels, network):
    dW1, _, *rest = backward(where_open)(x, labels, network)
    return dW1, np.zeros(4), *rest


def spoiled_above(x, labels, network):
    *below, dW2, db2 = backward(where_open)(x, labels, network)
    return *below, 2 * dW2, db2


THREE = [[1, 1, 1]] * 3
SLOPE = 0.1
ANSWERS = {
    "and_not": [
        ("✓ all four points", ([1, -1], -0.5)),
        ("✓ all four points", (np.array([2.0, -3.0]), np.float64(-1))),
        ("✗ (0, 0) should give 0 but lies on the line of your neuron, and step(0) = 1", ([1, -1], 0)),
        ("side for 3 of 4 points: (1, 1) should give 0, but w·x + b = 0.5", ([1, 0], -0.5)),
        ("✗ all four answers of your neuron are turned round", ([-1, 1], 0.5)),
        ("✗ your neuron answers 0 to all four points: w·x + b is below 0 everywhere", ([1, -1], -1.5)),
        ("✗ your neuron answers 1 to all four points", ([1, -1], 1.5)),
        ("✗ weights has the shape (3,), expected (2,): one weight for each input", ([1, -1, 0], -0.5)),
        ("✗ there is no answer yet", (..., -0.5)),
        ("✗ your answer cannot be used: ValueError", ("one", 0)),
    ],
    "equal": [
        ("✓ right for all four points", ([[-1, -1], [1, 1]], [1.5, -0.5], [-1, -1], 1.5)),
        ("✗ you have built XOR", ([[-1, -1], [1, 1]], [1.5, -0.5], [1, 1], -1.5)),
        ("✗ (0, 0) and (0, 1) need different answers and both arrive at (0, 0)",
         ([[1, 1], [1, 1]], [-1.5, -1.5], [1, 1], 0)),
        ("the line of your output neuron is on the right side for 3 of 4 points: (1, 1)",
         ([[-1, -1], [1, 1]], [1.5, -0.5], [0, -1], 0.5)),
        ("✗ your output neuron answers 1 to all", ([[-1, -1], [1, 1]], [1.5, -0.5], [-1, -1], 2)),
        ("✗ hidden_weights has the shape (2,), expected (2, 2)", ([1, 1], [1.5, -0.5], [1, 1], -1.5)),
    ],
    "mistake_bound": [
        ("✓ R² = 3 and γ = 1/3", (3 * 2.25 / 0.25,)),
        ("✗ that is R/γ", (np.sqrt(27),)),
        ("✗ upside down", (1 / 27,)),
        ("✗ R is too short", (18,)),
        ("✗ γ is a distance", (12,)),
        ("✗ you divided by the length of (w₁, w₂) alone", (24,)),
        ("✗ the 1 for the bias is missing", (16,)),
        ("✗ γ is the smallest", (3,)),
        ("✗ 5 is not it", (5,)),
        ("✗ one number is asked for, and you gave 2", ([1, 2],)),
    ],
    "parity": [
        ("✓ right for all eight", (THREE, [-0.5, -1.5, -2.5], [1, -1, 1], -0.5)),
        ("✗ along 'at least one, two, three'", (THREE, [-0.5, -1.5, -2.5], [1, 1, 1], -0.5)),
        ("✗ you have built 'even'", (THREE, [-0.5, -1.5, -2.5], [-1, 1, -1], 0.5)),
        ("✗ no hidden neuron looks at x₃", ([[1, 1, 0]] * 3, [-0.5, -1.5, -2.5], [1, -1, 1], -0.5)),
        ("✗ (0, 0, 1) and (0, 1, 1) need different answers and both arrive at (1, 0, 0)",
         (THREE, [-0.5, -2.5, -2.5], [1, -1, 1], -0.5)),
        ("✗ 5 of 8 are right: (0, 1, 1) should give 0, but the output's sum is 1 there",
         (THREE, [-0.5, -1.5, -2.5], [2, -0.5, 1], -0.5)),
        ("✗ hidden_weights has the shape (3, 2), expected (3, 3)", ([[1, 1]] * 3, [0, 0, 0], [1, 1, 1], 0)),
        ("✗ there is no answer yet", (..., ..., ..., ...)),
    ],
    "repaired": [
        ("✓ where a neuron was shut", (backward(where_open),)),
        ("✗ this is the code as it was", (backward(),)),
        ("✗ you stop what is negative", (backward(lambda d, z: np.maximum(d, 0)),)),
        ("✗ it stops where the neuron was shut, rightly, but also", (backward(lambda d, z: np.maximum(where_open(d, z), 0)),)),
        ("✗ you multiplied by the value", (backward(lambda d, z: d * np.maximum(z, 0)),)),
        ("✗ turned round", (backward(lambda d, z: np.where(z > 0, 0, d)),)),
        ("✗ all four are 6 times too large", (backward(where_open, factor=6),)),
        ("✗ dW1 is right, db1 is not", (other_bias,)),
        ("✗ dW2 was right before", (spoiled_above,)),
        ("✗ dW1 begins with", (backward(lambda d, z: where_open(d, z) / 2),)),
        ("✗ four arrays are asked for", (backward(where_open, keep=3),)),
        ("✗ dW1 has the shape (), and what it belongs to (2, 4)", (lambda x, labels, network: (0, 0, 0, 0),)),
        ("✗ the function is still empty", (empty,)),
    ],
    "stability_limit": [
        ("✓ λmax = 4", (2 / np.linalg.eigvalsh([[3, 1], [1, 3]]).max(),)),
        ("✗ 1/λmax would land", (0.25,)),
        ("✗ that is 2 over the smallest", (1,)),
        ("✗ that looks along the axes", (2 / 3,)),
        ("✗ that is λmax itself", (4,)),
        ("✗ that is 2 over the sum", (1 / 3,)),
        ("✗ at η = 0.1 a step multiplies the steepest direction by |1 − 4η| = 0.6", (0.1,)),
        ("✗ there is no answer yet", (None,)),
    ],
    "momentum": [
        ("✓ it remembers", (momentum,)),
        ("✗ the sign is flipped", (lambda x, v, g, rate, beta: (x + beta * v + rate * g, beta * v + rate * g),)),
        ("✗ this velocity has no learning rate",
         (lambda x, v, g, rate, beta: (x - rate * (beta * v + g), beta * v + g),)),
        ("✗ the old velocity is forgotten", (lambda x, v, g, rate, beta: (x - rate * g, -rate * g),)),
        ("✗ the old velocity is kept whole", (lambda x, v, g, rate, beta: (x + v - rate * g, v - rate * g),)),
        ("but x moved by the old one", (lambda x, v, g, rate, beta: (x + v, beta * v - rate * g),)),
        ("but x is not the old x plus it", (lambda x, v, g, rate, beta: (x, beta * v - rate * g),)),
        ("the new velocity is [0.07 0.55], not [0. 0.]", (lambda x, v, g, rate, beta: (x, 0 * v),)),
        ("✗ your function changes the arrays", (in_place,)),
        ("✗ return two things", (lambda x, v, g, rate, beta: x + beta * v - rate * g,)),
        ("✗ your function stops with TypeError", (lambda x, v: (x, v),)),
        ("✗ there is no answer yet", (...,)),
    ],
    "leaky_relu_backward": [
        ("✓ everything passes", (lambda upstream, z: upstream * np.where(z > 0, 1, SLOPE),)),
        ("✓ everything passes", (leaky_in_place,)),
        ("✗ this is the plain ReLU", (lambda upstream, z: upstream * (z > 0),)),
        ("✗ these are the slopes only", (lambda upstream, z: np.where(z > 0, 1, SLOPE),)),
        ("✗ the two slopes are swapped", (lambda upstream, z: upstream * np.where(z > 0, SLOPE, 1),)),
        ("✗ you multiplied by the value", (lambda upstream, z: upstream * np.maximum(z, SLOPE * z),)),
        ("✗ you looked at the sign of what", (lambda upstream, z: np.where(upstream > 0, upstream, SLOPE * upstream),)),
        ("✗ the gradient has the shape (); it needs that of z, (2, 2)", (lambda upstream, z: (upstream * z).sum(),)),
        ("✗ upstream 1 at z = −2 must give 0.1, not 0.2", (lambda upstream, z: upstream * np.where(z > 0, 1, 0.2),)),
    ],
}


@pytest.mark.parametrize(("name", "expected", "answer"),
                         [(name, *case) for name, cases in ANSWERS.items() for case in cases])
def test_each_answer_gets_its_line(name, expected, answer, capsys):
    assert getattr(checks, name)(*answer) is None
    line = capsys.readouterr().out
    assert expected in line and line.count("\n") == 1
    assert line.startswith("✓" if expected.startswith("✓") else "✗")


@pytest.mark.parametrize("name", ANSWERS)
def test_every_mistake_gets_its_own_line(name, capsys):
    lines = []
    for _, answer in ANSWERS[name]:
        getattr(checks, name)(*answer)
        lines.append(capsys.readouterr().out)
    wrong = [line for line in lines if line.startswith("✗")]
    assert len(wrong) >= 3 and len(set(wrong)) == len(wrong)


def test_the_repaired_pass_is_what_nudging_says_and_the_faulty_one_goes_downhill_all_the_same():
    x, labels = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    network = neurons.initialise((2, 8, 2), seed=0)

    def loss(parts):
        return neurons.cross_entropy(neurons.forward(x, parts)[0], labels)

    by_hand = backward(where_open)(x, labels, network)[0]
    # away from the kinks, at which (0, 0) stands: its bias is 0
    nudged = neurons.numerical_gradient(lambda W: loss([(W, network[0][1] + 1e-3), network[1]]), network[0][0])
    shifted = backward(where_open)(x, labels, [(network[0][0], network[0][1] + 1e-3), network[1]])[0]
    assert np.allclose(shifted, nudged, atol=1e-8) and np.allclose(by_hand, shifted, atol=1e-2)
    before = loss(network)
    for _ in range(100):
        dW1, db1, dW2, db2 = backward()(x, labels, network)
        network = [(network[0][0] - 0.1 * dW1, network[0][1] - 0.1 * db1), (network[1][0] - 0.1 * dW2, network[1][1] - 0.1 * db2)]
    assert loss(network) < before
