"""Each wrong input gets one clear error; each image gets its class; the model is left as it was, whatever happens."""

import inspect
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.helpers import FAMILIES, close, fingerprint, small
from xaitutor import attribution
from xaitutor.attribution import gradient, integrated_gradients, smoothgrad
from xaitutor.attribution.class_scores import class_scores
from xaitutor.attribution.copies import batches
from xaitutor.attribution.inputs import explaining
from xaitutor.truth.given import counted_passes

METHODS = {name: getattr(attribution, name) for name in (
    "gradient", "gradient_x_input", "deconvnet", "guided_backprop", "smoothgrad", "integrated_gradients", "lrp", "deeplift",
    "deep_shap", "occlusion", "rise", "meaningful_perturbation", "lime", "kernel_shap")}
REGIONS = {"samples": 8, "regions": torch.arange(42).reshape(6, 7) // 14}
FEW = {"smoothgrad": {"samples": 2}, "integrated_gradients": {"steps": 2}, "lrp": {"rule": "epsilon_plus"},  # zᴮ wants pixels that nobody changes
       "occlusion": {"window": 4, "stride": 2}, "rise": {"samples": 4}, "meaningful_perturbation": {"steps": 3, "size": 4}, "lime": REGIONS,
       "kernel_shap": REGIONS}
ASKING = ("occlusion", "rise", "lime", "kernel_shap")  # that need nothing but answers
COARSE = (*ASKING, "meaningful_perturbation")  # maps of one channel
SCORED = [name for name, method in METHODS.items() if "score" in inspect.signature(method).parameters or name == "smoothgrad"]
each_method = pytest.mark.parametrize("name", METHODS)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Dropout(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5)).eval()


def images(n=2, dtype=torch.float32):
    return torch.randn(n, 3, 6, 7, generator=torch.Generator().manual_seed(1)).to(dtype)


# Wrong images

WRONG = {
    "one image without a batch": (torch.rand(3, 6, 7), ValueError, r"\(N, C, H, W\), not \(3, 6, 7\); .* x\[None\]"),
    "no channels": (torch.rand(6, 7), ValueError, r"\(N, C, H, W\), not \(6, 7\)"),
    "a video": (torch.rand(1, 1, 3, 6, 7), ValueError, r"not \(1, 1, 3, 6, 7\)"),
    "no image": (torch.rand(0, 3, 6, 7), ValueError, r"not \(0, 3, 6, 7\)"),
    "bytes": (torch.zeros(1, 3, 6, 7, dtype=torch.uint8), TypeError, "floating point and normalised, not torch.uint8"),
    "complex": (torch.zeros(1, 3, 6, 7, dtype=torch.complex64), TypeError, "not torch.complex64"),
    "nan": (torch.full((1, 3, 6, 7), float("nan")), ValueError, "nan or infinite"),
    "inf": (torch.full((1, 3, 6, 7), float("-inf")), ValueError, "nan or infinite"),
    "a list": ([torch.rand(3, 6, 7)] * 2, TypeError, r"a list of 2; torch.stack\(x\)"),
    "sizes": ([torch.rand(3, 6, 7), torch.rand(3, 8, 7)], TypeError,
              r"one size first, not \[\(3, 6, 7\), \(3, 8, 7\)\]"),
    "an array": (np.zeros((1, 3, 6, 7)), TypeError, r"\(N, C, H, W\), not ndarray; x = preprocess\(image\)\[None\]"),
    "four channels": (torch.rand(1, 4, 6, 7), ValueError, r"cannot take x, torch.float32 of the shape \(\d+, 4, 6, 7\): .* to have 3 channels, but got 4"),
    "double": (torch.rand(1, 3, 6, 7).double(), ValueError, "x is torch.float64 on cpu, .* are torch.float32 on"),
}


@each_method
@pytest.mark.parametrize("x, error, message", WRONG.values(), ids=WRONG)
def test_wrong_images(name, x, error, message):
    model = network()
    before = fingerprint(model)
    with pytest.raises(error, match=message):
        METHODS[name](model, x, 0)
    assert fingerprint(model) == before


@each_method
def test_a_picture_of_0_to_255_is_explained_with_one_warning(name):
    x = 255 * torch.rand(2, 3, 6, 7)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        METHODS[name](network(), x, 0, **FEW.get(name, {}))
    assert len(caught) == 1 and "beyond ±20: it looks like a picture of 0–255" in str(caught[0].message)
    assert caught[0].filename == __file__


