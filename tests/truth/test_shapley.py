from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xaitutor.truth.shapley import left_out, merged, shapley_values

BY_HAND = np.array([0, 1, 2, 5, 0, 1, 2, 6.0])  # v(∅), v(1), v(2), v(12), v(3), v(13), v(23), v(123)


def game(seed, n=5):
    return np.random.default_rng(seed).normal(size=2**n)


def by_orders(values):
    """The definition: the mean over all orders in which the players come."""
    n = len(values).bit_length() - 1
    total, orders = np.zeros(n), list(permutations(range(n)))
    for order in orders:
        there = 0
        for player in order:
            total[player] += values[there | 1 << player] - values[there]
            there |= 1 << player
    return total / len(orders)


def test_a_game_of_three_by_hand():
    np.testing.assert_allclose(shapley_values(BY_HAND), [7 / 3, 10 / 3, 1 / 3])
    np.testing.assert_allclose(left_out(BY_HAND), [4, 5, 1])


@given(seed=st.integers(0, 10**6), n=st.integers(1, 6))
@settings(max_examples=20)
def test_they_are_the_mean_over_all_orders_and_add_up(seed, n):
    values = game(seed, n)
    found = shapley_values(values)
    assert found.sum() == pytest.approx(values[-1] - values[0], abs=1e-9)
    if n < 6:
        np.testing.assert_allclose(found, by_orders(values), atol=1e-9)


@given(seed=st.integers(0, 10**6), player=st.integers(0, 4))
@settings(max_examples=20)
def test_who_changes_nothing_gets_nothing(seed, player):
    values = game(seed)
    idle = values[[subset & ~(1 << player) for subset in range(32)]]
    assert shapley_values(idle)[player] == pytest.approx(0, abs=1e-9)
    assert left_out(idle)[player] == 0


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_interchangeable_players_get_the_same(seed):
    values = game(seed)
    swapped = [subset & 0b11100 | (subset & 1) << 1 | subset >> 1 & 1 for subset in range(32)]
    first, second = shapley_values((values + values[swapped]) / 2)[:2]
    assert first == pytest.approx(second, abs=1e-9)


def test_a_linear_game_comes_out():
    worth = np.array([3.0, -1, 0.5, 0])
    values = np.array([sum(w for i, w in enumerate(worth) if subset >> i & 1) for subset in range(16)]) + 7
    np.testing.assert_allclose(shapley_values(values), worth, atol=1e-12)
    np.testing.assert_allclose(left_out(values), worth, atol=1e-12)


def test_many_games_at_once():
    values = np.stack([[game(0), game(1)], [game(2), game(3)]])
    found = shapley_values(values)
    assert found.shape == (2, 2, 5)
    np.testing.assert_allclose(found[1, 0], shapley_values(game(2)))


def test_groups_come_and_go_together():
    np.testing.assert_allclose(merged(BY_HAND, [[0], [1], [2]]), BY_HAND)
    np.testing.assert_allclose(merged(BY_HAND, [[0, 2], [1]]), [0, 1, 2, 6])
    np.testing.assert_allclose(shapley_values(merged(BY_HAND, [[2], [0, 1]])), [0.5, 5.5])


@pytest.mark.parametrize("values, message", [
    (np.ones(6), r"all 2ⁿ coalitions in the last axis, got the shape \(6,\)"),
    (np.ones(1), "2ⁿ"), (np.ones(0), "2ⁿ"), (1.0, "2ⁿ"), ([0, 1, np.nan, 2], "NaN"),
])
def test_what_is_no_game_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        shapley_values(values)


def test_each_player_is_in_one_group():
    with pytest.raises(ValueError, match="exactly one group"):
        merged(BY_HAND, [[0, 1], [1, 2]])
