"""The class that somebody means by a name.

A network calls each class by one name; people know it by several. For the thousand classes of ImageNet, each of which is an entry of
WordNet, `data/imagenet_names.txt` holds them, a class a line, the first name first: "tiger, Panthera tigris".
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from xaitutor.files import data_files

_NEAR = 5  # so many classes an error suggests


def class_index(categories: Sequence[str], name: str) -> int:
    """The index of the class called `name`: what the methods take as `target`.

    Upper and lower case are one, as are a hyphen and a space, and one and many ("tigers"). Where a category lists several names, "tiger, Panthera tigris", each of them
    counts; of ImageNet's thousand, WordNet's names count, too. A category's own name goes before all of these.

    Raises ValueError for a name that is not there, with the nearest ones, or that several classes have.
    """
    wanted = str(name).casefold()
    found = [index for index, category in enumerate(categories) if category.casefold() == wanted]
    names = {} if found else _names(categories)
    found = found or next(filter(None, (sorted(names.get(key, ())) for key in _one_or_many(_key(wanted)))), [])
    if len(found) == 1:
        return found[0]
    if not found:
        raise ValueError(f"no class is called {name!r} among {len(categories)}; {_hint(categories, names, wanted)}")
    labels = [categories[index] for index in found]
    if len({label.casefold() for label in labels}) == 1:
        raise ValueError(f"{len(found)} classes are called {name!r}; give one of their numbers: {found}")
    raise ValueError(f"{len(found)} classes are called {name!r}; did you mean {' or '.join(map(repr, labels))}?")


def _key(name: str) -> str:
    """A name without capitals, hyphens and the like."""
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def _one_or_many(key: str) -> list[str]:
    return [key, *(key.removesuffix(ending) for ending in ("s", "es") if key.endswith(ending))]


def _names(categories: Sequence[str]) -> dict[str, set[int]]:
    """Each name, as a key, and the classes that have it."""
    names: dict[str, set[int]] = {}
    for index, (label, others) in enumerate(zip(categories, _others(categories))):
        for one in (label, *label.split(","), *others.split(",")):
            names.setdefault(_key(one), set()).add(index)
    names.pop("", None)
    return names


def _others(categories: Sequence[str]) -> list[str]:
    """WordNet's names of each class if these are ImageNet's thousand, in order; else none. (Torchvision calls two otherwise than WordNet.)"""
    none = [""] * len(categories)
    if len(categories) != 1000:
        return none
    lines = data_files.verify("imagenet_names.txt").read_text("utf-8").splitlines()
    same = sum(_key(label.split(",")[0]) in map(_key, line.split(",")) for label, line in zip(categories, lines))
    return lines if same > 990 else none


def _hint(categories: Sequence[str], names: dict[str, set[int]], wanted: str) -> str:
    """Classes with a name that holds the wanted words, those first that are called so by the network; else those that are spelled alike."""
    words, own = set(_key(wanted).split()), {_key(label) for label in categories}
    holding = sorted((key for key in names if words and words <= set(key.split())), key=lambda key: (key not in own, len(key), key))
    near = holding or difflib.get_close_matches(_key(wanted), names, n=3, cutoff=0.65)
    labels = list(dict.fromkeys(categories[index] for key in near for index in sorted(names[key])))[:_NEAR]
    return f"did you mean {' or '.join(map(repr, labels))}?" if labels else f"there are {', '.join(categories[:10])}, …"
