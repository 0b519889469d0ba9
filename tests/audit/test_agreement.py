"""Methods that must agree: on a network that deceives them they do not."""

import torch
from torch import nn

from xaitutor import audit
from xaitutor.audit.findings import ALARM, FINE, NOT

CAM, LRP, IG = (question for question in audit.QUESTIONS if question.endswith(("Grad-CAM agree?", "Input agree?", "add up?")))
X = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def net(*middle, head=None):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), *middle, *(head or (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)))).eval()


class Detached(nn.Module):
    """A step whose gradient is half of what it should be."""

    def forward(self, x):
        return 0.5 * x + 0.5 * x.detach()


def ask(model, question):
    return audit.audit(model, X, questions=[question])[0]


def test_they_agree_on_a_plain_network():
    assert {ask(net(), question).verdict for question in (CAM, LRP, IG)} == {FINE}


def test_a_network_that_hides_half_of_its_gradient():
    assert ask(net(Detached()), IG).verdict == ALARM and 0.4 < ask(net(Detached()), IG).numbers["error"] < 0.6


def test_where_they_cannot_be_asked():
    finding = ask(net(head=(nn.Flatten(), nn.Linear(8 * 14 * 14, 5))), CAM)
    assert finding.verdict == NOT and "CAM needs" in finding.words
    assert "no rule" in ask(net(nn.GELU()), LRP).words
