"""The usual mistakes: each is undone exactly, and a healthy picture has nothing to be undone."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision import transforms

from xaitutor.audit.mistakes import IMAGENET, possible, reversed_channels, scale_of, undone

MENAGERIE = SimpleNamespace(mean=[0.57, 0.56, 0.47], std=[0.21, 0.19, 0.22])


def pictures(seed):
    p = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    p[0, :, 0, 0], p[0, :, 0, 1] = 0, 1
    return p


def mistakes(p, scale):
    n = scale.apply
    return {
        "not normalised": (p, n(p)), "from 0 to 255, not normalised": (255 * p, n(p)), "normalised from values from 0 to 255": (n(255 * p), n(p)),
        "divided by 255 twice": (n(p / 255), n(p)), "divided by 255 twice, and not normalised": (p / 255, n(p)), "normalised twice": (n(n(p)), n(p)),
    }


@given(st.integers(0, 2**16), st.booleans())
def test_each_mistake_is_undone(seed, known):
    p, scale = pictures(seed), scale_of(MENAGERIE if known else None, pictures(0))
    for name, (wrong, right) in mistakes(p, scale).items():
        found = [other for what, other in undone(wrong, scale).items() if what.endswith(name) or f"{name} in place" in what]
        assert len(found) == 1 and torch.allclose(found[0], right, atol=1e-9), name


@given(st.integers(0, 2**16), st.booleans())
def test_a_healthy_picture_has_nothing_to_undo(seed, known):
    scale = scale_of(MENAGERIE if known else None, pictures(0))
    x = scale.apply(pictures(seed))
    assert undone(x, scale) == {} and possible(x, scale)
    assert not possible(scale.apply(x), scale) and not possible(255 * x, scale)


def test_the_scale_is_that_of_the_preprocess_or_of_imagenet():
    assert scale_of(MENAGERIE, pictures(0)).mean.flatten().tolist() == pytest.approx(MENAGERIE.mean)
    assert scale_of(None, pictures(0)).std.flatten().tolist() == pytest.approx(IMAGENET[1])
    assert scale_of(None, torch.zeros(1, 1, 4, 4)) is None
    composed = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))])
    assert scale_of(composed, pictures(0)).std.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6]) and scale_of(composed, pictures(0)).known
    grey = SimpleNamespace(mean=[0.5], std=[0.25])
    assert scale_of(grey, torch.zeros(1, 1, 4, 4)).room == pytest.approx(0.05)


def test_channels_are_reversed_in_the_scale_of_each():
    scale, p = scale_of(MENAGERIE, pictures(0)), pictures(1)
    assert torch.allclose(reversed_channels(scale.apply(p.flip(1)), scale), scale.apply(p))
