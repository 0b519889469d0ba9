import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from xaitutor.truth import controls
from xaitutor.truth.localisation import pointing_game, relevance_mass, relevance_rank

ON_MASK = (pointing_game, relevance_mass, relevance_rank)


def pictures(seed, n=4, side=9):
    """Heat (n, side, side) without ties, and masks with some pixels each."""
    generator = torch.Generator().manual_seed(seed)
    heat = torch.rand(n, side, side, generator=generator, dtype=torch.float64)
    mask = torch.rand(n, side, side, generator=generator) < 0.3
    mask[:, 0, 0] = True
    return heat, mask


@pytest.mark.parametrize("metric", ON_MASK)
def test_the_mask_itself_is_perfect_and_its_opposite_worthless(metric):
    _, mask = pictures(0)
    assert metric(mask.float(), mask).tolist() == [1] * len(mask)
    assert metric((~mask).float(), mask).tolist() == [0] * len(mask)


@pytest.mark.parametrize("level", [0.0, 1.0, 1e-30])
def test_a_constant_map_has_the_share_of_the_mask_and_never_points(level):
    _, mask = pictures(1)
    constant = torch.full(mask.shape, level)
    share = mask.double().mean(dim=(1, 2))
    torch.testing.assert_close(relevance_mass(constant, mask), share)
    torch.testing.assert_close(relevance_rank(constant, mask), share)
    assert not pointing_game(constant, mask).any()


def test_by_hand():
    heat = torch.tensor([[[4.0, 3.0], [2.0, 1.0]]])
    mask = torch.tensor([[[True, False], [True, False]]])
    assert pointing_game(heat, mask).tolist() == [True]
    assert relevance_mass(heat, mask).item() == pytest.approx(6 / 10)
    assert relevance_rank(heat, mask).item() == 1 / 2  # of the 2 hottest, 4 and 3, one is on the object
    tied = torch.tensor([[[4.0, 4.0], [1.0, 1.0]]])
    assert pointing_game(tied, mask).tolist() == [False]  # one of the maxima is not on the object
    assert pointing_game(tied, torch.tensor([[[True, True], [False, False]]])).tolist() == [True]
    three = torch.tensor([[[True, False], [True, True]]])
    # The 3 hottest: both 4s, of which one is on the object, and one of the two 1s, which both are.
    assert relevance_rank(tied, three).item() == pytest.approx(2 / 3)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_rank_without_ties_is_the_share_of_the_topk(seed):
    heat, mask = pictures(seed)
    for h, m, found in zip(heat, mask, relevance_rank(heat, mask)):
        hottest = h.flatten().topk(int(m.sum())).indices
        assert found.item() == pytest.approx(m.flatten()[hottest].float().mean().item())


@given(seed=st.integers(0, 10**6), scale=st.sampled_from([0.25, 8.0, 1024.0]))
@settings(max_examples=25)
@pytest.mark.parametrize("metric", ON_MASK)
def test_scale_and_order_of_pictures_do_not_matter(metric, seed, scale):
    heat, mask = pictures(seed)
    torch.testing.assert_close(metric(heat * scale, mask), metric(heat, mask))
    torch.testing.assert_close(metric(heat.flip(0), mask.flip(0)), metric(heat, mask).flip(0))


def test_noise_scores_the_share_of_the_mask():
    """The expectation of all three for noise, within five standard errors of the mean of 4,000 pictures."""
    n = 4000
    heat = controls.random(nn.Identity(), torch.arange(n)[:, None, None, None].expand(n, 3, 12, 12).float(), seed=3).abs()[:, 0]
    mask = torch.zeros(n, 12, 12, dtype=torch.bool)
    mask[:, 3:8, 2:9] = True
    for metric in ON_MASK:
        values = metric(heat, mask).double()
        assert abs(values.mean().item() - 35 / 144) < 5 * values.std().item() / n**0.5


@pytest.mark.parametrize("metric", ON_MASK)
@pytest.mark.parametrize("heat, mask, message", [
    (torch.ones(2, 4, 4), torch.ones(2, 4, 5, dtype=torch.bool), r"\(2, 4, 4\) and \(2, 4, 5\)"),
    (torch.ones(4, 4), torch.ones(4, 4, dtype=torch.bool), r"heat \(N, H, W\)"),
    (torch.ones(1, 4, 4), torch.ones(1, 4, 4), "mask > 0.5 makes one"),
    (torch.ones(2, 4, 4), torch.arange(2)[:, None, None].expand(2, 4, 4) > 0, "a mask is empty"),
    (torch.full((1, 4, 4), float("nan")), torch.ones(1, 4, 4, dtype=torch.bool), "finite"),
    (torch.full((1, 4, 4), -1.0), torch.ones(1, 4, 4, dtype=torch.bool), "not negative"),
])
def test_what_is_no_heat_or_no_mask_is_refused(metric, heat, mask, message):
    with pytest.raises(ValueError, match=message):
        metric(heat, mask)
