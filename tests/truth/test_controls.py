import pytest
import torch

from xaitutor.truth import controls


@pytest.mark.parametrize("name", controls.CONTROLS)
def test_controls_are_methods_that_do_not_look_at_the_model(name):
    x = torch.rand(2, 3, 8, 10, generator=torch.Generator().manual_seed(1))
    control, kept = controls.CONTROLS[name], x.clone()
    state = torch.get_rng_state()
    found = control(None, x, 0)
    assert found.shape == (2, 1, 8, 10) and found.isfinite().all() and found.dtype == x.dtype
    assert torch.equal(found, control(None, x)) and torch.equal(x, kept)
    assert torch.equal(found[1:], control(None, x[1:]))  # a picture's map does not depend on its batch
    assert torch.equal(state, torch.get_rng_state())


def test_random_is_standard_normal_and_differs_between_pictures_and_seeds():
    x = torch.arange(2.0)[:, None, None, None].expand(2, 3, 100, 100)
    noise = controls.random(None, x)
    assert abs(noise.mean().item()) < 5 / 141 and noise.std().item() == pytest.approx(1, abs=5 / 200)
    assert not torch.equal(noise[0], noise[1])
    assert not torch.equal(noise, controls.random(None, x, seed=1))


def test_centre_is_a_gaussian():
    blob = controls.centre(None, torch.zeros(1, 3, 101, 101))[0, 0]
    assert blob[50, 50] == 1 and blob.max() == 1
    torch.testing.assert_close(blob[50, 75], torch.tensor(0.5).neg().exp())  # one deviation away
    assert torch.equal(blob, blob.T) and torch.allclose(blob, blob.flip(0))


def test_sobel_finds_the_edge_of_a_ramp_and_nothing_where_all_is_even():
    x = torch.zeros(2, 3, 8, 8)
    x[0, :, :, 4:] = 1
    found = controls.sobel(None, x)
    assert found[0, 0, :, 3:5].eq(4).all() and found[0, 0, :, :3].eq(0).all() and found[0, 0, :, 5:].eq(0).all()
    assert found[1].eq(0).all()
    torch.testing.assert_close(controls.sobel(None, x.mT), found.mT)
