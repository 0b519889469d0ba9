"""Neurons: the perceptron, gradient descent, and a multilayer perceptron with its backward pass written out.

NumPy only, and in the order of the formulas, so that code and blackboard can be read side by side.
Samples are rows everywhere: `x` has the shape (N, n), N samples of n numbers.

Sources: F. Rosenblatt, "The perceptron", Psychological Review 65, 1958 · A. Novikoff, "On convergence proofs for
perceptrons", Symposium on the Mathematical Theory of Automata, 1962 · M. Minsky and S. Papert, "Perceptrons", 1969 ·
D. Rumelhart, G. Hinton, R. Williams, "Learning representations by back-propagating errors", Nature 323, 1986 ·
K. He et al., "Delving deep into rectifiers", ICCV 2015 (the initial weights).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Parameters = list[tuple[np.ndarray, np.ndarray]]  # a layer each: weights (n_in, n_out) and bias (n_out,)


# ---- one neuron -------------------------------------------------------------------------------------------------


def step(z) -> np.ndarray:
    """The step function: 1 where z ≥ 0, else 0. Any shape; integers come out."""
    return (np.asarray(z) >= 0).astype(int)


def perceptron(x, weights, bias: float) -> np.ndarray:
    """What one neuron answers: f(x) = step(b + Σᵢ wᵢ xᵢ)  (Rosenblatt 1958).

    `x` has the shape (n,) or (N, n), `weights` (n,); returns 0 or 1, for each sample. Raises ValueError where
    x and weights do not fit.
    """
    x, weights = np.asarray(x, float), np.asarray(weights, float)
    if weights.ndim != 1 or x.shape[-1:] != weights.shape:
        raise ValueError(f"one weight for each input: x has the shape {x.shape}, so weights must be "
                         f"{x.shape[-1:]}, not {weights.shape}")
    return step(x @ weights + bias)


def perceptron_update(x, y: int, weights, bias: float, learning_rate: float = 1.0) -> tuple[np.ndarray, float]:
    """Weights and bias after looking at one sample (x, y): w + η (y − f(x)) x and b + η (y − f(x)).

    The error y − f(x) is 0 where the answer was right: then nothing changes. Raises ValueError for a label y other
    than 0 and 1.
    """
    if y not in (0, 1):
        raise ValueError(f"the label is {y}; a perceptron answers 0 or 1, so y must be 0 or 1")
    error = y - perceptron(x, weights, bias)
    return weights + learning_rate * error * np.asarray(x), bias + learning_rate * float(error)


class PerceptronTraining(NamedTuple):
    """What happened: weights (epochs + 1, n) and bias (epochs + 1,), the start included; mistakes (epochs,)."""

    weights: np.ndarray
    bias: np.ndarray
    mistakes: np.ndarray


def train_perceptron(x, y, learning_rate: float = 1.0, epochs: int = 100) -> PerceptronTraining:
    """Visit all samples in order, again and again, updating after each, until an epoch passes without a mistake.

    `x` (N, n), `y` (N,) of 0 and 1; all weights start at 0. If some line separates the classes it stops after at most
    (R / γ)² mistakes (Novikoff 1962): R is the length of the longest (1, x), γ the margin, the smallest distance of a
    (1, x) to the best hyperplane through the origin. If none does, it makes mistakes in every epoch for ever.
    Raises ValueError where x and y do not fit or y holds anything but 0 and 1.
    """
    x, y = _samples(x, y, labels=(0, 1))
    weights, bias = np.zeros(x.shape[1]), 0.0
    all_weights, all_biases, all_mistakes = [weights], [bias], []
    for _ in range(epochs):
        mistakes = 0
        for sample, label in zip(x, y):
            mistakes += int(perceptron(sample, weights, bias) != label)
            weights, bias = perceptron_update(sample, label, weights, bias, learning_rate)
        all_weights.append(weights)
        all_biases.append(bias)
        all_mistakes.append(mistakes)
        if mistakes == 0:
            break
    return PerceptronTraining(np.array(all_weights), np.array(all_biases), np.array(all_mistakes, int))


def xor_by_hand(x) -> tuple[np.ndarray, np.ndarray]:
    """XOR out of three neurons whose weights nobody learned: the hidden answers (N, 2) and the output (N,).

    f₁ = step(−x₁ − x₂ + 1.5) says "not both", f₂ = step(x₁ + x₂ − 0.5) says "at least one", and
    g = step(f₁ + f₂ − 1.5) says "both of these". `x` has the shape (N, 2).
    """
    hidden = np.stack([perceptron(x, [-1, -1], 1.5), perceptron(x, [1, 1], -0.5)], axis=-1)
    return hidden, perceptron(hidden, [1, 1], -1.5)


# ---- gradient descent -------------------------------------------------------------------------------------------


def gradient_descent(gradient: Callable, start, learning_rate: float, steps: int) -> np.ndarray:
    """Walk downhill: x ← x − η ∇f(x), `steps` times. Returns the path (steps + 1, n), the start included.

    On f(x) = ½ xᵀH x it converges from every start exactly if 0 < η < 2/λmax, λmax the largest eigenvalue of H.
    """
    path = [np.asarray(start, float)]
    for _ in range(steps):
        path.append(path[-1] - learning_rate * np.asarray(gradient(path[-1])))
    return np.array(path)


def numerical_gradient(f: Callable[[np.ndarray], float], x, h: float = 1e-5) -> np.ndarray:
    """The gradient of f at x by central differences, (f(x + h) − f(x − h)) / 2h for each entry of x.

    Two evaluations an entry: too slow for training, and the honest judge of every formula. `x` keeps its shape.
    """
    x = np.asarray(x, float)
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        nudge = np.zeros_like(x)
        nudge[index] = h
        gradient[index] = (f(x + nudge) - f(x - nudge)) / (2 * h)
    return gradient


# ---- a multilayer perceptron ------------------------------------------------------------------------------------


def initialise(sizes, seed: int = 0) -> Parameters:
    """Random weights of standard deviation √(2 / n_in) (He et al. 2015), biases 0.

    `sizes` = (inputs, hidden …, classes), at least two numbers; ValueError otherwise.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes = {tuple(sizes)}: give inputs, hidden units of each layer, classes; e.g. (2, 8, 2)")
    random = np.random.default_rng(seed)
    pairs = zip(sizes, sizes[1:])
    return [(random.normal(0, np.sqrt(2 / n_in), (n_in, n_out)), np.zeros(n_out)) for n_in, n_out in pairs]


