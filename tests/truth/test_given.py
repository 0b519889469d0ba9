import numpy as np
import pytest
import torch
from torch import nn

from xaitutor.attribution import METHODS, gradient
from xaitutor.truth import controls, networks
from xaitutor.truth.given import VARIANTS, contestant, counted_passes, explain, relevance
from xaitutor.truth.situations import pictures

LABELS = ["scene 0 (horse)", "scene 1 (zebra)", "scene 2 (cow)"]
TARGETS = np.arange(3)


@pytest.fixture(scope="module")
def drawn(cast):
    return pictures([s.scene for s in cast])


def test_what_a_region_was_given():
    attribution = torch.tensor([[[[1.0, -2.0], [3.0, 4.0]], [[10.0, 0.0], [0.0, 0.0]]]])
    regions = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.5, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]])
    assert relevance(attribution, regions).tolist() == [[9.0, 1.5, 0.0]]


def test_a_coarse_map_is_enlarged():
    coarse = torch.tensor([[[[1.0, 0.0], [0.0, -1.0]]]])
    masks = torch.zeros(1, 2, 8, 8)
    masks[0, 0, :4, :4] = masks[0, 1, 4:, 4:] = 1
    first, second = relevance(coarse, masks)[0].tolist()
    enlarged = nn.functional.interpolate(coarse, size=(8, 8), mode="bilinear")
    assert first == pytest.approx(enlarged[0, 0, :4, :4].sum().item())
    assert first == pytest.approx(-second)


def test_masks_have_to_fit_the_attribution():
    with pytest.raises(ValueError, match=r"\(1, 3, 4, 4\) and \(2, 5, 4, 4\)"):
        relevance(torch.ones(1, 3, 4, 4), torch.ones(2, 5, 4, 4))


def test_nothing_of_an_explanation_is_lost(judged, drawn):
    found = explain(contestant("gradient"), judged[0], drawn, TARGETS, LABELS)
    whole = gradient(judged[0].model, judged[0].inputs(drawn.images), torch.from_numpy(TARGETS)).double().sum(dim=(1, 2, 3))
    np.testing.assert_allclose(found.signed.sum(axis=1), whole.numpy(), rtol=1e-4, atol=1e-3)
    assert found.heat.min() >= -1e-6 and found.passes.tolist() == [1, 1] and found.seconds > 0
    assert ((0 <= found.mass) & (found.mass <= 1)).all() and set(found.pointing) <= {0.0, 1.0}


def test_captum_needs_no_glue(judged, drawn):
    by_name = explain(contestant("captum.attr:InputXGradient"), judged[0], drawn, TARGETS, LABELS)
    ours = explain(contestant("gradient_x_input"), judged[0], drawn, TARGETS, LABELS)
    np.testing.assert_allclose(by_name.signed, ours.signed, rtol=1e-3, atol=1e-3)
    from captum.attr import InputXGradient

    np.testing.assert_allclose(explain(contestant(InputXGradient), judged[0], drawn, TARGETS, LABELS).signed, by_name.signed,
                               rtol=1e-3, atol=1e-3)


def test_what_is_known_is_not_asked_again(judged, drawn):
    who = contestant("fem")
    first = explain(who, judged[0], drawn, TARGETS, LABELS)
    silent = who._replace(function=None)
    assert np.array_equal(explain(silent, judged[0], drawn, TARGETS, LABELS).signed, first.signed)
    for changed in (silent._replace(code="another"), contestant("grad_cam")._replace(function=None)):
        with pytest.raises(ValueError, match="not callable"):
            explain(changed, judged[0], drawn, TARGETS, LABELS)
    with pytest.raises(ValueError, match="not callable"):
        explain(silent, judged[0], drawn, TARGETS + 1, LABELS)
    with pytest.raises(ValueError, match="not callable"):
        explain(silent, judged[1], drawn, TARGETS, LABELS)
    assert contestant(gradient).code is None  # nothing is known of what it calls


def test_each_method_has_a_fingerprint_of_its_own():
    """Also where several stand in one file, and are shown in the same way."""
    names = [*METHODS, *VARIANTS, *controls.CONTROLS]
    codes = {contestant(name).code for name in names}
    assert None not in codes and len(codes) == len(names)


def raises(model, x, target):
    if (target == 1).any():
        raise RuntimeError("no zebras")
    return x


def crowded(model, x, target):
    if len(x) > 1:
        raise RuntimeError("one at a time")
    return x


@pytest.mark.parametrize("function, message", [
    (crowded, r"the method crowded fails for scene 0 \(horse\) to scene 2 \(cow\), together: RuntimeError: one at a time"),
    (raises, r"the method raises fails for scene 1 \(zebra\): RuntimeError: no zebras"),
    (lambda model, x, target: x[0], r"gives \(3, 128, 128\) for the pictures \(3, 3, 128, 128\) \(scene 0 \(horse\) and so on\); expected"),
    (lambda model, x, target: x.numpy(), r"gives ndarray for .* expected a tensor \(3, C, h, w\)"),
    (lambda model, x, target: None, "gives NoneType"),
    (lambda model, x, target: x[:2], r"gives \(2, 3, 128, 128\)"),
    (lambda model, x, target: x / (target != 2)[:, None, None, None], r"NaN or infinite for scene 2 \(cow\)"),
])
def test_a_method_that_fails_is_named_with_its_scene(judged, drawn, function, message):
    with pytest.raises(ValueError, match=message):
        explain(contestant(function), judged[0], drawn, TARGETS, LABELS)


@pytest.mark.parametrize("name, message", [
    ("gradcam", "there is no method 'gradcam'; there is gradient, .* or yours as module:function"),
    ("no_such_module:f", "the method 'no_such_module:f' cannot be imported: No module named"),
    ("captum.attr:Salienzy", "cannot be imported: .*Salienzy"),
    ("math:pi", r"math:pi is a float, not a function \(model, x, target\)"),
])
def test_what_is_no_method_is_named(name, message):
    with pytest.raises(ValueError, match=message):
        contestant(name)


def test_passes_are_counted(judged, drawn):
    x = judged[0].inputs(drawn.images)
    with counted_passes(judged[0].model) as counts:
        contestant("integrated_gradients").function(judged[0].model, x[:1], 0)
        contestant("grad_cam").function(judged[0].model, x[:2], 0)
    assert (counts.forward, counts.backward) == (12, 10)
    assert not judged[0].model.conv1._forward_hooks


def no_network():
    return 5


@pytest.mark.parametrize("which, message", [
    ("resnet81", "there is no network 'resnet81'; there is menagerie_resnet18, "),
    ("no_such_module:f", "the network 'no_such_module:f' cannot be imported"),
    (f"{__name__}:no_network", "gives a int, not a network"),
    (nn.Flatten(), r"Flatten gives \(2, 49152\) for two pictures; expected logits \(2, 12\)"),
])
def test_what_is_no_network_is_named(which, message, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or __import__("types").SimpleNamespace(no_network=no_network))
    with pytest.raises(ValueError, match=message):
        networks.network(which)
