"""CAM, Grad-CAM and Guided Grad-CAM: equal to what is published, exact where there is a closed form, and cheap."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from captum.attr import GuidedGradCam, LayerGradCam
from torch import nn

from tests.attribution.test_last_maps import LAST, Net, picture
from tests.helpers import FAMILIES, close, fingerprint, small
from xaitutor import load_model
from xaitutor.attribution import cam, fem, grad_cam, guided_grad_cam, last_feature_map
from xaitutor.networks.images import load_image
from xaitutor.networks.layers import record
from xaitutor.truth.given import counted_passes

IMAGENET = Path(__file__).resolve().parents[3] / "shared" / "imagenet"
CAPTUM = ["vgg11", "alexnet", "resnet18", "mobilenet_v2", "squeezenet1_1"]
AVERAGING = ["resnet18", "googlenet", "densenet121", "mobilenet_v2", "squeezenet1_1"]
quiet = pytest.mark.filterwarnings("ignore:no ReLU ran", "ignore:Input Tensor 0", "ignore:Setting (forward|backward)")


# Published implementations


@pytest.mark.parametrize("name", CAPTUM)
def test_grad_cam_is_captums(name):
    model, x = small(name).double(), picture(name, 2).double()
    theirs = LayerGradCam(model, model.get_submodule(LAST[name]))
    for index in (7, [1, 7]):
        signed = theirs.attribute(x, index, attr_dim_summation=True).detach()
        assert close(grad_cam(model, x, index, relu=False), signed)
        assert close(grad_cam(model, x, index), theirs.attribute(x, index, relu_attributions=True).detach())
        assert close(grad_cam(model, x, index, relu=False, layer=LAST[name]), signed)


@quiet
@pytest.mark.parametrize("name", CAPTUM)
def test_guided_grad_cam_is_captums(name):
    model, x = small(name).double(), picture(name, 2).double()
    theirs = GuidedGradCam(model, model.get_submodule(LAST[name]))
    assert close(guided_grad_cam(model, x, 7), theirs.attribute(x, 7, interpolate_mode="bilinear").detach())


@pytest.mark.parametrize("layer", ["layer2", "layer4.1.conv2", "layer4"])
def test_grad_cam_at_a_named_layer_is_captums(layer):
    model, x = small("resnet18").double(), picture("resnet18").double()
    theirs = LayerGradCam(model, model.get_submodule(layer)).attribute(x, 5).detach()
    assert close(grad_cam(model, x, 5, layer=layer, relu=False), theirs)


def test_cam_and_grad_cam_are_torchcams():
    from torchcam.methods import CAM, GradCAM

    model, x = small("resnet18").double(), picture("resnet18", 2).double()
    with CAM(model, "layer4", "fc") as theirs, torch.no_grad():
        model(x)
        assert close(cam(model, x, [3, 9])[:, 0], theirs([3, 9], normalized=False)[0])
    with GradCAM(model, "layer4") as theirs:
        assert close(grad_cam(model, x, [3, 9])[:, 0], theirs([3, 9], model(x), normalized=False)[0])


@pytest.mark.parametrize("name", ["resnet18", "vgg11"])
def test_grad_cam_becomes_that_of_pytorch_grad_cam(name):
    """… when scaled to [0, 1] by minimum and maximum, enlarged, and scaled again."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    def scaled(maps):
        maps = maps - maps.amin(dim=(1, 2), keepdim=True)
        return maps / (1e-7 + maps.amax(dim=(1, 2), keepdim=True))

    model, x = small(name), picture(name, 2)
    ours = grad_cam(model, x, 3)
    with GradCAM(model, [model.get_submodule(LAST[name])]) as theirs:
        expected = torch.from_numpy(theirs(x, [ClassifierOutputTarget(3)] * 2))
    enlarged = F.interpolate(scaled(ours[:, 0])[:, None], x.shape[2:], mode="bilinear")[:, 0]
    assert (scaled(enlarged) - expected).abs().max() < 1e-5 and expected.max() > 0.99


# Closed forms, in double precision


@pytest.mark.parametrize("name", AVERAGING)
def test_what_cam_adds_up_to(name):
    """mean(CAM) + bias = logit; CAM = Z · Grad-CAM without its ReLU; Σ Grad-CAM = logit − bias."""
    model, x = small(name).double(), picture(name, 2).double()
    logits = model(x).detach()
    bias = [m for m in model.modules() if isinstance(m, nn.Linear)]
    bias = bias[-1].bias.detach()[None] if bias else 0
    target = logits.argmax(dim=1) if name == "squeezenet1_1" else torch.tensor([17, 4])  # half of SqueezeNet's are 0
    maps, gradients = cam(model, x, target), grad_cam(model, x, target, relu=False)
    expected = (logits - bias).gather(1, target[:, None])[:, 0]
    assert close(maps.mean(dim=(1, 2, 3)), expected, 1e-12)
    assert close(maps.shape[2:].numel() * gradients, maps, 1e-12)
    assert close(gradients.sum(dim=(1, 2, 3)), expected, 1e-12)


