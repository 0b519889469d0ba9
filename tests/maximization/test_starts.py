"""Where an ascent begins, and how far from there it may go."""

import pytest
import torch
from torch.nn import functional as F

from tests.helpers import close
from xaitutor import maximization as am


def test_guesses_have_the_mean_and_the_covariance_of_the_pictures():
    pictures = 0.4 + 0.2 * torch.rand(30, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    guesses = torch.cat([am.guess(pictures, seed, side=4) for seed in range(4000)]).flatten(1)
    flat = pictures.flatten(1)
    assert (guesses.mean(0) - flat.mean(0)).abs().max() < 0.005
    true = (flat - flat.mean(0)).T @ (flat - flat.mean(0)) / 30
    assert (torch.cov(guesses.T) - true).norm() < 0.2 * true.norm()


def test_a_guess_is_smooth():
    pictures = torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    guess = am.guess(pictures, side=1)
    assert guess.shape == (1, 3, 64, 64) and (guess.amax((2, 3)) - guess.amin((2, 3))).max() < 1e-6
    even = torch.full((4, 3, 16, 16), 0.3)
    assert close(am.guess(even, seed=2), even[:1])
    assert not torch.equal(am.guess(pictures, 0), am.guess(pictures, 1)) and torch.equal(am.guess(pictures, 1), am.guess(pictures, 1))


def test_what_is_inside_stays_and_what_is_outside_comes_back():
    centre = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    away = F.normalize(torch.randn(2, 192, generator=torch.Generator().manual_seed(3)), dim=1).reshape(2, 3, 8, 8)
    x = centre + away * torch.tensor([0.5, 4.0])[:, None, None, None]
    back = am.within(centre, 2)(x, 1)
    assert close(back[0], x[0])
    assert close(back[1], (centre + 2 * away[1])[0])


def test_an_ascent_stays_near_its_start():
    torch.manual_seed(4)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 2)).eval()
    start = torch.full((1, 3, 8, 8), 0.5)
    asked = dict(start=start, steps=30, learning_rate=0.1, progress=False)
    far = am.maximize(model, am.target(0), **asked).pictures
    near = am.maximize(model, am.target(0), after_step=[am.within(start, 0.7)], **asked).pictures
    assert (far - start).norm() > 2 and (near - start).norm() == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize("call, message", [
    (lambda: am.guess(torch.rand(1, 3, 8, 8)), "two pictures"), (lambda: am.guess(2 * torch.rand(3, 3, 8, 8)), r"values in \[0, 1\]"),
    (lambda: am.guess(torch.rand(3, 3, 8, 8), side=9), "from 1 to the pictures' own, 8, not 9"), (lambda: am.within(torch.zeros(1, 3, 2, 2), 0), "above 0"),
])
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
