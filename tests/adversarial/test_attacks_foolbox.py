"""FGSM and DeepFool are foolbox's (Rauber, Brendel and Bethge 2017), on networks with the normalisation inside."""

import pytest
import torch

from tests.adversarial.conftest import convolutional, pictures
from xaitutor.adversarial import deepfool, fgsm, of_pixels
from xaitutor.menagerie import Dataset
from xaitutor.networks.models import load_model

foolbox = pytest.importorskip("foolbox", reason="foolbox is the reference for attacks: pip install foolbox")


def menagerie(name):
    """In double precision, where no sign hangs on the last bit."""
    network, preprocess, _ = load_model(name)
    return of_pixels(network.double(), preprocess.mean, preprocess.std)


def scenes(n):
    dataset = Dataset(n, "test", 7)
    return torch.stack([dataset[i][0] for i in range(n)]).double()


def small():
    return of_pixels(convolutional(), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)), pictures()


@pytest.mark.parametrize("made", [
    small, lambda: (menagerie("menagerie_resnet18"), scenes(2)), lambda: (menagerie("menagerie_resnet18_standard"), scenes(2)),
], ids=["small", "robust", "ordinary"])
def test_fgsm_and_deepfool(made):
    model, x = made()
    theirs, said = foolbox.PyTorchModel(model, bounds=(0, 1)), model(x).argmax(1)
    for size in (2 / 255, 0.1):
        reference = foolbox.attacks.LinfFastGradientAttack(random_start=False).run(theirs, x, said, epsilon=size)
        assert torch.allclose(fgsm(model, x, size=size), reference, rtol=0, atol=1e-12)
    for candidates in (3, 10):
        reference = foolbox.attacks.L2DeepFoolAttack(steps=5, candidates=candidates).run(theirs, x, said)
        lengths = (deepfool(model, x, steps=5, candidates=candidates) - reference).flatten(1).norm(dim=1)
        assert (lengths < 2e-3).all()  # foolbox goes 1e-4 further in each step, and each border found from there is a little elsewhere
