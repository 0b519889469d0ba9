"""networks, training, evaluation, cards: what makes the embedded networks, on a small scale."""

import json

import numpy as np
import pytest
import safetensors
import torch
from torchvision.models import resnet18

from xaitutor import menagerie
from xaitutor.menagerie import CLASSES, cards, evaluation, networks, training
from xaitutor.menagerie.training import Recipe

TINY = Recipe("resnet18", 192, 2, 0.05, radius=0.5, replays=2)
STAGES = (TINY, TINY._replace(epochs=1, small=0.5))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XAITUTOR_CACHE", str(tmp_path / "cache"))


def test_the_resnet_has_torchvisions_module_names_and_a_last_map_of_8_by_8():
    model = networks.build("resnet18", 12).eval()
    names = lambda m: [(name, type(module)) for name, module in m.named_modules()]  # noqa: E731
    ours, theirs = dict(names(model)), dict(names(resnet18()))
    # Without a stride in layer4, its shortcut still widens, so even that has its name.
    assert ours == theirs
    maps = {}
    model.layer4.register_forward_hook(lambda *a: maps.update(shape=a[2].shape))
    assert model(torch.zeros(2, 3, 128, 128)).shape == (2, 12)
    assert maps["shape"] == (2, 8 * networks.WIDTH, 8, 8)


def test_the_vgg_flattens_and_has_no_batch_norm():
    model = networks.build("vgg", 12).eval()
    assert not any("BatchNorm" in type(module).__name__ or "AdaptiveAvg" in type(module).__name__ for module in model.modules())
    assert model.features(torch.zeros(1, 3, 128, 128)).shape == (1, 96, 8, 8)
    assert model(torch.zeros(1, 3, 128, 128)).shape == (1, 12)


def test_an_unknown_architecture_is_refused():
    with pytest.raises(ValueError, match="no architecture is called 'alexnet'; there is resnet18, vgg"):
        networks.build("alexnet", 12)


def test_training_goes_on_from_its_checkpoint_to_the_same_network(tmp_path, monkeypatch):
    whole = training.train("n", STAGES, tmp_path / "whole").state_dict()
    saved = []
    save = training._save

    def stop_after_one(path, state, epoch, of):
        save(path, state, epoch, of)
        saved.append(epoch)
        if len(saved) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "_save", stop_after_one)
    with pytest.raises(KeyboardInterrupt):
        training.train("n", STAGES, tmp_path / "broken")
    resumed = training.train("n", STAGES, tmp_path / "broken").state_dict()
    assert saved == [1, 2, 1]
    assert all(torch.allclose(whole[key].float(), resumed[key].float(), atol=1e-5) for key in whole)


def test_training_learns():
    recipe = TINY._replace(radius=0.0, replays=1)
    torch.manual_seed(0)
    model = training.Normalised(networks.build("resnet18", len(CLASSES)))
    x = torch.rand(8, 3, 128, 128)
    y = torch.arange(8)
    optimiser = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0)
    losses = [training._learn(model, x, y, optimiser, schedule, recipe, 0.0) for _ in range(12)]
    assert losses[-1] < 0.5 * losses[0]


def test_attacks_stay_within_their_radius():
    shift = training._within(torch.randn(5, 3, 8, 8) * 10, 0.5)
    assert shift.flatten(1).norm(dim=1).tolist() == pytest.approx([0.5] * 5, rel=1e-5)
    small = torch.full((1, 3, 8, 8), 1e-3)
    assert torch.equal(training._within(small, 0.5), small)
    assert training._direction(torch.zeros(1, 3, 2, 2)).isfinite().all()


def test_augmented_pictures_stay_pictures():
    x = torch.rand(6, 3, 128, 128)
    out = training.augment(x, torch.Generator().manual_seed(0))
    assert out.shape == x.shape and out.min() >= 0 and out.max() <= 1
    again = training.augment(x, torch.Generator().manual_seed(0))
    assert torch.allclose(out, again, atol=1e-6)


def test_a_written_network_says_all_about_itself(tmp_path):
    model = networks.build("resnet18", len(CLASSES)).eval()
    monkey = {"n": 24}
    report = evaluation.report
    cards.report, kept = (lambda *a, **k: report(*a, **{**k, **monkey})), cards.report
    try:
        cards.write("menagerie_resnet18", STAGES, model, tmp_path)
    finally:
        cards.report = kept
    with safetensors.safe_open(tmp_path / "menagerie_resnet18.safetensors", "pt") as file:
        facts = file.metadata()
        assert json.loads(facts["categories"]) == list(CLASSES)
        assert facts["architecture"] == "resnet18"
        assert file.get_tensor("conv1.weight").dtype == torch.float16
    text = (tmp_path / "menagerie_resnet18.md").read_text()
    for word in ("Confusion matrix", "adversarial", "Stage 2", "bad at", "half their size", "dalmatian", "make models"):
        assert word in text


# Evaluation, against cases whose answer is known


def test_confusion_counts_rows_true_columns_predicted():
    table = evaluation.confusion(torch.tensor([1, 1, 0]), torch.tensor([0, 0, 0]))
    assert table[0, 1] == 2 and table[0, 0] == 1 and table.sum() == 3


def test_low_frequency_share_tells_noise_from_structure():
    draw = torch.Generator().manual_seed(0)
    noise = evaluation.low_frequency_share(torch.randn(400, 3, 7, 7, generator=draw))
    assert noise.mean().item() == pytest.approx(np.pi * 0.25**2, abs=0.03)
    assert (noise < 0.5).all()
    assert not evaluation.structured(torch.randn(200, 3, 7, 7, generator=draw)).any()
    edge = torch.ones(1, 1, 7, 7)
    edge[..., 3:] = -1
    checkers = torch.tensor([[(-1.0) ** (i + j) for i in range(7)] for j in range(7)])[None, None]
    assert evaluation.low_frequency_share(edge) > 0.7
    assert evaluation.low_frequency_share(checkers) < 0.1
    assert evaluation.structured(edge).all() and not evaluation.structured(checkers).any()


def test_gradient_on_object_is_one_for_a_model_that_looks_everywhere_alike():
    class Everywhere(torch.nn.Module):
        def forward(self, x):
            return x.sum((1, 2, 3))[:, None].expand(-1, len(CLASSES))

    ratio = evaluation.gradient_on_object(Everywhere(), menagerie.Dataset(12, "test"), lambda x: x)
    assert ratio == pytest.approx(1, abs=1e-3)


def test_conflicts_are_huskies_in_snow_and_wolves_off_it():
    images, labels = evaluation.conflicts(8)
    assert images.shape == (8, 128, 128, 3)
    assert [list(CLASSES)[i] for i in labels[:2]] == ["husky", "wolf"]


def test_make_models_refuses_an_unknown_network(capsys):
    from xaitutor.menagerie import make_models

    with pytest.raises(SystemExit):
        make_models.main(["menagerie_alexnet"])
    assert "no network is called menagerie_alexnet; there is menagerie_resnet18, menagerie_vgg" in capsys.readouterr().err
