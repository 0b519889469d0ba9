"""Deletion and insertion: closed forms on a linear network, and what must not depend on how a map is written down."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from xaitutor import referees
from xaitutor.referees.curves import places

X = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def linear():
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(60, 3)).double().eval()


def contributions(model, x, target):
    return (model[1].weight[target].view(3, 4, 5) * x).sum(dim=1).detach()


def test_on_a_linear_network_the_curve_is_the_sorted_cumulative_sum():
    model = linear()
    heat = contributions(model, X, 2)
    curve = referees.deletion_curve(model, X, 2, heat, fill=0, steps=20, score="logit")
    taken = heat.flatten(1).sort(dim=1, descending=True).values.cumsum(dim=1)
    before = model(X)[:, 2].detach()[:, None]
    torch.testing.assert_close(curve, torch.cat([before, before - taken], dim=1))
    back = referees.insertion_curve(model, X, 2, heat, fill=0, steps=20, score="logit")
    nothing = model[1].bias[2].detach()
    torch.testing.assert_close(back, torch.cat([nothing.expand(2, 1), nothing + taken], dim=1))


@given(st.integers(0, 2**16))
def test_no_order_is_better_than_that_of_the_contributions(seed):
    model = linear()
    best, other = contributions(model, X, 0), torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(seed))
    options = dict(fill=0, steps=20, score="logit")
    assert (referees.deletion(model, X, 0, best, **options) <= referees.deletion(model, X, 0, other, **options) + 1e-9).all()
    assert (referees.insertion(model, X, 0, best, **options) >= referees.insertion(model, X, 0, other, **options) - 1e-9).all()


def test_the_ends_are_the_picture_and_what_hides_it():
    model, heat = linear(), contributions(linear(), X, 1)
    for steps in (1, 3, 7):
        curve = referees.deletion_curve(model, X, 1, heat, fill="mean", steps=steps, score="logit")
        plain = X.mean(dim=(2, 3), keepdim=True).expand_as(X)
        assert curve.shape == (2, steps + 1)
        torch.testing.assert_close(curve[:, [0, -1]], torch.stack([model(X)[:, 1], model(plain)[:, 1]], dim=1).detach())


def test_only_the_order_counts():
    model, heat = linear(), contributions(linear(), X, 1)
    torch.testing.assert_close(referees.deletion_curve(model, X, 1, heat), referees.deletion_curve(model, X, 1, heat.exp()))


def test_a_batch_says_the_same_as_one_by_one_where_no_places_tie():
    model, heat = linear(), contributions(linear(), X, 1)
    alone = torch.cat([referees.insertion_curve(model, x[None], 1, h[None]) for x, h in zip(X, heat)])
    torch.testing.assert_close(referees.insertion_curve(model, X, 1, heat), alone)


def test_equal_places_come_in_random_order():
    order = places(torch.zeros(2, 8, 8), seed=3)
    assert all(sorted(one.flatten().tolist()) == list(range(64)) for one in order)
    assert torch.equal(order, places(torch.zeros(2, 8, 8), seed=3)) and not torch.equal(order, places(torch.zeros(2, 8, 8), seed=4))
    assert (order[0, :4] < 32).float().mean() < 0.75  # not the upper half first
    heat = torch.tensor([[[1.0, 3.0], [3.0, 2.0]]])
    assert places(heat)[0, 0, 0] == 3 and places(heat)[0, 1, 1] == 2


def test_area_by_hand():
    assert referees.area(torch.tensor([[1.0, 0.5, 0.0], [1.0, 1.0, 1.0]])).tolist() == [0.5, 1.0]


def test_roads_pictures_keep_what_is_not_hidden():
    seen = []

    class Watch(nn.Module):
        def forward(self, x):
            seen.extend(x)
            return x.flatten(1)[:, :3]

    heat = contributions(linear(), X, 1)
    model = Watch().eval()
    referees.deletion_curve(model, X[:1], 0, heat[:1], steps=1)
    seen.clear()  # a network of unknown parts is first asked whether pictures depend on their neighbours
    referees.deletion_curve(model, X[:1], 0, heat[:1], fill="imputed", steps=4)
    assert [int((one == X[0]).all(dim=0).sum()) for one in seen] == [20, 15, 10, 5, 0]


@pytest.mark.parametrize("heat, message", [
    (torch.zeros(2, 4, 4), r"shape \(N, H, W\) = \(2, 4, 5\)"), (torch.full((2, 4, 5), torch.nan), "finite"), (torch.zeros(1, 4, 5), "not \\(1, 4, 5\\)")])
def test_wrong_heat(heat, message):
    with pytest.raises(ValueError, match=message):
        referees.deletion(linear(), X, 0, heat)


def test_no_steps():
    with pytest.raises(ValueError, match="steps must be a whole number"):
        referees.deletion(linear(), X, 0, torch.zeros(2, 4, 5), steps=0)
