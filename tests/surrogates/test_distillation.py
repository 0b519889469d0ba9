"""Fitting a soft tree: loss and penalty by hand and by finite differences, what it learns, and that it does so again."""

import math

import pytest
import torch
from torch.nn import functional as F

from tests.helpers import close
from tests.surrogates.test_soft_trees import pictures, tree
from xaitutor.surrogates import SoftTree, balance_penalty, fidelity, soft_tree, tree_loss


def stump(logit=math.log(3)):
    """One node that sends everything right with probability 3/4; its leaves say (1/2, 1/2) and (4/5, 1/5)."""
    t = SoftTree(1, (1, 1, 1), 2).double()
    t.weight.data, t.bias.data = torch.zeros(1, 1).double(), torch.tensor([logit], dtype=torch.float64)
    t.phi.data = torch.tensor([[0.0, 0.0], [math.log(4), 0.0]], dtype=torch.float64)
    return t


def targets(n, classes, seed=2):
    return torch.randn(n, classes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).softmax(dim=1)


def test_the_loss_of_a_stump_by_hand():
    x, t = torch.zeros(2, 1, 1, 1).double(), torch.tensor([[0.3, 0.7], [1.0, 0.0]], dtype=torch.float64)
    left = -math.log(1 / 2)
    right = [-0.3 * math.log(4 / 5) - 0.7 * math.log(1 / 5), -math.log(4 / 5)]
    expected = left / 4 + 3 / 4 * sum(right) / 2
    assert tree_loss(stump(), x, t).item() == pytest.approx(expected, rel=1e-12)


def test_the_penalty_of_a_stump_by_hand():
    """It is smallest, log 2, where half goes to each side."""
    x = torch.zeros(2, 1, 1, 1).double()
    assert balance_penalty(stump(), x).item() == pytest.approx(-0.5 * math.log(3 / 4) - 0.5 * math.log(1 / 4), rel=1e-12)
    assert balance_penalty(stump(0.0), x).item() == pytest.approx(math.log(2), rel=1e-12)


def test_loss_and_penalty_as_the_paper_writes_them():
    """With products instead of sums of logarithms, node by node."""
    t, x, T = tree(3), pictures(6), targets(6, 4)
    p, reach = t.decisions(x).sigmoid(), torch.ones(6, 15).double()
    for i in range(7):
        reach[:, 2 * i + 1], reach[:, 2 * i + 2] = reach[:, i] * (1 - p[:, i]), reach[:, i] * p[:, i]
    loss = sum(-reach[n, 7 + leaf] * T[n, k] * t.leaves[leaf, k].log() for n in range(6) for leaf in range(8) for k in range(4)) / 6
    assert close(tree_loss(t, x, T), loss, 1e-12)
    penalty = torch.zeros(()).double()
    for i, depth in enumerate([0, 1, 1, 2, 2, 2, 2]):
        alpha = (reach[:, i] * p[:, i]).sum() / reach[:, i].sum()
        penalty -= 2.0**-depth * (0.5 * alpha.log() + 0.5 * (1 - alpha).log())
    assert close(balance_penalty(t, x), penalty, 1e-12)


def test_the_printed_loss_has_no_logarithm():
    """The erratum: the sum inside the paper's logarithm is negative for any tree and any targets."""
    t, x, T = tree(2), pictures(), targets(5, 4)
    inner = (t.path_probabilities(x) * (T @ t.leaves.log().T)).sum(dim=1)
    assert (inner < 0).all() and inner.log().isnan().all()


def test_gradients_against_finite_differences():
    t, x, T = tree(2), pictures(), targets(5, 4)

    def total(weight, bias, phi):
        probe = SoftTree(2, (3, 2, 2), 4)
        for name, value in (("weight", weight), ("bias", bias), ("phi", phi)):
            delattr(probe, name)  # a parameter would be a leaf of its own, without the way back to `value`
            setattr(probe, name, value)
        return tree_loss(probe, x, T) + 0.3 * balance_penalty(probe, x), probe(x)

    assert torch.autograd.gradcheck(total, tuple(p.detach().clone().requires_grad_() for p in (t.weight, t.bias, t.phi)))


def test_a_hard_node_has_a_finite_gradient():
    """What is never sent left has the logarithm of a share below the smallest number; no nan comes of it."""
    t = stump(5000.0)
    (tree_loss(t, torch.zeros(2, 1, 1, 1).double(), targets(2, 2)) + balance_penalty(t, torch.zeros(2, 1, 1, 1).double())).backward()
    assert t.bias.grad.isfinite().all() and t.bias.grad.item() > 0.4


