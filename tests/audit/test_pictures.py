"""Is the picture as the network expects it? The distance in closed form, and what each witness may say."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from xaitutor import audit
from xaitutor.audit.findings import ALARM, DOUBT, FINE, UNKNOWN
from xaitutor.audit.pictures import distance, seen_pictures

QUESTION = audit.FAULTS["BGR"]


def ask(model, x, **options):
    return audit.audit(model, x, questions=[QUESTION], **options)[0]


def normed(mean, deviation):
    norm = nn.BatchNorm2d(3).eval()
    norm.running_mean[:], norm.running_var[:] = mean, deviation**2
    return nn.Sequential(norm, nn.BatchNorm2d(3)).eval()


def test_the_distance_is_that_of_two_normal_distributions():
    x = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    x = (x - x.mean(dim=(0, 2, 3), keepdim=True)) / x.std(dim=(0, 2, 3)).view(1, 3, 1, 1)
    for mean, deviation in ((0.5, 1.0), (0.0, 2.0), (-3.0, 0.5)):
        assert distance(normed(mean, deviation), x) == pytest.approx((mean**2 + (1 - deviation) ** 2) ** 0.5 / deviation, rel=1e-4)


def test_batch_norm_that_has_seen_nothing_says_nothing():
    x = torch.randn(2, 3, 8, 8)
    assert distance(nn.Sequential(nn.BatchNorm2d(3)).eval(), x) is None and distance(nn.Conv2d(3, 3, 1), x) is None
    assert not seen_pictures(nn.BatchNorm2d(3)) and not seen_pictures(nn.BatchNorm2d(3, track_running_stats=False))


@pytest.mark.parametrize("network", ["menagerie_resnet18", "menagerie_vgg"])
@pytest.mark.parametrize("fault, said", [("not normalised", "not normalised"), ("0-255", "0 to 255"), ("normalised twice", "twice"), ("BGR", "BGR")])
def test_the_mistake_is_named_also_where_the_scale_is_guessed(network, fault, said):
    model, x, _, _ = audit.planted(fault, network, seed=2)
    finding = ask(model, x)
    assert finding.verdict == ALARM and said in finding.words


def test_a_network_that_takes_pictures_from_0_to_1_may_have_them():
    from xaitutor.menagerie.training import Normalised

    for network in ("menagerie_resnet18", "menagerie_vgg"):
        model, p, _, _ = audit.planted("not normalised", network)
        assert ask(Normalised(model).eval(), p).verdict in (FINE, UNKNOWN)


def test_one_picture_is_not_enough_to_accuse_of_bgr():
    verdicts = set()
    for seed in range(4):
        model, x, _, options = audit.planted("BGR", count=1, seed=seed)
        verdicts.add(ask(model, x, **options).verdict)
    assert ALARM not in verdicts and DOUBT in verdicts


def test_pictures_of_another_kind_are_doubted_not_accused():
    model, x, _, options = audit.planted("nothing", count=4)
    assert ask(model, torch.full_like(x, 1.9), **options).verdict == DOUBT


def test_centred_pixels_from_0_to_255_are_not_taken_for_uncentred():
    """As Caffe's networks take them: there is no batch norm to say so, and nothing to accuse."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    finding = ask(model, 255 * torch.rand(2, 3, 16, 16) - 120)
    assert finding.verdict == DOUBT and "no normalised picture" in finding.words


def test_another_size_than_the_preprocess_makes():
    model, x, _, options = audit.planted("nothing", count=4)
    small = nn.functional.interpolate(x, (72, 72), mode="area")
    preprocess = options["preprocess"]
    sized, also = (SimpleNamespace(mean=preprocess.mean, std=preprocess.std, crop_size=size) for size in ([256], 256))
    assert ask(model, x, preprocess=preprocess).verdict == FINE
    finding = ask(model, x, preprocess=sized)
    assert finding.verdict == DOUBT and "another size" in finding.words and ask(model, x, preprocess=also) == finding
    assert ask(model, small, preprocess=preprocess).verdict in (DOUBT, FINE)


def test_grey_pictures():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
    assert ask(model, torch.randn(2, 1, 16, 16)).verdict == UNKNOWN
