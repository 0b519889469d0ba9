"""What the lessons say of a real network on the few photos that the course may show, asked again on 12 of ImageNet's, with intervals."""

from pathlib import Path

import pytest
import torch

from xaitutor import adversarial, attribution, load_model, truth
from xaitutor.networks import images, models

IMAGENET = Path(__file__).resolve().parents[3] / "shared" / "imagenet"
pytestmark = pytest.mark.skipif(not IMAGENET.is_dir(), reason="the folder shared/imagenet is not beside this repository")


@pytest.fixture(scope="module")
def real():
    """SqueezeNet, 12 photos (12, 3, 224, 224) of as many classes, what it says, and one that is far from all of them: web site."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(models.WEIGHTS_DIR, str(IMAGENET))
        model, preprocess, names = load_model("squeezenet1_0")
    paths = sorted((IMAGENET / "images").iterdir())[::6]
    x = torch.stack([preprocess(images.load_image(path)) for path in paths])
    said = torch.cat([model(part).argmax(1) for part in x.split(8)])
    other = torch.full_like(said, names.index("web site"))
    assert len(paths) == 12 and not (said == other).any()
    return model, preprocess, x, said, other


def alike(one, other):
    """The correlation of each pair of maps, of their absolute values; NaN where one is empty."""
    return torch.stack([torch.corrcoef(torch.stack([a.abs().flatten(), b.abs().flatten()]))[0, 1] for a, b in zip(one, other)])


def by_class(method, real):
    model, _, x, said, other = real
    parts = zip(x.split(8), said.split(8), other.split(8))
    return torch.cat([alike(method(model, part, a), method(model, part, b)) for part, a, b in parts])


def test_guided_backpropagation_hangs_on_the_class_less_than_the_gradient_does(real):
    value, low, high = truth.bootstrap(by_class(attribution.guided_backprop, real) - by_class(attribution.gradient, real))
    assert low > 0.1 and value > 0.2


def test_grad_cam_changes_with_the_class_and_with_random_weights_at_the_top(real):
    model, _, x, said, _ = real
    assert truth.bootstrap(by_class(lambda *a: attribution.grad_cam(*a, relu=False), real)).high < 0.5
    weight = model.classifier[1].weight
    before, kept = attribution.grad_cam(model, x[:8], said[:8], relu=False), weight.clone()
    try:
        weight.data = kept[torch.randperm(len(kept), generator=torch.Generator().manual_seed(0))]
        after = attribution.grad_cam(model, x[:8], said[:8], relu=False)
    finally:
        weight.data = kept
    assert truth.bootstrap(alike(before, after)).high < 0.6


def test_relevance_and_deeplift_keep_the_score(real):
    model, _, x, said, _ = real
    with torch.no_grad():
        scores, empty = model(x[:8])[range(8), said[:8]], model(torch.zeros_like(x[:1]))[0, said[:8]]
    relevance = attribution.lrp(model, x[:8], said[:8]).sum((1, 2, 3))
    assert ((relevance / scores - 1).abs() < 0.03).all()
    assert torch.allclose(attribution.deeplift(model, x[:8], said[:8]).sum((1, 2, 3)), scores - empty, rtol=1e-3, atol=1e-3)


def test_one_grey_level_changes_nearly_every_answer_and_chance_hardly_one(real):
    model, preprocess, x, said, _ = real
    pixels = adversarial.of_pixels(model, preprocess.mean, preprocess.std)
    photos = images.denormalise(x, preprocess.mean, preprocess.std).clamp(0, 1)
    noise = torch.randn(photos.shape, generator=torch.Generator().manual_seed(0)).sign() / 255
    attacked = torch.cat([pixels(adversarial.fgsm(pixels, p, c, size=1 / 255)).argmax(1) for p, c in zip(photos.split(8), said.split(8))])
    shaken = torch.cat([pixels((p + n).clamp(0, 1)).argmax(1) for p, n in zip(photos.split(8), noise.split(8))])
    assert (attacked != said).float().mean() >= 0.75 and (shaken != said).float().mean() <= 0.15
