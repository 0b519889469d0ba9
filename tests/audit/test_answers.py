"""What a network answers: each kind of output is told by its numbers, and labels by how they fit."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from xaitutor import audit
from xaitutor.audit.answers import kind, probabilities
from xaitutor.audit.findings import ALARM, DOUBT, FINE, NOT

LOGITS, LABELS, SURE = audit.FAULTS["softmax inside"], audit.FAULTS["labels off by one"], "Is it sure of its answers?"


class Says(nn.Module):
    """Answers with what is given, whatever the picture."""

    def __init__(self, outputs, *last):
        super().__init__()
        self.outputs, self.last = torch.as_tensor(outputs, dtype=torch.float32), nn.Sequential(*last)
        self.eval()

    def forward(self, x):
        return self.last(self.outputs + 0 * x.mean())


def ask(model, question, **options):
    return audit.audit(model, torch.zeros(len(model.outputs), 3, 8, 8), method=lambda m, x, t: x, questions=[question], **options)[0]


@given(st.integers(0, 2**16), st.floats(0.1, 30))
def test_the_kind_of_output(seed, scale):
    z = scale * torch.randn(6, 7, generator=torch.Generator().manual_seed(seed))
    found = {name: kind(outputs) for name, outputs in {"logits": z, "softmax": z.softmax(1), "log-softmax": z.log_softmax(1), "sigmoid": z.sigmoid()}.items()}
    assert all(name == what for name, what in found.items())
    torch.testing.assert_close(probabilities(z), probabilities(z.softmax(1)))
    torch.testing.assert_close(probabilities(z), probabilities(z.log_softmax(1)))


def test_one_output_is_a_logit():
    assert kind(torch.ones(4, 1)) == kind(torch.zeros(4, 1)) == "logits"


def test_probabilities_are_an_alarm_and_the_layer_is_named():
    z = 4 * torch.randn(6, 7, generator=torch.Generator().manual_seed(1))
    softmax, logged, sigmoid = (ask(Says(z, last), LOGITS) for last in (nn.Softmax(1), nn.LogSoftmax(1), nn.Sigmoid()))
    assert (softmax.verdict, logged.verdict, sigmoid.verdict) == (ALARM, DOUBT, ALARM) and "'last.0'" in softmax.advice
    p = z.softmax(1).amax(1)
    assert softmax.numbers["slope"] == pytest.approx((p * (1 - p)).mean().item(), abs=1e-3)
    assert ask(Says(z.sigmoid()), LOGITS).verdict == DOUBT  # as a last ReLU might
    assert ask(Says(z), LOGITS).verdict == FINE


def test_how_sure():
    z = torch.log(torch.tensor([[0.7, 0.2, 0.1], [0.9, 0.06, 0.04]]))
    assert ask(Says(z + 5), SURE).numbers == {"probability": 0.8, "margin": 0.67}
    assert ask(Says(z + 5), SURE, target=1).verdict == DOUBT
    assert ask(Says(torch.zeros(2, 3)), SURE).verdict == DOUBT


def test_a_network_that_says_yes_or_no():
    z = torch.tensor([[3.0], [-3.0]])
    torch.testing.assert_close(probabilities(z), torch.cat([z.sigmoid(), 1 - z.sigmoid()], dim=1))
    finding = ask(Says(z), SURE)
    assert finding.numbers["probability"] == 0.5 and ask(Says(z), LABELS, labels=[0, 0]).verdict == NOT


def test_labels():
    truth = torch.arange(20) % 5
    model = Says(9 * nn.functional.one_hot(truth, 5))
    assert ask(model, LABELS).verdict == NOT
    for shift in (1, -1):
        finding = ask(model, LABELS, labels=truth + shift)
        assert finding.verdict == ALARM and ("lower" if shift > 0 else "higher") in finding.words
        assert finding.numbers == {"accuracy": 0.0, "accuracy_shifted": 1.0}
    assert ask(model, LABELS, labels=truth).verdict == FINE
    assert "0 to 4" in ask(model, LABELS, labels=[*truth[:19], 17]).words
    assert "chance" in ask(model, LABELS, labels=(truth + 2) % 5).words
    assert ask(model, LABELS, labels=[*truth[:9], *(truth[9:] + 2) % 5]).verdict == DOUBT