def test_the_identities_do_not_hold_at_the_last_convolution():
    """Batch norm, the residual addition and the ReLU lie between it and the average."""
    model, x = small("resnet18").double(), picture("resnet18").double()
    maps, elsewhere = cam(model, x, 4), grad_cam(model, x, 4, layer="layer4.1.conv2", relu=False)
    assert not close(maps.shape[2:].numel() * elsewhere, maps, 0.1)
    expected = (model(x) - model.fc.bias)[0, 4]
    assert abs(elsewhere.sum() - expected) > 0.1 * abs(expected)


def test_cam_by_hand():
    model = nn.Sequential(nn.Identity(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)).eval()
    model[3].weight.data = torch.tensor([[1.0, 0.0], [2.0, -1.0]])
    x = torch.tensor([[[[1.0, 2.0]], [[3.0, 5.0]]]])
    assert cam(model, x, 0).tolist() == [[[[1.0, 2.0]]]]
    assert cam(model, x, 1).tolist() == [[[[-1.0, -1.0]]]]
    assert grad_cam(model, x, 1, relu=False).tolist() == [[[[-0.5, -0.5]]]]
    assert grad_cam(model, x, 1).tolist() == [[[[0.0, 0.0]]]]


def test_grad_cam_takes_the_mean_of_the_gradient():
    """Behind a flattening the weights w of a channel's places differ: α is their mean."""
    model, x = Net(nn.Flatten(), 36).double(), torch.randn(2, 3, 6, 6).double()
    alpha = model.fc.weight[2].reshape(4, 36).mean(dim=1)
    expected = torch.einsum("k,nkhw->nhw", alpha, model.conv(x))[:, None]
    assert close(grad_cam(model, x, 2, relu=False), expected, 1e-12)
    assert close(grad_cam(model, x, 2), grad_cam(model, x, 2, relu=False).clamp_min(0), 1e-12)


@pytest.mark.parametrize("score", ["probability", "log_probability"])
def test_grad_cam_of_a_probability(score):
    """∂ log p_c = w_c − Σ_j p_j w_j, and ∂ p_c is p_c times that."""
    model, x = Net(lambda a: a.mean([2, 3])).double(), torch.randn(3, 3, 6, 6).double()
    p = model(x).softmax(dim=1)
    weights = model.fc.weight[1] - p @ model.fc.weight
    weights = weights * p[:, 1:2] if score == "probability" else weights
    expected = torch.einsum("nk,nkhw->nhw", weights / 36, model.conv(x))[:, None]
    assert close(grad_cam(model, x, 1, score=score, relu=False), expected, 1e-12)


def test_guided_grad_cam_is_nothing_where_grad_cam_is():
    model, x = small("resnet18"), picture("resnet18")
    where = F.interpolate(grad_cam(model, x, 3), x.shape[2:], mode="bilinear").expand_as(x)
    product = guided_grad_cam(model, x, 3)
    assert (where == 0).any() and (product[where == 0] == 0).all() and product.abs().max() > 0


# Arguments


@quiet
@pytest.mark.parametrize("method", [cam, grad_cam, guided_grad_cam])
def test_a_batch_is_its_images_one_by_one(method):
    model, x = small("resnet18").double(), picture("resnet18", 2).double()
    predicted = model(x).argmax(dim=1)
    for target, each in (([5, 1], [5, 1]), (None, predicted.tolist())):
        alone = torch.cat([method(model, x[i:i + 1], each[i]) for i in range(2)])
        assert close(method(model, x, target), alone, 1e-10)
    assert close(method(model, x, torch.tensor([5, 5])), method(model, x, 5), 1e-10)
    assert not close(method(model, x, 5), method(model, x, 1), 0.1)


@quiet
@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("method", [cam, grad_cam, guided_grad_cam, fem])
def test_under_no_grad_and_with_frozen_weights(method, frozen):
    model, x = small("resnet18").double().requires_grad_(not frozen), picture("resnet18").double()
    before, kept, options = fingerprint(model), x.clone(), {"k": 0.5} if method is fem else {}
    expected = method(model, x, 1, **options)
    with torch.no_grad():
        assert close(method(model, x, 1, **options), expected, 1e-10)
    assert not expected.requires_grad and torch.equal(x, kept) and x.grad is None
    assert fingerprint(model) == before


