"""Noise and seeds."""

import torch

from xaitutor import audit
from xaitutor.audit.findings import ALARM, FINE, NOT

NOISE, SEED = "Does the map hold under small noise?", "Does the map hold with another seed?"


def ask(question, method):
    model, x, _, _ = audit.planted("nothing", count=2)
    return audit.audit(model, x, method=method, questions=[question])[0]


def chance(model, x, target, seed=0):
    """A map that hangs on the last bit of the picture, and on the seed."""
    generator = torch.Generator().manual_seed(seed + int(x.double().sum().item() * 1e6) % 2**31)
    return torch.rand(len(x), 1, 8, 8, generator=generator)


def test_noise():
    assert ask(NOISE, "grad_cam").verdict == FINE and ask(NOISE, chance).verdict == ALARM
    finding = ask(NOISE, lambda model, x, target: 0 * x)
    assert finding.verdict == "unknown"


def test_seeds():
    assert ask(SEED, "grad_cam").verdict == NOT and ask(SEED, chance).verdict == ALARM
    assert ask(SEED, lambda model, x, target, seed=0: x).verdict == FINE
    assert ask(SEED, lambda model, x, target, seed=0: 0 * x).verdict == "unknown"
