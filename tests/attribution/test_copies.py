"""copies: what many altered copies of an image are answered, a few at a time."""

import torch
from torch import nn

from tests.helpers import close, fingerprint
from xaitutor.attribution.copies import answers
from xaitutor.truth.given import counted_passes


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)).double().eval()


def test_each_copy_gets_the_answer_it_would_get_alone():
    model, x = network(), torch.randn(7, 3, 6, 6, dtype=torch.float64)
    before = fingerprint(model)
    with counted_passes(model) as counts:
        found = answers(model, iter(x), 7, batch_size=3)
    assert (counts.forward, counts.backward) == (7, 0) and found.shape == (7, 5) and not found.requires_grad
    assert close(found, model(x).detach(), 1e-12) and fingerprint(model) == before
    assert close(answers(model, iter(x), 7, target=2, batch_size=2), found[:, 2], 1e-12)


def test_no_more_copies_than_a_batch_are_in_memory():
    model, made, asked = network(), [0], []

    def copies():
        for _ in range(8):
            made[0] += 1
            yield torch.zeros(3, 6, 6, dtype=torch.float64)

    model.register_forward_pre_hook(lambda *_: asked.append(made[0]))
    answers(model, copies(), 8, batch_size=2)
    assert asked == [2, 4, 6, 8]
