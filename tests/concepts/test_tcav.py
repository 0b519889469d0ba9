"""TCAV: Captum's score for the same vectors, a formula by hand, and controls that are about nothing."""

import numpy as np
import pytest
import torch
from scipy.stats import ttest_ind
from torch import nn
from torchvision.ops import Permute

from tests.helpers import close
from xaitutor.concepts import Draws, draws, sensitivity, tcav


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Conv2d(4, 3, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)).double().eval()


X = torch.randn(5, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_sensitivity_is_a_difference_of_logits(network):
    v = torch.randn(4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    there = network[:2](X)
    step = 1e-5 * v[:, None, None]
    slope = (network[2:](there + step) - network[2:](there - step))[:, 1] / 2e-5
    assert close(sensitivity(network, "1", X, 1) @ v, slope.detach(), 1e-6)


def test_flat_is_the_same_place_by_place(network):
    flat = sensitivity(network, "1", X, 0, flat=True)
    assert flat.shape == (5, 4 * 36)
    assert close(flat.reshape(5, 4, 36).sum(2), sensitivity(network, "1", X, 0))


@pytest.mark.filterwarnings("ignore:Using default classifier")
def test_the_score_is_captums(network, tmp_path):
    captum = pytest.importorskip("captum.concept")
    cav = pytest.importorskip("captum.concept._core.cav")
    vectors = torch.randn(2, 144, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    concepts = [captum.Concept(0, "one", None), captum.Concept(1, "other", None)]
    theirs = captum.TCAV(network, ["1"], save_path=str(tmp_path))
    theirs.cavs = {"0-1": {"1": cav.CAV(concepts, "1", {"weights": vectors, "classes": [0, 1], "accs": 1.0})}}
    theirs.load_cavs = lambda experiment: ([], {})
    found = theirs.interpret(X, [concepts], target=1)["0-1"]["1"]["sign_count"]
    gradients = sensitivity(network, "1", X, 1, flat=True)
    ours = [tcav(gradients, Draws(one[None].repeat(2, 1), one[None].repeat(2, 1))).score for one in vectors]
    assert np.allclose(ours, found)


def test_a_score_is_the_share_above_nought():
    gradients = torch.tensor([[1.0, 0], [2, 1], [-1, 3], [-2, -1]])
    east, north, west = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
    found = tcav(gradients, Draws(torch.stack([east, east]), torch.stack([north, west])))
    assert (found.score, found.control) == (0.5, 0.5)  # north is true of two in four, west of two


def test_p_is_welchs():
    """The concept's scores spread less than the controls': Student's test, which takes them for equally spread, is surer than it should be."""
    generator = torch.Generator().manual_seed(6)
    gradients = torch.randn(40, 3, generator=generator)
    ahead = torch.tensor([1.0, 0, 0])
    vectors, controls = ahead + 0.1 * torch.randn(4, 3, generator=generator), torch.randn(4, 3, generator=generator)
    scores = [((gradients @ one.T) > 0).double().mean(0).numpy() for one in (vectors, controls)]
    found = tcav(gradients, Draws(vectors, controls)).p
    assert np.isclose(found, ttest_ind(*scores, equal_var=False).pvalue) and not np.isclose(found, ttest_ind(*scores).pvalue, rtol=1e-2)


def test_a_layer_with_its_channels_last(network):
    last = nn.Sequential(*network[:2], Permute([0, 2, 3, 1]), nn.LayerNorm(4), Permute([0, 3, 1, 2]), *network[2:]).double().eval()
    found = sensitivity(last, "3", X, 1)
    with torch.enable_grad():
        there = last[:4](X).detach().requires_grad_()
        last[4:](there)[:, 1].sum().backward()
    assert found.shape == (5, 4) and close(found, there.grad.sum((1, 2)))


def test_what_counts_and_what_does_not():
    generator = torch.Generator().manual_seed(5)
    others = torch.randn(200, 8, generator=generator)
    concept = torch.randn(60, 8, generator=generator) + torch.tensor([2.0] + [0] * 7)
    real, empty = draws(concept, others), draws(others[:60], others[60:])
    towards = torch.randn(100, 8, generator=generator) + torch.tensor([1.5] + [0] * 7)
    found, nothing = tcav(towards, real), tcav(towards, empty)
    assert found.score > 0.8 and found.p < 0.001
    assert nothing.p > 0.01


def test_no_spread_is_no_proof():
    east = torch.tensor([[1.0, 0]]).repeat(3, 1)
    gradients = torch.tensor([[1.0, 0]])
    assert tcav(gradients, Draws(east, east)) == (1, 1, 1)
    assert tcav(gradients, Draws(east, -east)) == (1, 0, 0)


def test_the_same_seed_draws_the_same():
    generator = torch.Generator().manual_seed(6)
    concept, others = torch.randn(10, 3, generator=generator), torch.randn(30, 3, generator=generator)
    one, two, three = (draws(concept, others, 2, seed) for seed in (0, 0, 1))
    assert torch.equal(one.controls, two.controls) and not torch.equal(one.controls, three.controls)


@pytest.mark.parametrize("concept, others, repeats, message", [
    (torch.randn(3, 2), torch.randn(9, 2), 5, "4 pictures of the concept, not 5 and 3"), (torch.randn(8, 2), torch.randn(9, 2), 1, "at least 2 repeats"),
    (torch.randn(10, 2), torch.randn(9, 2), 5, "draws 10 other pictures, and there are 9"),
])
def test_too_little_to_draw_from(concept, others, repeats, message):
    with pytest.raises(ValueError, match=message):
        draws(concept, others, repeats)


def test_four_pictures_of_the_concept_are_enough():
    assert draws(torch.eye(4), 2 + torch.rand(4, 4, generator=torch.Generator().manual_seed(7)), 2).vectors.shape == (2, 4)


def test_bad_input(network):
    with pytest.raises(IndexError, match="no class 2: the model has 2"):
        sensitivity(network, "1", X, 2)
    with pytest.raises(ValueError, match="nowhere"):
        sensitivity(network, "nowhere", X, 0)
    with pytest.raises(ValueError, match=r"gradients \(N, 3\)"):
        tcav(torch.randn(4, 2), Draws(torch.randn(2, 3), torch.randn(2, 3)))
