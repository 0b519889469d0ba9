"""Mode and training of a network."""

import torch
from torch import nn

from xaitutor import audit
from xaitutor.audit import networks
from xaitutor.audit.findings import ALARM, DOUBT, FINE, UNKNOWN
from xaitutor.truth.networks import untrained

MODE, TRAINED = audit.FAULTS["training mode"], audit.FAULTS["random head"]
X = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def net(*middle):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), *middle, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()


def ask(model, x, question):
    return audit.audit(model, x, questions=[question])[0]


def test_one_part_in_training_mode():
    model = net(nn.BatchNorm2d(4))
    assert ask(model, X, MODE).verdict == FINE
    model[0].train()
    assert ask(model, X, MODE).verdict == DOUBT  # a convolution computes the same in both modes
    model[1].train()
    finding = ask(model, X, MODE)
    assert finding.verdict == ALARM and "'1'" in finding.words and finding.numbers == {"modules": 2, "lively": 1}


def test_a_network_that_only_its_batch_norm_has_seen_pictures():
    for name in ("menagerie_resnet18", "menagerie_vgg"):
        _, x, _, _ = audit.planted("nothing", name, count=4)
        assert ask(untrained(name).model, x, TRAINED).verdict == ALARM


def test_an_answer_that_does_not_depend_on_the_picture():
    model = net()
    with torch.no_grad():
        model[-1].weight.zero_()
        model[-1].bias.copy_(torch.tensor([5.0, 0, 0]))
    finding = ask(model, X, TRAINED)
    assert finding.verdict == ALARM and "does not depend" in finding.words


def test_guesses_and_one_picture():
    assert ask(net(), X[:1], TRAINED).verdict in (ALARM, DOUBT)
    model = net()
    with torch.no_grad():
        model[-1].weight *= 1000
    assert ask(model, X[:1], TRAINED).verdict == UNKNOWN  # a sure answer to one picture, and layers too small to judge


def test_sure_answers_that_change_are_fine_even_where_the_layers_are_too_small_to_judge():
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3, bias=False)).eval()
    with torch.no_grad():
        model[-1].weight.copy_(20 * torch.eye(3))
    one_colour_each = torch.eye(3)[:, :, None, None].expand(3, 3, 8, 8).contiguous()
    assert ask(model, one_colour_each, TRAINED).verdict == FINE and ask(model, one_colour_each[:1], TRAINED).verdict == UNKNOWN


def test_two_classes_are_not_taken_for_guesses():
    p = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.85, 0.15]])
    numbers = lambda sure: {"probability": sure, "chance": 0.5}  # noqa: E731
    assert networks._guessing(p, numbers(0.85)) is None
    assert networks._guessing(p, numbers(0.65)).verdict == DOUBT and networks._guessing(p, numbers(0.52)).verdict == ALARM
    assert networks._guessing(p[:1].expand(3, 2), numbers(0.9)).verdict == ALARM
