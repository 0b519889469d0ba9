"""Relevance beside zennit's, on networks of torchvision: the same composites, from the logit instead of from 1.

zennit merges a batch norm with the convolution before it, but leaves its eps behind: the merged network divides each time by √(1 + eps) once more.
So the networks here have an eps of 0, and both agree to rounding.
"""

import pytest
import torch
from torch import nn
from zennit.attribution import Gradient
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import EpsilonAlpha2Beta1, EpsilonGammaBox, EpsilonPlus
from zennit.rules import Norm
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from tests.helpers import calibrated, close, small
from xaitutor.attribution import lrp

COMPOSITES = {
    "epsilon_plus": EpsilonPlus, "epsilon_alpha2_beta1": EpsilonAlpha2Beta1,
    "epsilon_gamma_box": lambda **options: EpsilonGammaBox(low=-2.0, high=2.0, **options),
}
CANONIZERS = {"vgg11_bn": VGGCanonizer, "resnet18": ResNetCanonizer}


def zennits(composite, canonizer, model, x, target):
    """Its average pools are mapped by hand. It adds a stabiliser to every denominator, 1e-6 unless told otherwise."""
    composite = COMPOSITES[composite](canonizers=[canonizer], layer_map=[(nn.AdaptiveAvgPool2d, Norm(stabilizer=1e-15))], stabilizer=1e-15)
    with Gradient(model=model, composite=composite) as attributor:
        logits, _ = attributor(x, lambda output: torch.zeros_like(output))
        start = torch.zeros_like(logits)
        start[:, target] = logits.detach()[:, target]
        return attributor(x, start)[1]


def network(name, eps=0.0):
    model = calibrated(small(name).double(), 32)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = eps
    return model, torch.randn(2, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).clamp(-2, 2)


@pytest.mark.parametrize("composite", COMPOSITES)
@pytest.mark.parametrize("name", CANONIZERS)
def test_equal_to_zennit(name, composite):
    model, x = network(name)
    expected = zennits(composite, CANONIZERS[name](), model, x.clone().requires_grad_(), 3)
    assert close(lrp(model, x, 3, rule=composite, low=-2, high=2), expected, 1e-9)


def test_zennit_merges_a_batch_norm_and_keeps_its_eps():
    """With torch's own eps of 1e-5 its merged network has other logits, and its relevance is a little off; ours changes no network."""
    model, x = network("resnet18", eps=1e-5)
    expected = zennits("epsilon_plus", ResNetCanonizer(), model, x.clone().requires_grad_(), 3)
    found = lrp(model, x, 3, rule="epsilon_plus")
    assert close(found, expected, 1e-3) and not close(found, expected, 2e-5)
    with Gradient(model=model, composite=EpsilonPlus(canonizers=[ResNetCanonizer()])) as attributor:
        merged = attributor(x.clone().requires_grad_(), lambda output: torch.zeros_like(output))[0]
    with torch.no_grad():
        assert not close(merged.detach(), model(x), 2e-6) and close(merged.detach(), model(x), 1e-3)


def test_zennit_counts_a_sum_in_forward_twice():
    """Its issue 236: rules for what a module puts out do not see a sum that is made inside of forward. Ours is right by conservation."""
    torch.manual_seed(0)

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.last = (nn.Linear(4, 4, bias=False) for _ in range(3))

        def forward(self, x):
            h = self.first(x.flatten(1)).relu()
            return self.last((h + self.second(h)).relu())

    model = Residual().double().eval()
    x = torch.rand(1, 4, 1, 1, dtype=torch.float64)
    logit = model(x)[0, 1].item()
    ours = lrp(model, x, 1, rule="z_plus")
    theirs = zennits("epsilon_plus", SequentialMergeBatchNorm(), model, x.clone().requires_grad_(), 1)
    assert ours.sum().item() == pytest.approx(logit, rel=1e-9)
    assert theirs.sum().item() > 1.5 * logit
