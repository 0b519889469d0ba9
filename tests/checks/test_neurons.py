"""checks.neurons: one line for each answer, and another one for each mistake."""

import numpy as np
import pytest

from xaitutor.checks import neurons as checks


def momentum(x, v, g, rate, beta):
    v = beta * v - rate * g
    return x + v, v


def in_place(x, v, g, rate, beta):
    v *= beta
    v -= rate * g
    return x + v, v


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
