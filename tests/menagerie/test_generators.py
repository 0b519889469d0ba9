"""The generators: their form, their training on a small scale, and what is written about them."""

import json
import re

import pytest
import safetensors
import torch

from tests.helpers import fingerprint
from xaitutor.adversarial import load_generators
from xaitutor.files import data_files
from xaitutor.menagerie import CLASSES, generator_cards, generator_training, make_models
from xaitutor.menagerie.generator_training import GeneratorRecipe
from xaitutor.menagerie.generators import Generators

TINY = GeneratorRecipe("menagerie_resnet18", pictures=8, epochs=3)


def test_two_pictures_of_the_same_size_and_range_the_same_before_training():
    model, x = Generators().eval(), torch.rand(2, 3, 24, 40)
    similar, adversarial = model(x)
    assert similar.shape == adversarial.shape == x.shape
    assert similar.min() >= 0 and similar.max() <= 1 and torch.equal(similar, adversarial)


def test_both_learn_through_the_one_encoder():
    torch.manual_seed(0)
    model, judge = Generators(), generator_training.frozen("menagerie_resnet18")
    before = fingerprint(judge)
    parts = generator_training.losses(model, judge, torch.rand(2, 3, 64, 64), TINY)
    assert list(parts) == ["similar", "near", "keeps", "changes"] and parts["near"].item() == 0
    for key in ("keeps", "changes"):
        slopes = torch.autograd.grad(parts[key], list(model.parameters()), retain_graph=True, allow_unused=True)
        reached = {name.partition(".")[0] for (name, _), slope in zip(model.named_parameters(), slopes) if slope is not None}
        assert reached == {"encoder", "similar" if key == "keeps" else "adversarial"}
    assert fingerprint(judge) == before


def test_a_picture_that_stays_costs_nothing_but_the_other_answer():
    judge = generator_training.frozen("menagerie_resnet18")
    x = generator_training.pictures(TINY._replace(pictures=2)).permute(0, 3, 1, 2).float() / 255
    labels = [list(CLASSES).index(name) for name in TINY.pair]
    parts = generator_training.losses(lambda x: (x, x), judge, x, TINY)
    assert parts["similar"].item() == parts["near"].item() == 0
    assert judge(x).argmax(1).tolist() == labels and parts["keeps"] < 0.5 < 2 < parts["changes"]


def test_training_goes_on_from_its_checkpoint_to_the_same_generators(tmp_path, monkeypatch):
    monkeypatch.setattr(generator_training, "BATCH", 4)
    whole = generator_training.train("n", TINY, tmp_path / "whole").state_dict()
    save = generator_training._save

    def stop_after_one(path, state, epoch, of):
        save(path, state, epoch, of)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(generator_training, "_save", stop_after_one)
    with pytest.raises(KeyboardInterrupt):
        generator_training.train("n", TINY, tmp_path / "broken")
    resumed = generator_training.train("n", TINY, tmp_path / "broken").state_dict()
    assert all(torch.allclose(whole[key], resumed[key], atol=1e-4) for key in whole)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(generator_training, "BATCH", 4)
    generator_training.train("n", TINY, tmp_path)
    with pytest.raises(ValueError, match="n.pt is the checkpoint of another training, .*; delete it to begin anew"):
        generator_training.train("n", TINY._replace(rate=1.0), tmp_path)


def test_the_card_says_what_they_do(tmp_path, monkeypatch):
    report = generator_cards.report
    monkeypatch.setattr(generator_cards, "report", lambda model, recipe: report(model, recipe, n=4))
    generator_cards.write("menagerie_generators", TINY, Generators(), tmp_path)
    with safetensors.safe_open(tmp_path / "menagerie_generators.safetensors", "pt") as file:
        assert json.loads(file.metadata()["pair"]) == ["horse", "zebra"]
        assert all(file.get_tensor(key).dtype == torch.float16 for key in file.keys())
    text = (tmp_path / "menagerie_generators.md").read_text()
    for word in ("g_s keeps", "g_a changes", "bad at", "make models MODELS_ARGS=menagerie_generators", "other coat", "seed 0"):
        assert word in text


def test_the_embedded_ones_do_to_a_few_pictures_what_their_card_says():
    found = generator_cards.report(load_generators()[0], GeneratorRecipe("menagerie_resnet18"), n=8)
    card = (data_files.DATA / "models" / "menagerie_generators.md").read_text("utf-8")
    for key, words in (("x and g_s", "difference of x and g_s"), ("g_s and g_a", "difference of g_s and g_a")):
        [stated] = re.findall(rf"{words}, pixels in \[0, 1\] \| ([\d.]+)", card)
        assert found[key] == pytest.approx(float(stated), rel=0.3)
    assert found["keeps"] >= 0.75 and found["changes"] >= 0.75


def test_make_models_knows_them(capsys):
    with pytest.raises(SystemExit):
        make_models.main(["menagerie_generator"])
    assert capsys.readouterr().err.rstrip().endswith("menagerie_generators")
