import pytest
import torch

from xaitutor.maximization import channel, direction, diversity, target, unit

A = torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).reshape(2, 3, 4, 5) ** 2 % 17 - 8  # two pictures' activations


def values(objective, **activations):
    return objective.values(activations)


def test_each_kind_by_hand():
    assert values(channel("a", 2), a=A).tolist() == A[:, 2].mean(dim=(1, 2)).tolist()
    assert values(unit("a", 1, row=3, column=0), a=A).tolist() == [A[0, 1, 3, 0], A[1, 1, 3, 0]]
    assert values(unit("a", 1), a=A).tolist() == [A[0, 1, 2, 2], A[1, 1, 2, 2]]  # the centre: 4 // 2, 5 // 2
    assert values(unit("a", 1, column=4), a=A).tolist() == [A[0, 1, 2, 4], A[1, 1, 2, 4]]
    logits = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert target(1).values({"": logits}).tolist() == [2, 4]
    assert target([1, 0]).values({"": logits}).tolist() == target(torch.tensor([1, 0])).values({"": logits}).tolist() == [2, 3]
    assert values(unit("a", 0), a=logits).tolist() == values(channel("a", 0), a=logits).tolist() == [1, 3]


def test_a_direction_is_a_projection_on_the_unit_vector():
    got = values(direction("a", torch.tensor([3.0, 0.0, 4.0])), a=A)
    mean = A.mean(dim=(2, 3))
    assert torch.allclose(got, 0.6 * mean[:, 0] + 0.8 * mean[:, 2])
    assert torch.allclose(got, values(direction("a", [30, 0, 40]), a=A))


@pytest.mark.parametrize("index", range(3))
def test_the_direction_of_one_channel_is_the_channel(index):
    assert torch.allclose(values(direction("a", torch.eye(3)[index]), a=A), values(channel("a", index), a=A), atol=1e-6)


def test_sums_and_multiples():
    both = 2 * channel("a", 0) + unit("b", 1, 0, 0) * 0.5
    assert torch.allclose(values(both, a=A, b=-A), 2 * A[:, 0].mean(dim=(1, 2)) - 0.5 * A[:, 1, 0, 0])
    assert torch.allclose(values(-3 * both, a=A, b=-A), -3 * values(both, a=A, b=-A))


def test_diversity_is_the_sum_of_cosines_of_gram_matrices():
    a = torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    grams = [(p.flatten(1) @ p.flatten(1).T).flatten() for p in a]
    cosine = [[torch.nn.functional.cosine_similarity(g, h, dim=0) for h in grams] for g in grams]
    by_hand = torch.stack([-0.7 * sum(cosine[i][j] for j in range(3) if j != i) for i in range(3)])
    assert torch.allclose(values(diversity("a", 0.7), a=a), by_hand, atol=1e-6)


def test_diversity_of_the_same_and_of_strangers():
    one, other = torch.zeros(2, 3, 3), torch.zeros(2, 3, 3)
    one[0], other[1] = 1, 1
    assert values(diversity("a"), a=torch.stack([one, one.flip(0, 1)])).tolist() == pytest.approx([0, 0])
    assert values(diversity("a"), a=torch.stack([one, 5 * one])).tolist() == pytest.approx([-1, -1])
    assert values(diversity("a"), a=torch.stack([one, other])).tolist() == pytest.approx([0, 0])


@pytest.mark.parametrize("make, error, message", [
    (lambda: channel(3, 7), TypeError, "layer is a name"),
    (lambda: channel("a", 1.5), TypeError, "index is a whole number, not 1.5"),
    (lambda: target([0, 1.5]), TypeError, "index is a whole number, not 1.5"),
    (lambda: target("zebra"), TypeError, "index is a whole number, not 'zebra'"),
    (lambda: channel("a", True), TypeError, "index is a whole number, not True"),
    (lambda: unit("a", 0, row="top"), TypeError, "row is a whole number"),
    (lambda: direction("a", [0.0, 0.0]), ValueError, "not all 0"),
    (lambda: direction("a", [[1.0]]), ValueError, r"a vector \(C,\).*not \(1, 1\)"),
    (lambda: direction("a", [1.0, float("nan")]), ValueError, "finite"),
    (lambda: diversity("a", float("inf")), ValueError, "weight is a number, not inf"),
    (lambda: channel("a", 0) * channel("a", 1), ValueError, "multiplied by a number"),
    (lambda: channel("a", 0) + 1, TypeError, "unsupported operand"),
])
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
