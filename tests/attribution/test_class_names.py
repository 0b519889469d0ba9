"""class_index: people's names for a class, and one clear error where there is none, or more than one."""

import pytest
from torchvision.models import get_model_weights

from xaitutor.attribution import class_index

FEW = ["tabby cat", "tiger cat", "Crane", "zebra", "crane"]
IMAGENET = get_model_weights("squeezenet1_0").DEFAULT.meta["categories"]


def test_a_few_classes():
    assert class_index(FEW, "zebra") == class_index(FEW, "Zebra") == class_index(FEW, "zebras") == 3
    assert class_index(FEW, "Tiger-cat") == 1
    assert class_index(["tench, Tinca tinca", "goldfish, Carassius auratus"], "carassius auratus") == 1


@pytest.mark.parametrize("name, label", [
    ("tiger", "tiger"), ("Panthera tigris", "tiger"), ("egyptian cat", "Egyptian cat"), ("Egyptian-cats", "Egyptian cat"), ("puma", "cougar"),
    ("fire truck", "fire engine"), ("golf balls", "golf ball"), ("crane", "crane"), ("MAILLOT", "maillot")])
def test_imagenets_classes_by_any_of_their_names(name, label):
    assert IMAGENET[class_index(IMAGENET, name)] == label


def test_each_class_is_found_by_its_own_name():
    assert [label for index, label in enumerate(IMAGENET) if label.casefold() != "cardigan" and class_index(IMAGENET, label) != index] == []


@pytest.mark.parametrize("categories, name, message", [
    (FEW, "zebar", "no class is called 'zebar' among 5; did you mean 'zebra'"), (FEW, "cat", "did you mean 'tabby cat' or 'tiger cat'"),
    (FEW, "007", "there are tabby cat, tiger cat, Crane"), (FEW, "", "there are tabby cat, tiger cat, Crane"),
    (FEW, "crane", r"2 classes are called 'crane'; give one of their numbers: \[2, 4\]"),
    (IMAGENET, "panther", "2 classes are called 'panther'; did you mean 'cougar' or 'jaguar'"),
    (IMAGENET, "cardigan", r"give one of their numbers: \[264, 474\]"), (IMAGENET, "Egyptain cat", "did you mean 'Egyptian cat'"),
    (IMAGENET[1:] + ["unicorn"], "puma", "no class is called 'puma' among 1000")])  # a thousand, but not ImageNet's
def test_one_error_names_what_is_near(categories, name, message):
    with pytest.raises(ValueError, match=message):
        class_index(categories, name)