def forward(x, parameters: Parameters) -> tuple[np.ndarray, list[np.ndarray]]:
    """From samples x (N, n) to scores (N, classes), and on the way what backward needs: the input of each layer.

    Each hidden layer computes a ← max(a W + b, 0), the ReLU; the last one a W + b. Raises ValueError where x does not
    fit the first layer.
    """
    x = np.asarray(x, float)
    n_in = len(parameters[0][0])
    if x.ndim != 2 or x.shape[1] != n_in:
        raise ValueError(f"x has the shape {x.shape}; this network wants (N, {n_in}), one row a sample")
    inputs = [x]
    for weights, bias in parameters[:-1]:
        inputs.append(np.maximum(inputs[-1] @ weights + bias, 0))
    weights, bias = parameters[-1]
    return inputs[-1] @ weights + bias, inputs


def softmax(scores) -> np.ndarray:
    """Probabilities from scores (N, classes): exp(z) over its sum along each row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))  # the same ratio, and no overflow
    return powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(scores, labels) -> float:
    """The loss: the mean of −log p(label), p the softmax of scores (N, classes); labels (N,) are class numbers.

    Raises ValueError where they do not fit or a label is no class.
    """
    scores, labels = _samples(scores, labels, labels=range(np.shape(scores)[-1]))
    scores = scores - scores.max(axis=1, keepdims=True)
    log_probability = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return float(-log_probability[np.arange(len(labels)), labels].mean())


def backward(scores, inputs: list[np.ndarray], labels, parameters: Parameters) -> Parameters:
    """The gradient of the cross-entropy for every weight and bias, in the shapes of `parameters`.

    With δ = ∂loss/∂(a W + b) of a layer: ∂loss/∂W = aᵀδ, ∂loss/∂b = Σ δ over the samples, and one layer down
    δ ← δ Wᵀ where its ReLU was open, 0 where it was shut. At the top δ = (p − one-hot) / N
    (Rumelhart, Hinton, Williams 1986). `scores` and `inputs` are what `forward` returned.
    """
    scores, labels = _samples(scores, labels, labels=range(np.shape(scores)[-1]))
    delta = (softmax(scores) - np.eye(scores.shape[1])[labels]) / len(labels)
    gradients = []
    for (weights, _), a in zip(reversed(parameters), reversed(inputs)):
        gradients.append((a.T @ delta, delta.sum(axis=0)))
        delta = delta @ weights.T * (a > 0)  # below the first layer nobody asks for it any more
    return gradients[::-1]


def train_mlp(x, labels, parameters: Parameters, learning_rate: float = 0.1, epochs: int = 100,
              batch_size: int | None = None, seed: int = 0) -> tuple[Parameters, np.ndarray]:
    """Gradient descent on the cross-entropy: the trained parameters, and the mean loss of each epoch (epochs,).

    With a `batch_size` each epoch shuffles the samples (by `seed`) and takes a step a batch; without, a step an epoch.
    The parameters that were given stay as they are.
    """
    x, labels = _samples(x, labels, labels=range(parameters[-1][0].shape[1]))
    random, size, losses = np.random.default_rng(seed), batch_size or len(x), []
    for _ in range(epochs):
        order = random.permutation(len(x)) if batch_size else np.arange(len(x))
        loss = 0.0
        for batch in np.split(order, range(size, len(x), size)):
            scores, inputs = forward(x[batch], parameters)
            loss += cross_entropy(scores, labels[batch]) * len(batch) / len(x)
            gradients = backward(scores, inputs, labels[batch], parameters)
            steps = zip(parameters, gradients)
            parameters = [(w - learning_rate * dw, b - learning_rate * db) for (w, b), (dw, db) in steps]
        losses.append(loss)
    return parameters, np.array(losses)


def _samples(x, y, labels) -> tuple[np.ndarray, np.ndarray]:
    """x as floats (N, n) and y as integers (N,), or a ValueError that says which of them is wrong."""
    x, y = np.asarray(x, float), np.asarray(y)
    if x.ndim != 2 or len(x) == 0 or y.shape != x.shape[:1]:
        raise ValueError(f"N samples in rows, (N, n), and N labels, (N,): got {x.shape} and {y.shape}")
    strangers = sorted(set(y.tolist()) - set(labels))
    if strangers:
        raise ValueError(f"labels must be whole numbers from 0 to {max(labels)}; found {strangers[:3]}")
    return x, y.astype(int)
