"""A soft tree: its probabilities, by hand and for any weights, its path, its limit, and its file."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import close
from xaitutor.attribution import gradient
from xaitutor.files.data_files import DATA
from xaitutor.surrogates import SoftTree
from xaitutor.surrogates.soft_trees import ancestors


def tree(depth=3, shape=(3, 2, 2), classes=4, beta=1.0, seed=0):
    """With biases that are not 0, in double precision."""
    made = SoftTree(depth, shape, classes, beta, seed).double().eval()
    made.bias.data = torch.randn(made.bias.shape, generator=torch.Generator().manual_seed(seed)).double()
    return made.requires_grad_(False)


def pictures(n=5, shape=(3, 2, 2), scale=1.0):
    return scale * torch.randn(n, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@given(depth=st.integers(1, 6), beta=st.floats(1e-3, 1e3), scale=st.floats(0, 1e3), seed=st.integers(0, 99))
def test_the_leaves_share_each_picture(depth, beta, scale, seed):
    """However hard the decisions: path probabilities sum to 1, and so does what comes to each level."""
    t, x = tree(depth, beta=beta, seed=seed), pictures(scale=scale)
    p = t.path_probabilities(x)
    assert p.shape == (5, 2**depth) and (p >= 0).all() and (p.sum(dim=1) - 1).abs().max() < 1e-12
    reach = t.log_reach(x).exp()
    for level in range(depth + 1):
        assert (reach[:, 2**level - 1:2 ** (level + 1) - 1].sum(dim=1) - 1).abs().max() < 1e-12
    for prediction in (t.predict(x), t.predict(x, mixture=True), t(x).exp()):
        assert (prediction.sum(dim=1) - 1).abs().max() < 1e-12


def test_two_levels_by_hand():
    """Right is where x·w + b is positive: node 0 sends 3/4 there, and its children 1/2 (node 1) and 4/5 (node 2)."""
    t = SoftTree(2, (1, 1, 1), 2, beta=2.0)
    t.weight.data, t.bias.data = torch.tensor([[1.0], [0.0], [0.0]]), torch.tensor([0.0, 0.0, math.log(4) / 2])
    t.phi.data = torch.tensor([[0.0, 0.0], [0.0, 30.0], [0.0, 0.0], [math.log(3), 0.0]])
    x = torch.full((1, 1, 1, 1), math.log(3) / 2)
    assert close(t.path_probabilities(x), torch.tensor([[1 / 8, 1 / 8, 3 / 20, 12 / 20]]))
    assert close(t.leaves[3], torch.tensor([3 / 4, 1 / 4]))
    assert close(t.predict(x), torch.tensor([[3 / 4, 1 / 4]]))
    share = 1 / 16 + 3 / 40 + 9 / 20
    assert close(t.predict(x, mixture=True), torch.tensor([[share, 1 - share]]))
    assert close(t(x).exp(), torch.tensor([[share, 1 - share]]))
    path = t.path(x)
    assert path.nodes == [0, 2] and path.leaf == 3 and path.turns == ["right", "right"]
    assert path.right == pytest.approx([3 / 4, 4 / 5]) and path.probability == pytest.approx(12 / 20)


def test_the_path_is_that_of_the_largest_product():
    """Right is likelier at the root, but its children halve what comes: the most probable leaf is on the left."""
    t = SoftTree(2, (1, 1, 1), 2)
    t.weight.data, t.bias.data = torch.zeros(3, 1), torch.tensor([math.log(0.55 / 0.45), -20.0, 0.0])
    path = t.path(torch.zeros(1, 1, 1))
    assert path.nodes == [0, 1] and path.leaf == 0 and path.right[0] == pytest.approx(0.55) and path.turns == ["left", "left"]


@given(st.integers(1, 8), st.data())
def test_the_nodes_above_a_leaf(depth, data):
    """Taking its turns, the binary digits of its number, from the root, one comes to the leaf."""
    leaf = data.draw(st.integers(0, 2**depth - 1))
    nodes = ancestors(leaf, depth)
    turns = [int(digit) for digit in f"{leaf:0{depth}b}"]
    assert nodes[0] == 0 and len(nodes) == depth
    assert [2 * node + 1 + turn for node, turn in zip(nodes, turns)] == [*nodes[1:], 2**depth - 1 + leaf]


def test_with_a_large_beta_it_is_a_hard_tree():
    """Each picture goes where the signs of x·w + b send it, and nowhere else."""
    t, x = tree(4, beta=1e9), pictures(50)
    signs = (x.flatten(1) @ t.weight.T + t.bias) > 0
    for row, path in zip(signs, t.path_probabilities(x)):
        node = 0
        while node < 15:
            node = 2 * node + 1 + int(row[node])
        assert path[node - 15] == 1 and path.sum() == 1
    assert close(t.predict(x), t.predict(x, mixture=True), 1e-12)


def test_filters_are_pictures_of_the_weights():
    t = tree()
    assert t.filters.shape == (7, 3, 2, 2)
    assert torch.equal(t.filters.flatten(1), t.weight) and t.filters.data_ptr() != t.weight.data_ptr()
    x = pictures()
    assert close((x[:, None] * t.filters).sum(dim=(2, 3, 4)) + t.bias, t.decisions(x), 1e-12)


def test_attribution_takes_a_tree_for_a_network():
    """One level: the gradient of a class's log-probability lies along the one filter."""
    t, x = tree(1), pictures(1)
    found = gradient(t, x, 2)
    p, q = t.decisions(x).sigmoid(), t.leaves[:, 2]
    assert close(found, (p * (1 - p) * (q[1] - q[0]) / (q[0] + p * (q[1] - q[0]))) * t.filters, 1e-10)


