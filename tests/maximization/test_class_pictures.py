"""Class pictures near a guess, and the counts of who recognises which."""

import torch

from xaitutor.maximization import class_pictures, guess
from xaitutor.networks import models


def test_the_counts_are_possible_and_the_guesses_are_counted_again():
    named = class_pictures.read()["named"]
    assert set(class_pictures.WAYS) < set(named) and all(len(counts) == class_pictures.SEEDS for way in named.values() for counts in way.values())
    assert all(0 <= count <= 12 for way in named.values() for counts in way.values() for count in counts)
    model, preprocess, _ = models.load_model(class_pictures.OTHER)
    guesses = torch.cat([guess(pictures, 2) for pictures in class_pictures.pictures_by_class()])
    assert abs(class_pictures._named(model, preprocess, guesses) - named["the guesses alone"][class_pictures.OTHER][2]) <= 1


def test_a_picture_is_near_its_guess_and_more_of_its_class(monkeypatch):
    monkeypatch.setattr(class_pictures, "CLASSES", ("horse", "zebra"))
    monkeypatch.setattr(class_pictures, "STEPS", 24)
    model, preprocess, _ = models.load_model(class_pictures.ROBUST)
    pictures = torch.rand(2, 5, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    starts = torch.cat([guess(few) for few in pictures])
    made = class_pictures.one_per_class(model, preprocess, **class_pictures.near_a_guess(starts, radius=6))
    assert made.shape == (2, 3, 128, 128) and ((made - starts).flatten(1).norm(dim=1) < 6.1).all()
    before, after = (model(preprocess(x)).diagonal() for x in (starts, made))
    assert (after > before + 0.3).all()
