"""neurons: closed forms, published bounds, finite differences, autograd and scikit-learn say the same."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import Perceptron
from sklearn.neural_network import MLPClassifier

from xaitutor.foundations import neurons

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
TABLES = {"and": [0, 0, 0, 1], "or": [0, 1, 1, 1], "xor": [0, 1, 1, 0], "equal": [1, 0, 0, 1]}
seeds = st.integers(0, 10_000)


def test_step_is_one_at_zero():
    assert neurons.step([-2, -1e-12, 0.0, 1e-12, 2]).tolist() == [0, 0, 1, 1, 1]
    assert neurons.step(0) == 1


def test_perceptron_answers_one_sample_and_many():
    assert neurons.perceptron([1, 1], [1, 1], -1.5) == 1
    assert neurons.perceptron(CORNERS, [1, 1], -1.5).tolist() == TABLES["and"]


def test_perceptron_refuses_weights_that_do_not_fit():
    with pytest.raises(ValueError, match=r"one weight for each input.*\(2,\), not \(3,\)"):
        neurons.perceptron(CORNERS, [1, 1, 1], 0)
    with pytest.raises(ValueError, match="one weight for each input"):
        neurons.perceptron(CORNERS, [[1, 1]], 0)


def test_update_is_equation_1_5_and_1_6():
    weights, bias = neurons.perceptron_update([2.0, 3.0], 0, np.array([1.0, 1.0]), 0.5, learning_rate=0.1)
    assert np.allclose(weights, [0.8, 0.7]) and np.isclose(bias, 0.4)  # it said 1: away from x
    weights, bias = neurons.perceptron_update([2.0, 3.0], 1, np.array([-1.0, -1.0]), 0.5, learning_rate=0.1)
    assert np.allclose(weights, [-0.8, -0.7]) and np.isclose(bias, 0.6)  # it said 0: towards x
    weights, bias = neurons.perceptron_update([2.0, 3.0], 1, np.array([1.0, 1.0]), 0.5)
    assert weights.tolist() == [1, 1] and bias == 0.5  # it was right: as before
    with pytest.raises(ValueError, match="the label is -1"):
        neurons.perceptron_update([1, 1], -1, [1, 1], 0)


@pytest.mark.parametrize(("name", "mistakes"), [("and", [2, 3, 3, 2, 1, 0]), ("or", [2, 2, 1, 0])])
def test_and_and_or_are_learned(name, mistakes):
    training = neurons.train_perceptron(CORNERS, TABLES[name])
    assert training.mistakes.tolist() == mistakes
    assert neurons.perceptron(CORNERS, training.weights[-1], training.bias[-1]).tolist() == TABLES[name]
    assert training.weights.shape == (len(mistakes) + 1, 2) and training.bias.shape == (len(mistakes) + 1,)


def test_fourteen_of_the_sixteen_tables_are_learned():
    failed = []
    for number in range(16):
        y = [number >> k & 1 for k in (3, 2, 1, 0)]
        if neurons.train_perceptron(CORNERS, y).mistakes[-1] > 0:
            failed.append(y)
    assert failed == [TABLES["xor"], TABLES["equal"]]


@given(order=st.permutations(range(4)), learning_rate=st.sampled_from([0.25, 0.5, 1.0, 2.0]))
def test_xor_never_passes_an_epoch_without_a_mistake(order, learning_rate):
    training = neurons.train_perceptron(CORNERS[order], np.array(TABLES["xor"])[order], learning_rate, epochs=60)
    assert len(training.mistakes) == 60 and training.mistakes.min() > 0
    states = [tuple(row) for row in np.column_stack([training.weights, training.bias])]
    assert len(set(states)) < len(states)  # a state comes back, so the rest is repetition


def test_xor_in_the_notebooks_order_returns_to_the_same_line():
    training = neurons.train_perceptron(CORNERS, TABLES["xor"], epochs=1000)
    assert training.mistakes[:3].tolist() == [3, 3, 4] and set(training.mistakes[2:]) == {4}
    assert (training.weights[2:] == [-1, 0]).all() and (training.bias[2:] == 0).all()


@given(seed=seeds, n=st.integers(1, 6), samples=st.integers(20, 60))
@settings(deadline=None)
def test_separable_data_are_learned_within_novikoffs_bound(seed, n, samples):
    random = np.random.default_rng(seed)
    normal = random.normal(size=n + 1)
    normal /= np.linalg.norm(normal)
    x = np.column_stack([np.ones(samples), random.uniform(-1, 1, (samples, n))])  # the 1 carries the bias
    x = x[np.abs(x @ normal) > 0.05]  # a narrower margin would have to be waited for
    assume(len(x) > 1)
    y = neurons.step(x @ normal)
    bound = (np.linalg.norm(x, axis=1).max() / np.abs(x @ normal).min()) ** 2
    training = neurons.train_perceptron(x[:, 1:], y, epochs=int(bound) + 2)
    assert training.mistakes[-1] == 0
    assert training.mistakes.sum() <= bound


def test_scikit_learns_perceptron_takes_the_same_steps():
    x = np.random.default_rng(3).normal(size=(60, 4))
    y = neurons.step(x @ [1, -2, 0.5, 1] + 0.3)
    first = np.flatnonzero(y == 0)[0]  # at w = 0 scikit-learn moves for either label, we for 0 only: start with that
    x, y = np.roll(x, -first, axis=0), np.roll(y, -first)
    ours = neurons.train_perceptron(x, y, epochs=500)
    theirs = Perceptron(shuffle=False, tol=None, max_iter=500, eta0=1.0).fit(x, y)
    assert ours.mistakes[-1] == 0 and ours.mistakes.sum() > 10
    assert np.allclose(ours.weights[-1], theirs.coef_[0]) and np.isclose(ours.bias[-1], theirs.intercept_[0])


@pytest.mark.parametrize(("x", "y", "message"), [
    (CORNERS, [0, 1, 1], "got (4, 2) and (3,)"),
    ([0, 1], [0, 1], "got (2,) and (2,)"),
    (np.zeros((0, 2)), [], "got (0, 2) and (0,)"),
    (CORNERS, [-1, 1, 1, -1], "from 0 to 1; found [-1]"),
    (CORNERS, [0, 1, 2, 0.5], "found [0.5, 2.0]"),
])
def test_training_refuses_samples_that_do_not_fit(x, y, message):
    with pytest.raises(ValueError) as error:
        neurons.train_perceptron(x, y)
    assert message in str(error.value)


def test_xor_by_hand_is_the_essays_table():
    hidden, output = neurons.xor_by_hand(CORNERS)
    table = np.column_stack([CORNERS, hidden, output])
    assert table.tolist() == [[0, 0, 1, 0, 0], [0, 1, 1, 1, 1], [1, 0, 1, 1, 1], [1, 1, 0, 1, 0]]
    between = np.random.default_rng(0).uniform(-1, 2, (200, 2))
    assert np.array_equal(neurons.xor_by_hand(between)[0], np.stack([between.sum(1) < 1.5, between.sum(1) > 0.5], axis=1))


# ---- gradient descent -------------------------------------------------------------------------------------------


@given(seed=seeds, n=st.integers(1, 5), share=st.floats(0.05, 1.9))
def test_descent_on_a_bowl_follows_the_closed_form(seed, n, share):
    random = np.random.default_rng(seed)
    a = random.normal(size=(n, n))
    hessian = a @ a.T + np.eye(n)
    start, rate = random.normal(size=n), share / np.linalg.eigvalsh(hessian).max()
    path = neurons.gradient_descent(lambda x: hessian @ x, start, rate, steps=7)
    expected = np.linalg.matrix_power(np.eye(n) - rate * hessian, 7) @ start
    assert path.shape == (8, n) and path[0].tolist() == start.tolist()
    assert np.allclose(path[-1], expected, rtol=1e-9, atol=1e-12)


def test_the_limit_is_two_over_the_largest_eigenvalue():
    curvature = np.array([1.0, 20.0])

    def end(rate):
        return np.abs(neurons.gradient_descent(lambda x: curvature * x, [8, 1], rate, steps=2000)[-1]).max()

    assert end(2 / 20 * 0.999) < 0.2 and end(2 / 20 * 1.001) > 50
    assert np.isclose(end(2 / 20), 1)  # exactly at the limit it jumps to and fro for ever


@given(seed=seeds)
def test_numerical_gradient_of_a_quadratic_form(seed):
    random = np.random.default_rng(seed)
    a, x = random.normal(size=(6, 6)), random.normal(size=(2, 3))
    gradient = neurons.numerical_gradient(lambda v: v.ravel() @ a @ v.ravel(), x)
    assert gradient.shape == x.shape
    assert np.allclose(gradient.ravel(), (a + a.T) @ x.ravel(), atol=1e-7)


# ---- a multilayer perceptron ------------------------------------------------------------------------------------


def network(seed, sizes, samples):
    random = np.random.default_rng(seed)
    parameters = [(w, random.normal(0, 0.5, b.shape)) for w, b in neurons.initialise(sizes, seed)]
    return parameters, random.normal(size=(samples, sizes[0])), random.integers(0, sizes[-1], samples)


def relative(a, b):
    return np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-3)


shapes = st.tuples(st.integers(1, 4), st.lists(st.integers(1, 5), max_size=3), st.integers(2, 4)).map(
    lambda s: (s[0], *s[1], s[2]))


@given(seed=seeds, sizes=shapes, samples=st.integers(1, 6))
@settings(deadline=None)
def test_backward_equals_autograd(seed, sizes, samples):
    parameters, x, labels = network(seed, sizes, samples)
    tensors = [tuple(torch.tensor(p, requires_grad=True) for p in layer) for layer in parameters]
    a = torch.tensor(x)
    for weights, bias in tensors[:-1]:
        a = torch.relu(a @ weights + bias)
    loss = torch.nn.functional.cross_entropy(a @ tensors[-1][0] + tensors[-1][1], torch.tensor(labels))
    loss.backward()
    scores, inputs = neurons.forward(x, parameters)
    assert np.isclose(neurons.cross_entropy(scores, labels), loss.item(), rtol=1e-12)
    for ours, theirs in zip(neurons.backward(scores, inputs, labels, parameters), tensors):
        for gradient, tensor in zip(ours, theirs):
            assert gradient.shape == tensor.shape
            assert relative(gradient, tensor.grad.numpy()) < 1e-6


@given(seed=seeds, sizes=shapes, samples=st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_backward_equals_finite_differences(seed, sizes, samples):
    parameters, x, labels = network(seed, sizes, samples)
    scores, inputs = neurons.forward(x, parameters)
    sums = [a @ w + b for a, (w, b) in zip(inputs, parameters[:-1])]
    assume(all(np.abs(z).min() > 1e-3 for z in sums))  # a ReLU has no derivative at its corner
    gradients = neurons.backward(scores, inputs, labels, parameters)
    for layer, pair in enumerate(parameters):
        for part in range(2):
            def loss(value):
                changed = [list(p) for p in parameters]
                changed[layer][part] = value
                return neurons.cross_entropy(neurons.forward(x, changed)[0], labels)

            assert relative(gradients[layer][part], neurons.numerical_gradient(loss, pair[part])) < 1e-6


def test_softmax_and_loss_survive_large_scores():
    scores = np.array([[1000.0, 0.0], [0.0, 1000.0]])
    assert neurons.softmax(scores).tolist() == [[1, 0], [0, 1]]
    assert neurons.cross_entropy(scores, [0, 0]) == 500


def test_equal_scores_cost_the_logarithm_of_the_number_of_classes():
    assert np.isclose(neurons.cross_entropy(np.zeros((3, 10)), [0, 5, 9]), np.log(10))


def test_first_weights_have_hes_spread_and_come_from_the_seed():
    (weights, bias), _ = neurons.initialise((500, 400, 2), seed=1)
    assert weights.shape == (500, 400) and not bias.any()
    assert np.isclose(weights.std(), np.sqrt(2 / 500), rtol=0.01)
    assert np.array_equal(weights, neurons.initialise((500, 400, 2), seed=1)[0][0])
    assert not np.array_equal(weights, neurons.initialise((500, 400, 2), seed=2)[0][0])


def test_equal_weights_stay_equal_and_zero_weights_stay_zero():
    alike = [(np.full((2, 4), 0.5), np.zeros(4)), (np.array([[0.3, -0.3]] * 4), np.zeros(2))]
    trained, _ = neurons.train_mlp(CORNERS, TABLES["or"], alike, 0.5, 200)
    assert np.ptp(trained[0][0], axis=1).max() < 1e-12 and not np.allclose(trained[0][0], 0.5)
    zero = [(np.zeros((2, 4)), np.zeros(4)), (np.zeros((4, 2)), np.zeros(2))]
    trained, _ = neurons.train_mlp(CORNERS, TABLES["or"], zero, 0.5, 200)
    assert not trained[0][0].any() and not trained[1][0].any() and trained[1][1].any()


def test_mlp_learns_xor():
    start = neurons.initialise((2, 8, 2), seed=0)
    kept = [w.copy() for w, _ in start]
    trained, losses = neurons.train_mlp(CORNERS, TABLES["xor"], start, 0.5, 2000)
    scores, _ = neurons.forward(CORNERS, trained)
    assert scores.argmax(axis=1).tolist() == TABLES["xor"]
    assert losses.shape == (2000,) and losses[-1] < 0.01 < losses[0]
    assert all(np.array_equal(a, w) for a, (w, _) in zip(kept, start))


def test_mlp_learns_digits_as_scikit_learns_does():
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[:-500], order[-500:]
    start = neurons.initialise((64, 32, 10))
    trained, losses = neurons.train_mlp(x[train] / 16, y[train], start, 0.2, 40, batch_size=32)
    accuracy = (neurons.forward(x[test] / 16, trained)[0].argmax(axis=1) == y[test]).mean()
    theirs = MLPClassifier((32,), solver="sgd", learning_rate_init=0.2, momentum=0, alpha=0, batch_size=32,
                           max_iter=40, n_iter_no_change=99, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        theirs.fit(x[train] / 16, y[train])
    assert accuracy > 0.95 and losses[-1] < 0.1
    assert abs(accuracy - theirs.score(x[test] / 16, y[test])) < 0.02


def test_one_batch_of_all_samples_is_plain_gradient_descent():
    parameters, x, labels = network(5, (3, 4, 3), 6)
    scores, inputs = neurons.forward(x, parameters)
    gradients = neurons.backward(scores, inputs, labels, parameters)
    trained, losses = neurons.train_mlp(x, labels, parameters, 0.3, epochs=1)
    assert np.allclose(losses, [neurons.cross_entropy(scores, labels)])
    for after, before, gradient in zip(trained, parameters, gradients):
        for part in range(2):
            assert np.allclose(after[part], before[part] - 0.3 * gradient[part])
    shuffled, _ = neurons.train_mlp(x, labels, parameters, 0.3, epochs=1, batch_size=100)
    assert np.allclose(shuffled[0][0], trained[0][0])


def test_network_refuses_what_does_not_fit():
    parameters = neurons.initialise((2, 3, 2))
    with pytest.raises(ValueError, match=r"this network wants \(N, 2\)"):
        neurons.forward(np.zeros((4, 3)), parameters)
    with pytest.raises(ValueError, match=r"this network wants \(N, 2\)"):
        neurons.forward([0, 1], parameters)
    with pytest.raises(ValueError, match=r"from 0 to 1; found \[2\]"):
        neurons.train_mlp(CORNERS, [0, 1, 2, 0], parameters)
    with pytest.raises(ValueError, match=r"found \[3\]"):
        neurons.cross_entropy(np.zeros((2, 3)), [0, 3])
    with pytest.raises(ValueError, match=r"sizes = \(2,\)"):
        neurons.initialise((2,))


# ---- the numbers of notebooks 01 and 02 -------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "line", "expected"), [("and", [-1.5, 1, 1], 51), ("or", [-0.5, 1, 1], 27)])
def test_novikoffs_bound_for_and_and_or(name, line, expected):
    with_one = np.column_stack([np.ones(4), CORNERS])
    bound = 3 / (np.abs(with_one @ line).min() / np.linalg.norm(line)) ** 2
    assert np.isclose(bound, expected)
    assert neurons.train_perceptron(CORNERS, TABLES[name]).mistakes.sum() == {"and": 11, "or": 5}[name] < bound


def test_no_neuron_of_a_grid_gets_more_than_three_points_of_xor():
    grid = np.linspace(-3, 3, 25)
    w1, w2, b = (axis.ravel() for axis in np.meshgrid(grid, grid, grid))
    answers = neurons.step(np.column_stack([w1, w2]) @ CORNERS.T + b[:, None])
    assert len(answers) == 15_625 and (answers == TABLES["xor"]).sum(axis=1).max() == 3


def test_one_neuron_tells_threes_from_eights():
    x, digits = load_digits(return_X_y=True)
    chosen = (digits == 3) | (digits == 8)
    x, y = x[chosen] / 16, (digits[chosen] == 8).astype(int)
    history = neurons.train_perceptron(x[:200], y[:200])
    right = neurons.perceptron(x[200:], history.weights[-1], history.bias[-1]) == y[200:]
    assert len(x) == 357 and y.sum() == 174 and history.mistakes.tolist() == [25, 2, 4, 0]
    assert right.sum() == 145 and len(right) == 157


def test_the_best_rate_for_curvatures_1_and_20():
    best = 2 / 21
    assert np.isclose(1 - best, 19 / 21) and np.isclose(1 - 20 * best, -19 / 21)
    assert round(np.log(0.1) / np.log(1 - best)) == 23


def test_how_often_xor_fails_and_why():
    """The first runs of those that notebook 02 shows."""
    losses, dead, failures = [], 0, []
    for size in (2, 4, 8):
        failed = 0
        for seed in range(12):
            network, _ = neurons.train_mlp(CORNERS, TABLES["xor"], neurons.initialise((2, size, 2), seed), 0.5, 500)
            scores, inputs = neurons.forward(CORNERS, network)
            if (scores.argmax(axis=1) != TABLES["xor"]).any():
                failed += 1
                losses.append(round(neurons.cross_entropy(scores, TABLES["xor"]), 2))
                dead += (inputs[1].max(axis=0) == 0).any()
        failures.append(failed)
    assert failures == [10, 6, 1]
    assert {value: losses.count(value) for value in losses} == {0.35: 4, 0.48: 9, 0.69: 4}
    assert dead == 15


def test_digits_as_in_the_notebook():
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[:-500], order[-500:]
    start = neurons.initialise((64, 32, 10))
    trained, losses = neurons.train_mlp(x[train] / 16, y[train], start, 0.2, 40, batch_size=32)
    right = neurons.forward(x / 16, trained)[0].argmax(axis=1) == y
    assert abs(right[train].sum() - 1287) <= 3 and abs(right[test].sum() - 483) <= 3  # other libraries round otherwise
    never = x[train].max(axis=0) == 0
    assert never.sum() == 3 and np.array_equal(trained[0][0][never], start[0][0][never])