def test_the_seed_and_nothing_else_decides_the_weights():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = SoftTree(2, (3, 4, 4), 3, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(4)
    again, other = SoftTree(2, (3, 4, 4), 3, seed=5), SoftTree(2, (3, 4, 4), 3, seed=6)
    assert torch.equal(first.weight, again.weight) and torch.equal(first.phi, again.phi)
    assert not torch.equal(first.weight, other.weight)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_saved_and_loaded(tmp_path, dtype):
    t = tree(beta=2.5).to(dtype)
    t.save(tmp_path / "tree.safetensors")
    back = SoftTree.load(tmp_path / "tree.safetensors")
    assert (back.depth, back.shape, back.classes, back.beta) == (3, (3, 2, 2), 4, 2.5)
    assert all(torch.equal(value, back.state_dict()[key]) for key, value in t.state_dict().items())
    assert back.weight.dtype == dtype and not back.training and not back.weight.requires_grad


def test_a_file_that_is_no_tree(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere.*make it first"):
        tree().save(tmp_path / "nowhere" / "tree.safetensors")
    with pytest.raises(FileNotFoundError, match="no file.*tree.save"):
        SoftTree.load(tmp_path / "none.safetensors")
    (tmp_path / "text").write_text("what is this")
    with pytest.raises(ValueError, match="broken, or holds no soft tree"):
        SoftTree.load(tmp_path / "text")
    with pytest.raises(ValueError, match="holds no soft tree"):
        SoftTree.load(DATA / "models" / "menagerie_resnet18.safetensors")
    path = tmp_path / "tree.safetensors"
    tree().save(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="broken"):
        SoftTree.load(path)


@pytest.mark.parametrize("settings, message", [
    ({"depth": 0}, "depth is a whole number from 1 to 12"), ({"depth": 2.0}, "depth"), ({"depth": 13}, "4096 leaves"),
    ({"shape": (4, 4)}, r"\(C, H, W\)"), ({"classes": 1}, "at least 2 classes"), ({"beta": 0}, "inverse temperature"),
    ({"beta": math.nan}, "inverse temperature"),
])
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        SoftTree(**{"depth": 2, "shape": (3, 4, 4), "classes": 3, **settings})


def test_pictures_of_another_size():
    with pytest.raises(ValueError, match=r"takes pictures \(N, 3, 2, 2\), not \(5, 3, 8, 8\); F.adaptive_avg_pool2d"):
        tree().predict(pictures(shape=(3, 8, 8)))
    with pytest.raises(ValueError, match="not list"):
        tree().predict([1, 2])
    with pytest.raises(ValueError, match="one picture, not 5"):
        tree().path(pictures())
