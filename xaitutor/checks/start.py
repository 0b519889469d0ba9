"""Checks of notebook 00: where a method stands on the map, and a picture that shows the cheat."""

from __future__ import annotations

from xaitutor.checks.verdict import Wrong, check

# For each statement of exercise 0.1: local or global, specific or agnostic; and why.
PLACES_ON_THE_MAP = {
    "A": (("global", "specific"), "a filter is the same for every picture, and its weights are the network's inside"),
    "B": (("local", "agnostic"), "one picture is explained, and the model is only asked for its answers"),
    "C": (("local", "specific"), "one picture is explained, and a gradient needs the network's inside"),
    "D": (("global", "agnostic"), "the tree imitates the model on all pictures, and needs only its answers"),
}


@check
def map_of_methods(answers) -> str:
    """Exercise 0.1: {"A": ("local" or "global", "specific" or "agnostic"), …} for the four statements."""
    if not isinstance(answers, dict) or set(answers) != set(PLACES_ON_THE_MAP):
        raise Wrong('give a dict with the keys "A", "B", "C" and "D"')
    wrong = []
    for key, (right, why) in PLACES_ON_THE_MAP.items():
        answer = tuple(str(word).strip().lower().removeprefix("model-") for word in answers[key])
        if answer == right[::-1]:
            raise Wrong(f'{key}: the right words in the wrong order; first "local" or "global", then "specific" or "agnostic"')
        for mine, true, pair in zip(answer, right, (("local", "global"), ("specific", "agnostic"))):
            if mine not in pair:
                raise Wrong(f"{key}: {mine!r} is neither {pair[0]!r} nor {pair[1]!r}")
            if mine != true:
                wrong.append(f"{key} is not {mine}: {why}")
    if wrong:
        raise Wrong(f"{wrong[0]}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""))
    return "all four: A and D speak of the whole model, B and C of one decision; B and D work for any model"


@check
def cheat(before, after) -> str:
    """Exercise 0.2: two scenes of one wolf or husky that differ in the place only; the biased network changes its mind."""
    from dataclasses import fields

    from xaitutor.menagerie import Scene
    from xaitutor.networks.models import load_model

    if not (isinstance(before, Scene) and isinstance(after, Scene)):
        raise Wrong("give two scenes, such as menagerie.sample(1, 'husky') and the same with .replace(place=…)")
    if before.name not in ("wolf", "husky"):
        raise Wrong(f"the cheat was planted for wolves and huskies; this is a {before.name or 'creature of no class'}")
    changed = [field.name for field in fields(Scene) if getattr(before, field.name) != getattr(after, field.name)]
    if changed != ["place"]:
        raise Wrong(f"change the place and nothing else; you changed {', '.join(changed) or 'nothing'}")
    model, preprocess, categories = load_model("menagerie_resnet18_biased")
    first, second = (categories[predicted(model, preprocess, scene)] for scene in (before, after))
    if first != before.name:
        raise Wrong(f"it is wrong before you change anything: a {before.name} in the {before.place} is called {first}; start where it is right")
    if second == first:
        raise Wrong(f"still a {second} in the {after.place}: this animal does not fall for the trick; try another place or another seed")
    return f"{first} in the {before.place}, {second} in the {after.place}: the animal did not change by one pixel"


def predicted(model, preprocess, scene) -> int:
    """The class index that `model` gives the picture of `scene`."""
    import torch

    with torch.no_grad():
        return model(preprocess(scene.picture())[None]).argmax().item()