def quadrants(n=400):
    """Pictures of two pixels, their class the quadrant in which they lie, away from its edges."""
    generator = torch.Generator().manual_seed(4)
    signs = torch.randint(0, 2, (n, 2), generator=generator)
    x = (2 * signs - 1) * (0.5 + torch.rand(n, 2, generator=generator))
    return x.double().view(n, 1, 1, 2), 2 * signs[:, 0] + signs[:, 1]


def test_four_quadrants_are_learnt():
    """Two questions tell four classes apart that no single filter can; a stump gets no further than half."""
    x, labels = quadrants()
    options = {"rate": 0.05, "epochs": 30, "batch_size": 30, "penalty": 1.0, "progress": False}
    deep = soft_tree(x[:300], F.one_hot(labels[:300], 4).double(), depth=2, **options)
    measured = fidelity(deep.predict(x[300:]), labels[300:], labels[300:])
    assert measured.accuracy.value == 1
    flat = soft_tree(x[:300], F.one_hot(labels[:300], 4).double(), depth=1, **options)
    assert fidelity(flat.predict(x[300:]), labels[300:], labels[300:]).accuracy.value < 0.7


def test_it_imitates_and_does_not_know_what_is_true():
    """Fitted to a network that takes class 3 for class 0, it does so, too."""
    x, labels = quadrants()
    said = labels.where(labels < 3, 0)
    t = soft_tree(x[:300], F.one_hot(said[:300], 4).double() * 0.9 + 0.025, depth=2, penalty=1.0, rate=0.05, epochs=30, batch_size=30, progress=False)
    measured = fidelity(t.predict(x[300:]), said[300:], labels[300:])
    assert measured.fidelity.value == 1
    assert measured.accuracy.value == pytest.approx((labels[300:] < 3).double().mean().item())


def test_the_penalty_balances_the_root():
    """Nine tenths of the pictures are of one class: with a heavy penalty the root still sends half to each side."""
    x, labels = quadrants()
    T = F.one_hot((labels == 3).long() * (torch.arange(400) % 3 == 0), 2).double()
    shares = []
    for penalty in (0.0, 10.0):
        t = soft_tree(x, T, depth=1, penalty=penalty, rate=0.05, epochs=20, progress=False)
        shares.append((t.decisions(x).sigmoid().mean() - 0.5).abs().item())
    assert shares[1] < 0.05 < shares[0]


def test_same_seed_same_bits_and_the_global_generator_untouched():
    x, labels = quadrants(100)
    T = F.one_hot(labels, 4).double()
    before = torch.get_rng_state()
    with torch.no_grad():  # also under the caller's no_grad
        first = soft_tree(x, T, depth=2, epochs=2, seed=7, progress=False)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(11)
    again = soft_tree(x, T, depth=2, epochs=2, seed=7, progress=False)
    other = soft_tree(x, T, depth=2, epochs=2, seed=8, progress=False)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters()))
    assert not torch.equal(first.weight, other.weight)
    assert not first.training and not first.weight.requires_grad


@pytest.mark.parametrize("changes, message", [
    ({"x": torch.zeros(3, 4, 4)}, r"\(N, C, H, W\)"), ({"x": torch.zeros(2, 3, 4, 4, dtype=torch.uint8)}, "floating point and normalised, not torch.uint8"),
    ({"x": torch.full((2, 3, 4, 4), math.nan)}, "nan or infinite"), ({"targets": torch.tensor([0, 1])}, "F.one_hot"),
    ({"targets": torch.ones(3, 2) / 2}, r"\(2, classes\)"), ({"targets": torch.ones(2, 2)}, "must be a distribution"),
    ({"targets": torch.tensor([[0.5, 0.5], [0.5, 0.6]])}, "must be a distribution"),
    ({"targets": torch.tensor([[2.0, -1.0]] * 2)}, "must be a distribution"), ({"depth": 0}, "depth"), ({"beta": -1}, "beta"),
    ({"penalty": -0.1}, "penalty must not be negative"), ({"rate": 0}, "rate must be positive"), ({"epochs": 0}, "at least 1"),
    ({"batch_size": 0}, "at least 1"),
])
def test_bad_input(changes, message):
    given = {"x": torch.zeros(2, 3, 4, 4), "targets": torch.ones(2, 2) / 2, **changes}
    with pytest.raises((ValueError, TypeError), match=message):
        soft_tree(given.pop("x"), given.pop("targets"), progress=False, **given)
