import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xaitutor.maximization import blur, jitter, rotation, scaling, total_variation
from xaitutor.maximization.transforms import turn_and_zoom

X = torch.rand(2, 3, 9, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@given(st.integers(0, 20), st.integers(0, 1000))
def test_jitter_moves_whole_pixels_and_loses_none(pixels, seed):
    torch.manual_seed(seed)
    moved = jitter(pixels)(X)
    shifts = [(d, r) for d in range(-pixels, pixels + 1) for r in range(-pixels, pixels + 1)]
    assert torch.equal(moved.flatten(2).sort().values, X.flatten(2).sort().values)
    assert any(torch.equal(moved, X.roll(shift, (2, 3))) for shift in shifts)


def test_jitter_goes_as_far_as_it_says_in_every_direction():
    dot = torch.zeros(1, 1, 9, 9)
    dot[0, 0, 4, 4] = 1
    torch.manual_seed(0)
    places = {tuple(jitter(2)(dot).nonzero()[0, 2:].tolist()) for _ in range(400)}
    assert places == {(row, column) for row in range(2, 7) for column in range(2, 7)}


def test_nothing_to_do_does_nothing():
    assert torch.equal(jitter(0)(X), X)
    assert torch.allclose(rotation(0)(X), X) and torch.allclose(scaling([1])(X), X)
    assert torch.allclose(turn_and_zoom(X, 360, 1), X)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_of_a_square_are_exact(quarters):
    x = X[..., :9]
    assert torch.allclose(turn_and_zoom(x, 90 * quarters, 1), x.rot90(quarters, (2, 3)))


def test_half_a_turn_of_a_rectangle_is_exact():
    assert torch.allclose(turn_and_zoom(X, 180, 1), X.flip(2, 3))


def test_a_turned_rectangle_keeps_its_proportions():
    """A smooth blob, turned by 30° in a wide picture: its centre goes where a rotation of the plane takes it."""
    rows, columns = torch.meshgrid(torch.arange(60.0), torch.arange(90.0), indexing="ij")
    blob = torch.exp(-((rows - 29.5) ** 2 + (columns - 64.5) ** 2) / 18)[None, None]  # 20 to the right of the centre
    turned = turn_and_zoom(blob, 30, 1)[0, 0]
    row, column = ((turned * axis).sum() / turned.sum() for axis in (rows, columns))
    assert (column - 44.5, 29.5 - row) == (pytest.approx(20 * 3**0.5 / 2, abs=0.02), pytest.approx(10, abs=0.02))


def test_zoom_makes_things_larger():
    ramp = torch.arange(40.0).expand(1, 3, 40, 40)
    zoomed = turn_and_zoom(ramp, 0, 2)
    assert torch.allclose(zoomed.diff(dim=3), torch.tensor(0.5), atol=1e-4)
    assert torch.allclose(zoomed.mean(), ramp.mean())


def test_zooming_out_mirrors_at_the_border():
    ones = torch.ones(1, 3, 16, 16)
    assert torch.allclose(turn_and_zoom(ones, 20, 0.7), ones)


def test_angles_and_factors_are_drawn_from_the_whole_range():
    torch.manual_seed(0)
    ramp = torch.arange(32.0).expand(1, 1, 32, 32)
    turn = rotation(10)
    slopes = [turn(ramp)[0, 0, 10:22, 16].diff().mean().item() for _ in range(300)]  # sin of the angle
    degrees = torch.tensor(slopes).arcsin().rad2deg()
    assert degrees.abs().max() <= 10.01 and degrees.max() > 9.5 and degrees.min() < -9.5
    zoom = scaling((0.5, 1, 2))
    steps = {round(zoom(ramp)[0, 0, 16, 12:20].diff().mean().item(), 3) for _ in range(50)}
    assert steps == {2, 1, 0.5}


@pytest.mark.parametrize("transform", [jitter(3), rotation(20), scaling([0.8, 1.3])])
def test_seeded_and_differentiable(transform):
    x = X.clone().requires_grad_()
    torch.manual_seed(1)
    y = transform(x)
    torch.manual_seed(1)
    assert torch.allclose(y, transform(x), atol=1e-6) and y.shape == x.shape
    weight = torch.rand(y.shape, generator=torch.Generator().manual_seed(2), dtype=y.dtype)
    (gradient,) = torch.autograd.grad((y * weight).sum(), x)
    torch.manual_seed(1)  # all three are linear in x, so that ⟨gradient, x⟩ is the value itself
    assert torch.allclose((gradient * X).sum(), (transform(X) * weight).sum())


def test_total_variation_by_hand():
    assert total_variation(3)(torch.full((2, 3, 4, 5), 0.7)).tolist() == [0, 0]
    checks = (torch.arange(4)[:, None] + torch.arange(5)) % 2 * 1.0  # each pair of neighbours differs by 1
    price = total_variation(3)(torch.stack([checks.expand(3, 4, 5), 0 * checks.expand(3, 4, 5)]))
    assert price.tolist() == pytest.approx([3 * (3 * 5 + 4 * 4) / 20, 0])


def test_blur_keeps_even_colours_and_the_mean_and_takes_grain():
    smooth = blur(1.5)
    assert torch.allclose(smooth(torch.full((1, 3, 12, 12), 0.3), 1), torch.tensor(0.3))
    x = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    assert smooth(x, 1).var() < 0.1 * x.var()
    dot = torch.zeros(1, 3, 25, 25, dtype=torch.float64)
    dot[..., 12, 12] = 1
    spot = smooth(dot, 1)[0, 0]
    variance = (spot.sum(dim=0) * (torch.arange(25) - 12.0) ** 2).sum()
    assert spot.sum().item() == pytest.approx(1) and variance.item() == pytest.approx(1.5**2, rel=0.04)


def test_blur_comes_every_so_many_steps():
    smooth = blur(1, every=3)
    assert [smooth(X, step) is X for step in range(1, 8)] == [True, True, False, True, True, False, True]


@pytest.mark.parametrize("make, message", [
    (lambda: jitter(-1), "jitter takes a whole number"), (lambda: jitter(1.5), "not 1.5"),
    (lambda: rotation(-1), "rotation takes degrees"), (lambda: scaling([]), "scaling takes factors above 0"),
    (lambda: scaling([1, 0]), "factors above 0"), (lambda: total_variation(-1), "weight of 0 or more, not -1"),
    (lambda: blur(0), "sigma above 0"), (lambda: blur(1, every=0), "every 1 or more"),
])
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
