"""What must be true of a map: by maps made for it."""

import pytest
import torch

from xaitutor import audit
from xaitutor.audit.findings import ALARM, DOUBT, FINE, NOT
from xaitutor.audit.maps import _frame, _padding, _share

PLACE, CLASS, WEIGHTS = "Is there a map, and on the picture?", "Does the map change with the class?", "Does the map change with the weights?"
LAYER = audit.FAULTS["wrong layer"]


@pytest.fixture(scope="module")
def healthy():
    return audit.planted("nothing", count=4)


def ask(healthy, question, x=None, **options):
    return audit.audit(healthy.model, healthy.x if x is None else x, questions=[question], **options)[0]


def hot(rows, columns, value=1.0):
    def method(model, x, target):
        result = torch.zeros(len(x), 1, *x.shape[2:])
        result[:, :, rows, columns] = value
        return result
    return method


def test_an_empty_map(healthy):
    zero, negative = (ask(healthy, PLACE, method=hot(slice(40, 60), slice(40, 60), value)) for value in (0.0, -1.0))
    assert zero.verdict == negative.verdict == ALARM and "zeros" in zero.words and "negative" in negative.words


def test_some_empty_maps(healthy):
    def method(model, x, target):
        result = hot(slice(40, 60), slice(40, 60))(model, x, target)
        result[0] = 0
        return result

    finding = ask(healthy, PLACE, method=method)
    assert finding.verdict == DOUBT and finding.words.startswith("1 of 4") and finding.numbers["empty"] == 0.25


def test_on_the_border(healthy):
    inside, border = (ask(healthy, PLACE, method=hot(rows, slice(None))) for rows in (slice(50, 70), slice(0, 10)))
    assert inside.verdict == FINE and border.verdict == ALARM and border.numbers["frame"] == pytest.approx(1 / 0.4375, abs=1e-3)


def test_on_the_padding(healthy):
    x = healthy.x.clone()
    x[:, :, :20] = 0.5
    x[:, :, -20:] = 0.5
    finding = ask(healthy, PLACE, x, method=hot(slice(16, 20), slice(30, 90)))
    assert finding.verdict == ALARM and "padding" in finding.words and finding.numbers["padding"] == pytest.approx(128 / 40, abs=0.01)


def test_padding_and_frame():
    image = torch.rand(3, 10, 12, generator=torch.Generator().manual_seed(0))
    assert not _padding(image).any() and _padding(torch.ones(3, 4, 5)).all()
    image[:, :3], image[:, :, -2:] = 0.1, 0.1
    mask = _padding(image)
    assert mask[:3].all() and mask[:, -2:].all() and not mask[3:, :-2].any()
    frame = _frame(torch.zeros(1, 16, 32))
    assert frame.sum() == 16 * 32 - 12 * 24 and _share(torch.ones(2, 16, 32), frame) == pytest.approx(1)


def test_a_map_that_is_not_of_a_class(healthy):
    fem, deconvnet, grad_cam = (ask(healthy, CLASS, method=name) for name in ("fem", "guided_backprop", "grad_cam"))
    assert fem.verdict == ALARM and fem.numbers["correlation"] == pytest.approx(1) and deconvnet.verdict == ALARM and grad_cam.verdict == FINE


def test_a_map_that_is_not_of_the_weights(healthy):
    found = {name: ask(healthy, WEIGHTS, method=name) for name in ("grad_cam", "gradient", "guided_backprop")}
    assert [one.verdict for one in found.values()] == [FINE, FINE, ALARM]
    finding = ask(healthy, WEIGHTS, method=lambda model, x, target: x)
    assert finding.verdict == ALARM and finding.numbers == {"head": 1.0, "everything": 1.0}


def test_the_layer(healthy):
    assert ask(healthy, LAYER, method="gradient").verdict == NOT
    assert "'layer4'" in ask(healthy, LAYER).words and "8 × 8" in ask(healthy, LAYER).words
    found = {layer: ask(healthy, LAYER, layer=layer) for layer in ("layer4", "layer3", "layer2", "layer1", "conv1")}
    assert found["layer4"].verdict == FINE and found["layer4"].numbers["correlation"] == pytest.approx(1, abs=1e-3)
    assert found["layer3"].verdict == DOUBT and {found[name].verdict for name in ("layer2", "layer1", "conv1")} == {ALARM}
    assert ask(healthy, LAYER, layer="fc").verdict == NOT
