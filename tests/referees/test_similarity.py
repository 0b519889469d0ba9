"""Maps and masks compared: identical maps, closed forms, and scikit-learn, SciPy, NumPy as second opinions."""

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import structural_similarity
from sklearn.metrics import roc_auc_score

from xaitutor import referees

BOTH = ["pearson", "rank_correlation", "ssim", "similarity", "dice", "iou"]
MASKED = ["auc_judd", "auc_borji", "nss"]


def maps(seed, n=2, size=(8, 9)):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, *size, generator=generator), torch.rand(n, *size, generator=generator)


def mask(seed, share=0.3):
    found = torch.rand(2, 8, 9, generator=torch.Generator().manual_seed(seed + 77)) < share
    found[:, 0, 0], found[:, -1, -1] = True, False
    return found


@pytest.mark.parametrize("name", BOTH)
def test_identical_maps_have_one(name):
    heat, _ = maps(0)
    torch.testing.assert_close(getattr(referees, name)(heat, heat).double(), torch.ones(2, dtype=torch.float64))


@given(st.integers(0, 2**16))
def test_as_others_compute_them(seed):
    a, b = maps(seed)
    inside = mask(seed)
    for i in range(2):
        x, y, m = a[i].numpy().ravel().astype(float), b[i].numpy().ravel().astype(float), inside[i].numpy().ravel()
        assert referees.pearson(a, b)[i].item() == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-9)
        assert referees.rank_correlation(a, b)[i].item() == pytest.approx(scipy.stats.spearmanr(x, y)[0], abs=1e-9)
        p, q = x / x.sum(), y / y.sum()
        assert referees.similarity(a, b)[i].item() == pytest.approx(1 - np.abs(p - q).sum() / 2, abs=1e-9)  # 1 − the total variation
        assert referees.kl_divergence(a, b)[i].item() == pytest.approx(scipy.stats.entropy(q, p), abs=1e-7)
        assert referees.auc_judd(a, inside)[i].item() == pytest.approx(roc_auc_score(m, x), abs=1e-9)
        assert referees.nss(a, inside)[i].item() == pytest.approx(scipy.stats.zscore(x)[m].mean(), abs=1e-9)
        hot, other = x > 0.2 * x.max(), y > 0.2 * y.max()
        assert referees.iou(a, b)[i].item() == pytest.approx((hot & other).sum() / (hot | other).sum(), abs=1e-6)


@pytest.mark.parametrize("name", [*BOTH, *MASKED, "kl_divergence"])
def test_a_map_that_hangs_on_a_graph_gives_plain_numbers(name):
    heat, other = maps(1)
    assert not getattr(referees, name)(heat.requires_grad_(), mask(1) if name in MASKED else other).requires_grad


def test_where_judd_and_borji_differ():
    """A map that is 1 in the mask and 0 outside: Judd 1; Borji's other places are in the mask as often as it is large, half of them a tie."""
    inside = torch.zeros(1, 10, 10, dtype=torch.bool)
    inside[:, :4] = True
    heat = inside.float()
    assert referees.auc_judd(heat, inside) == 1 and referees.nss(heat, inside).item() == pytest.approx((0.6 / 0.4) ** 0.5)
    assert referees.auc_borji(heat, inside, samples=20000).item() == pytest.approx(0.6 + 0.4 / 2, abs=0.01)


def test_maps_that_have_nothing_in_common():
    a = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
    assert referees.similarity(a, a.flip(2)).item() == 0 and referees.iou(a, a.flip(2)).item() == 0
    assert referees.pearson(a, a.flip(2)).item() == pytest.approx(-1) and referees.kl_divergence(a, a.flip(2)).item() > 20
    assert referees.kl_divergence(a, a).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", ["pearson", "rank_correlation"])
def test_a_plain_map_is_like_no_other(name):
    heat, _ = maps(1)
    assert not getattr(referees, name)(torch.ones_like(heat), heat).any()
    assert referees.similarity(torch.zeros_like(heat), torch.ones_like(heat)).tolist() == pytest.approx([1, 1])


def test_a_plain_map_tells_no_mask():
    plain, inside = torch.full((2, 8, 9), 0.4), mask(0)
    assert referees.auc_judd(plain, inside).tolist() == [0.5, 0.5] and referees.nss(plain, inside).tolist() == [0, 0]


def test_ssim_is_of_scaled_maps():
    a, b = maps(2, size=(20, 20))
    torch.testing.assert_close(referees.ssim(a, b), referees.ssim(7 * a - 3, b))
    assert referees.ssim(a, b).max() < 0.5 and referees.ssim(a, -a).max() < 0


@pytest.mark.parametrize("size, window", [((20, 20), 7), ((9, 6), 5), ((3, 8), 3)])
def test_ssim_is_scikit_images(size, window):
    """Of windows of 7 × 7 places, or the largest odd ones that fit."""
    a, b = (one[0].double() for one in maps(3, size=size))
    a, b = ((one - one.min()) / (one.max() - one.min()) for one in (a, b))
    expected = structural_similarity(a.numpy(), b.numpy(), win_size=window, data_range=1.0)
    assert referees.ssim(a[None], b[None]).item() == pytest.approx(expected)


def test_a_map_of_nothing_is_the_same_everywhere():
    nothing = torch.zeros(1, 4, 5)
    assert referees.similarity(nothing, nothing).item() == pytest.approx(1)
    assert referees.similarity(nothing, torch.ones(1, 4, 5)).item() == pytest.approx(1)


@pytest.mark.parametrize("call, message", [
    (lambda a, m: referees.pearson(a, a[:1]), "two maps"), (lambda a, m: referees.pearson(a * torch.nan, a), "NaN"),
    (lambda a, m: referees.similarity(a - 1, a), "must not be negative"), (lambda a, m: referees.auc_judd(a, m.float()), "True and False"),
    (lambda a, m: referees.nss(a, m & False), "empty"), (lambda a, m: referees.auc_judd(a, m | True), "covers the whole"),
    (lambda a, m: referees.auc_judd(a, m | (torch.arange(len(m)) == 0)[:, None, None]), "covers the whole"),
    (lambda a, m: referees.ssim(a[:, :2], a[:, :2]), "too small")])
def test_bad_maps(call, message):
    with pytest.raises(ValueError, match=message):
        call(maps(0)[0], mask(0))