@each_method
def test_nothing_is_said_about_a_normalised_picture(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        METHODS[name](network(), images(), 0, **FEW.get(name, {}))


def test_nothing_is_said_about_the_large_numbers_of_a_toy():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gradient(nn.Flatten().eval(), torch.tensor([100.0, 5.0]).reshape(1, 2, 1, 1), 0)


# Wrong models


class Puts(nn.Module):
    """Puts out what `answer` makes of the logits."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.network = answer, network()
        self.eval()

    def forward(self, x):
        return self.answer(self.network(x))


WRONG_OUTPUTS = {
    "a tuple": (lambda z: (z, z), ValueError, r"returns a tuple 2; reading\(model"),
    "a dict": (lambda z: OrderedDict(boxes=z, labels=z), ValueError, r"returns a OrderedDict \['boxes', 'labels'\]; reading\(model"),
    "nothing": (lambda z: None, ValueError, "returns a NoneType"),
    "maps": (lambda z: z[:, :, None, None], ValueError,
             r"\(N, classes\) = \(\d+, …\), but returns a map \(\d+, 5, 1, 1\); reading\(model, lambda maps: maps\[:, :, row, column\]\)"),
    "fewer rows": (lambda z: z[:1], ValueError, r"of \(1, 5\)"),
    "whole numbers": (lambda z: z.long(), ValueError, "torch.int64"),
    "detached": (lambda z: z.detach(), ValueError, "does not depend on x"),
    "constant": (lambda z: torch.ones_like(z, requires_grad=True), ValueError, "does not depend on x"),
    "nan": (lambda z: z / 0, ValueError, "score is not finite"),
    "broken": (lambda z: 1 / 0, ZeroDivisionError, "division"),
}


@each_method
@pytest.mark.parametrize("answer, error, message", WRONG_OUTPUTS.values(), ids=WRONG_OUTPUTS)
def test_wrong_outputs(name, answer, error, message):
    if name in ASKING and "depend" in message:
        pytest.skip("who asks for answers only needs no gradient")
    model = Puts(answer)
    before = fingerprint(model)
    with pytest.raises(error, match=message):
        METHODS[name](model, images(), 0, **FEW.get(name, {}))
    assert fingerprint(model) == before and torch.is_grad_enabled()


def test_a_model_that_runs_under_no_grad_itself():
    model = network()
    model.forward = torch.no_grad()(model.forward)
    with pytest.raises(ValueError, match=r"run under torch.no_grad\(\) itself"):
        gradient(model, images())


def test_a_function_is_no_model():
    with pytest.raises(TypeError, match="must be a torch.nn.Module, not function"):
        gradient(lambda x: x, images())


# Wrong classes


@each_method
@pytest.mark.parametrize("target, error, message", [
    (5, IndexError, "no class 5: the model has 5, from 0 to 4"), (-1, IndexError, "no class -1"),
    ([0, 5], IndexError, "no class 5"), ([0, 1, 2], ValueError, r"one for each of 2 images, not \(3,\)"),
    (torch.zeros(2, 1).long(), ValueError, r"not \(2, 1\)"),
    ("zebra", TypeError, r"class_index\(categories, 'zebra'\)"),
    (1.0, TypeError, "whole numbers"), (True, TypeError, "whole numbers"),
])
def test_wrong_classes(name, target, error, message):
    with pytest.raises(error, match=message):
        METHODS[name](network(), images(), target, **FEW.get(name, {}))


@each_method
@pytest.mark.parametrize("target", [
    [3, 1], (3, 1), torch.tensor([3, 1]), torch.tensor([3, 1], dtype=torch.int32), np.array([3, 1]),
])
def test_a_class_for_each_image(name, target):
    result = METHODS[name](network(), images(), target, **FEW.get(name, {}))
    for i, one in enumerate((3, np.int64(1))):
        torch.testing.assert_close(METHODS[name](network(), images()[[i]], one, **FEW.get(name, {})), result[[i]])


@each_method
def test_without_a_class_the_predicted_one(name):
    model, x = network(), images(4)
    with torch.no_grad():
        model[-1].bias -= model(x).mean(dim=0)  # no class is everybody's favourite
    predicted = model(x).argmax(dim=1)
    assert len(predicted.unique()) > 1
    few = FEW.get(name, {})
    assert close(METHODS[name](model, x, **few), METHODS[name](model, x, predicted, **few))


# Scores


def test_scores_by_hand():
    logits = torch.tensor([[1.0, 2, 4], [0, 0, 0]]).reshape(2, 3, 1, 1)
    e = torch.tensor([1.0, 2, 4]).exp()
    for name, expected in {
        "logit": [2, 0], "probability": [e[1] / e.sum(), 1 / 3],
        "log_probability": [(e[1] / e.sum()).log(), -np.log(3)],
    }.items():
        torch.testing.assert_close(class_scores(nn.Flatten(), logits, 1, name), torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize("name", SCORED)
def test_an_unknown_score(name):
    with pytest.raises(ValueError, match="must be one of 'logit', 'log_probability', 'probability', not 'softmax'"):
        METHODS[name](network(), images(), 0, score="softmax")


def test_the_gradient_of_each_score_in_closed_form():
    z = torch.randn(2, 4, 1, 1, dtype=torch.float64)
    p, one = z.flatten(1).softmax(1), torch.eye(4, dtype=torch.float64)[2]
    for name, expected in {
        "logit": one.expand(2, 4), "log_probability": one - p, "probability": p[:, [2]] * (one - p),
    }.items():
        torch.testing.assert_close(gradient(nn.Flatten().eval(), z, 2, score=name).flatten(1), expected)


# No trace


@each_method
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
def test_under_the_callers_modes(name, frozen, mode):
    model, x, few = network().requires_grad_(not frozen), images(), FEW.get(name, {})
    before, expected = fingerprint(model), METHODS[name](model, x, 1, **few)
    with mode():
        result = METHODS[name](model, images(), 1, **few)  # under inference_mode, of an inference tensor
        assert torch.is_grad_enabled() == (mode is torch.enable_grad)
    assert close(result, expected) and not result.requires_grad and not expected.requires_grad
    assert fingerprint(model) == before


@each_method
def test_what_the_caller_differentiates_is_untouched(name):
    model, x = network(), images().requires_grad_()
    model(x).sum().backward()
    gradients = [x.grad.clone(), *(p.grad.clone() for p in model.parameters())]
    copy = x.detach().clone()
    METHODS[name](model, x, **FEW.get(name, {}))
    assert torch.equal(x, copy) and x.requires_grad
    for tensor, gradient_before in zip([x, *model.parameters()], gradients):
        assert torch.equal(tensor.grad, gradient_before)


@each_method
def test_a_first_layer_that_overwrites_its_input(name):
    model = nn.Sequential(nn.ReLU(inplace=True), network()).eval()
    x = images()
    METHODS[name](model, x, 0, **FEW.get(name, {}))
    assert torch.equal(x, images())


@each_method
def test_training_mode_is_refused_and_stays(name):
    """Also where it is one layer's: dropout alone would give another explanation each time."""
    model = network()
    model[3].train()
    before = fingerprint(model)
    with pytest.raises(ValueError, match=r"training mode, where a pass changes it; call model\.eval\(\) first"):
        METHODS[name](model, images(), 1, **FEW.get(name, {}))
    assert fingerprint(model) == before


class NoWeights(TorchDispatchMode):
    """Notes whether a backward convolution or matrix product was asked for anything but the input's gradient."""

    def __init__(self):
        super().__init__()
        self.masks = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket.__name__ in ("convolution_backward", "native_batch_norm_backward"):
            self.masks.append(tuple(args[-1]))
        return function(*args, **(kwargs or {}))


@each_method
def test_no_gradient_of_a_weight_is_computed(name):
    model, x = network(), images()
    with NoWeights() as everything:
        torch.autograd.grad(model(x.requires_grad_()).sum(), [x, *model.parameters()])
    assert set(everything.masks) == {(True, True, True)}  # what it looks like where one is
    with NoWeights() as seen:
        METHODS[name](model, x, 0, **FEW.get(name, {}))
    assert set(seen.masks) == (set() if name in ASKING else {(True, False, False)})


@pytest.mark.parametrize("family", FAMILIES)
def test_every_method_on_every_family_leaves_no_trace(family):
    model = small(family)
    if family == "vit_b_16":
        nn.init.normal_(model.heads.head.weight)  # torchvision begins with zeros
    model.requires_grad_(family < "m")  # half of the families with frozen parameters
    x = torch.randn(1, 3, FAMILIES[family], FAMILIES[family], generator=torch.Generator().manual_seed(0))
    before = fingerprint(model)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", "no ReLU ran")
        for name in SCORED:  # gradients through whatever there is; the others refuse what has no rule
            few = {"regions": torch.arange(x[0, 0].numel()).reshape(x.shape[2:]) % 2, "samples": 4} if name in ("lime", "kernel_shap") else {
                option: 2 for option in FEW.get(name, {})}
            few |= {"window": x.shape[2], "stride": x.shape[2]} if name == "occlusion" else {}
            result = METHODS[name](model, x, **few)
            assert result.shape == x.shape or name in COARSE and result.shape[:2] == (1, 1), name
            changed = result.abs().max() > 0 or name == "meaningful_perturbation"  # an untrained network may have nothing to delete
            assert result.isfinite().all() and changed, name
    with pytest.raises(IndexError):
        gradient(model, x, 1000)
    assert fingerprint(model) == before


# Number types


@each_method
@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-5), (torch.float16, 0.02), (torch.bfloat16, 0.1)])
def test_number_types(name, dtype, tolerance):
    few = FEW.get(name, {})
    expected = METHODS[name](network(), images(), 1, **few)
    result = METHODS[name](network().to(dtype), images(dtype=dtype), 1, **few)
    assert result.dtype == dtype
    if name != "meaningful_perturbation":  # Adam's first steps are signs, and where a slope is nearly 0 its sign is chance
        assert (result.float() - expected).norm() < tolerance * expected.norm()


