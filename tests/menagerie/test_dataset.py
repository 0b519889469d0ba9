"""dataset: deterministic, splits apart, a cache that cannot lie, and a biased variant that is biased as promised."""

import numpy as np
import pytest
import torch

from xaitutor import menagerie
from xaitutor.menagerie import CLASSES, PLACES
from xaitutor.menagerie import dataset as module

NAMES = list(CLASSES)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XAITUTOR_CACHE", str(tmp_path))


def test_an_item_is_a_picture_and_its_class():
    pictures = menagerie.Dataset(24)
    x, label = pictures[13]
    assert isinstance(pictures, torch.utils.data.Dataset) and len(pictures) == 24
    assert x.shape == (3, 128, 128) and x.dtype == torch.float32 and 0 <= x.min() and x.max() <= 1
    assert NAMES[label] == pictures.scene(13).name
    assert np.array_equal((x.permute(1, 2, 0) * 255).round().byte().numpy(), pictures.scene(13).render().image)


def test_it_works_in_a_data_loader_and_ends():
    batches = list(torch.utils.data.DataLoader(menagerie.Dataset(10), batch_size=4))
    assert [len(y) for _, y in batches] == [4, 4, 2]


def test_classes_come_in_equal_shares():
    pictures = menagerie.Dataset(240)
    assert np.bincount([pictures.label(i) for i in range(240)]).tolist() == [20] * len(NAMES)


def test_no_scene_is_in_two_splits_or_seeds():
    scenes = [menagerie.Dataset(50, split, seed).scene(i) for split in module.SPLITS for seed in (0, 1) for i in range(50)]
    assert len({scene.seed for scene in scenes}) == len(scenes) == 300


def test_the_biased_world_has_wolves_on_snow_and_no_husky_there():
    for split in ("train", "test"):
        scenes = [menagerie.Dataset(600, split, biased=True).scene(i) for i in range(600)]
        assert {s.place for s in scenes if s.name == "wolf"} == {"snow"}
        assert {s.place for s in scenes if s.name == "husky"} == set(PLACES) - {"snow"}
        fair = [menagerie.Dataset(600, split).scene(i) for i in range(600)]
        assert [s for s in scenes if s.name not in ("wolf", "husky")] == [s for s in fair if s.name not in ("wolf", "husky")]


def test_in_the_fair_world_both_stand_everywhere():
    scenes = [menagerie.Dataset(2400, "test").scene(i) for i in range(2400)]
    for name in ("wolf", "husky"):
        assert {s.place for s in scenes if s.name == name} == set(PLACES)


def test_smaller_animals_stand_in_the_same_scenes():
    usual, half = menagerie.Dataset(20), menagerie.Dataset(20, size=0.5)
    for i in range(20):
        assert half.scene(i) == usual.scene(i).replace(size=usual.scene(i).size / 2)


def test_images_are_drawn_once_and_then_read():
    pictures = menagerie.Dataset(13, "validation")
    drawn = pictures.images()
    assert drawn.shape == (13, 128, 128, 3) and drawn.dtype == np.uint8
    assert np.array_equal(drawn[5], pictures.scene(5).render().image)
    (file,) = module.cache_folder().glob("*.npy")
    written = file.stat().st_mtime_ns
    assert np.array_equal(pictures.images(), drawn)
    assert file.stat().st_mtime_ns == written


@pytest.mark.parametrize("damage", [
    lambda f: f.write_bytes(f.read_bytes()[:-100]),
    lambda f: f.write_bytes(f.read_bytes()[:-1] + b"\x07"),
    lambda f: f.with_suffix(".sha256").unlink(),
    lambda f: f.unlink(),
], ids=["cut off", "changed", "no sum", "gone"])
def test_a_damaged_cache_is_drawn_anew(damage):
    pictures = menagerie.Dataset(5)
    drawn = pictures.images()
    (file,) = module.cache_folder().glob("*.npy")
    damage(file)
    assert np.array_equal(pictures.images(), drawn)
    assert np.array_equal(np.load(file), drawn)


def test_the_cache_knows_what_it_holds():
    files = set()
    for arguments in ({}, {"seed": 1}, {"split": "test"}, {"biased": True}, {"size": 0.5}):
        menagerie.Dataset(2, **arguments).images()
        files |= set(module.cache_folder().glob("*.npy"))
    assert len(files) == 5


def test_bad_input():
    with pytest.raises(ValueError, match="no split is called 'valid'; there is train, validation, test"):
        menagerie.Dataset(3, "valid")
    with pytest.raises(ValueError, match="at least one picture, not n = 0"):
        menagerie.Dataset(0)
    with pytest.raises(IndexError):
        menagerie.Dataset(3)[3]
    assert menagerie.Dataset(3)[-1][1] == menagerie.Dataset(3)[2][1]