@pytest.mark.parametrize("method, passes", [
    (cam, (1, 0)), (grad_cam, (1, 0)), (fem, (1, 0)), (guided_grad_cam, (2, 1)),
])
def test_passes_through_the_first_convolution(method, passes):
    model, x = small("resnet18"), picture("resnet18")
    for options in ({}, {"layer": "layer4"}):
        with counted_passes(model) as counts:
            method(model, x, 1, **({"k": 0.5} if method is fem else {}), **(options if method is not cam else {}))
        assert (counts.forward, counts.backward) == passes


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_its_last_map_and_grad_cam_or_is_told_why_not(name):
    model, x = small(name), picture(name)
    before = fingerprint(model)
    if name == "vit_b_16":
        for method in (grad_cam, cam, fem, guided_grad_cam):
            with pytest.raises(ValueError, match="as vision transformers do"):
                method(model, x, 1)
        assert fingerprint(model) == before
        return
    with record(model, LAST.get(name, "features")) as recorded:
        found = grad_cam(model, x, 1, relu=False)
    (last,) = recorded.values()
    assert close(last_feature_map(model, x), last if name in LAST else last.relu(), 1e-4)  # DenseNet's is a function
    assert found.shape == (1, 1, *last.shape[2:]) and last.shape[2:].numel() > 1 and found.abs().max() > 0
    if name in ("alexnet", "convnext_tiny", "maxvit_t", "mobilenet_v3_small", "vgg11", "vgg11_bn"):
        with pytest.raises(ValueError, match=r"averages its last feature map.* take grad_cam"):
            cam(model, x, 1)
    else:
        assert close(found.shape[2:].numel() * found, cam(model, x, 1), 1e-4)
    assert fingerprint(model) == before


# Errors


def test_cam_refuses_a_head_that_is_not_linear():
    for lose, factor in ((lambda a: F.adaptive_max_pool2d(a, 1).flatten(1), 1), (nn.Flatten(), 36),
                         (lambda a: a.mean([2, 3]).tanh(), 1)):
        with pytest.raises(ValueError, match="averages of the 4 maps and the last linear layer do not give the 5"):
            cam(Net(lose, factor), torch.randn(1, 3, 6, 6))


def test_cam_of_the_embedded_networks():
    model, preprocess, categories = load_model("menagerie_resnet18")
    x = preprocess(load_image("menagerie/zebra"))[None]
    assert cam(model, x, 1).shape == (1, 1, 8, 8)
    assert abs(cam(model, x, 1).mean() + model.fc.bias[1] - model(x)[0, 1]) < 1e-4
    with pytest.raises(ValueError, match="take grad_cam"):
        cam(load_model("menagerie_vgg")[0], x, 1)


@pytest.mark.parametrize("layer, message", [
    ("layer5", "no layer 'layer5'; did you mean .*'layer4'"),
    ("fc", r"layer 'fc' puts out \(1, 1000\), which has no rows and columns"),
])
def test_layers_that_cannot_be_taken(layer, message):
    model = small("resnet18")
    before = fingerprint(model)
    with pytest.raises(ValueError, match=message):
        grad_cam(model, picture("resnet18"), 1, layer=layer)
    assert fingerprint(model) == before


def test_a_layer_that_does_not_run_or_does_not_matter():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle, self.beside = (nn.Conv2d(3, 2, 3) for _ in range(3))

        def forward(self, x):
            self.beside(x)
            return self.used(x).mean([2, 3])

    x = torch.randn(1, 3, 6, 6)
    with pytest.raises(ValueError, match="layer 'idle' did not run"):
        grad_cam(Two().eval(), x, 1, layer="idle")
    with pytest.raises(ValueError, match="does not depend"):
        grad_cam(Two().eval(), x, 1, layer="beside")


@pytest.mark.parametrize("method", [cam, grad_cam])
def test_wrong_targets_and_pictures(method):
    model, x = small("resnet18"), picture("resnet18", 2)
    with pytest.raises(IndexError, match="no class 1000"):
        method(model, x, 1000)
    with pytest.raises(ValueError, match="one for each of 2 images"):
        method(model, x, [1, 2, 3])
    with pytest.raises(ValueError, match=r"x\[None\]"):
        method(model, x[0])


# A network of ImageNet


@pytest.mark.skipif(not IMAGENET.is_dir(), reason="the folder shared/imagenet is not beside this repository")
def test_grad_cam_tells_classes_apart_on_a_photo():
    model, preprocess, categories = load_model("squeezenet1_0", IMAGENET / "squeezenet1_0-imagenet.safetensors")
    x = preprocess(load_image(IMAGENET / "images" / "340_zebra.jpg"))[None]
    zebra, *others = model(x)[0].topk(4).indices.tolist()
    assert categories[zebra] == "zebra"
    for other in others:
        both = torch.stack([grad_cam(model, x, index).flatten() for index in (zebra, other)])
        assert both.amax(dim=1).min() > 0 and torch.corrcoef(both)[0, 1] < 0.8