# Cost

COSTS = {"gradient": (1, 1), "gradient_x_input": (1, 1), "deconvnet": (1, 1), "guided_backprop": (1, 1),
         "smoothgrad": (7, 7), "integrated_gradients": (7, 7), "lrp": (1, 1), "deeplift": (2, 2), "deep_shap": (6, 6),
         "occlusion": (7, 0), "rise": (4, 0), "meaningful_perturbation": (3, 3), "lime": (8, 0), "kernel_shap": (8, 0)}


@each_method
@pytest.mark.parametrize("target", [None, 2])
def test_passes(name, target):
    n, many = 3, FEW.get(name, {}) | {"smoothgrad": {"samples": 7}, "integrated_gradients": {"steps": 7}}.get(name, {})
    model = network()
    with counted_passes(model) as counts:
        METHODS[name](model, images(n), target, **many)
    forward, backward = COSTS[name]
    extra = n if forward > 2 and target is None else 0  # to find the class
    assert (counts.forward, counts.backward) == (n * forward + extra, n * backward)


@pytest.mark.parametrize("method, many", [(smoothgrad, {"samples": 7}), (integrated_gradients, {"steps": 7}), *(
    (METHODS[name], FEW[name]) for name in COARSE)])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
@pytest.mark.parametrize("target", [None, 0])
def test_memory_is_bounded_by_the_batch_size(method, many, batch_size, target):
    model, sizes = network(), []
    expected = method(model, images(3), target, **many)
    model[0].register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    result = method(model, images(3), target, batch_size=batch_size, **many)
    assert max(sizes) <= batch_size
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method, options, message", [
    (smoothgrad, {"samples": 0}, "samples must be a whole number of at least 1, not 0"),
    (smoothgrad, {"samples": 2.5}, "samples must be"), (smoothgrad, {"batch_size": 0}, "batch_size must be"),
    (smoothgrad, {"noise": -0.1}, "noise is a share of the image's range, not -0.1"),
    (smoothgrad, {"noise": float("nan")}, "noise is a share"),
    (integrated_gradients, {"steps": 0}, "steps must be a whole number of at least 1, not 0"),
    (integrated_gradients, {"steps": True}, "steps must be"),
    (integrated_gradients, {"batch_size": -1}, "batch_size must be"),
    (integrated_gradients, {"rule": "left"}, "one of 'gauss_legendre', 'midpoint', 'right', not 'left'"),
    (integrated_gradients, {"baseline": torch.zeros(3, 5, 7)}, r"shape \(3, 5, 7\) does not fit x \(2, 3, 6, 7\)"),
    (integrated_gradients, {"baseline": torch.zeros(5, 3, 6, 7)}, "does not fit"),
    (integrated_gradients, {"baseline": float("nan")}, "baseline has values that are nan"),
])
def test_wrong_options(method, options, message):
    with pytest.raises(ValueError, match=message):
        method(network(), images(), 0, **options)


def test_batches_take_nothing_early():
    taken = []
    found = batches((taken.append(i) or i for i in range(5)), 2)
    assert next(found) == [0, 1] and taken == [0, 1]
    assert list(found) == [[2, 3], [4]]


def test_explaining_gives_a_leaf_of_its_own():
    x = images()
    with explaining(network(), x) as leaf:
        assert leaf.is_leaf and leaf.requires_grad and leaf.data_ptr() != x.data_ptr() and torch.is_grad_enabled()
    assert not x.requires_grad
