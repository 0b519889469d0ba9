"""The page of the methods: formula, cost, needs, score and source of each, from `METHODS` and the scoreboard."""

from __future__ import annotations

import html
import inspect
import re

from xaitutor.attribution import METHODS
from xaitutor.truth import scoreboard

QUESTIONS = ("class_contrast", "network_contrast", "picture_contrast")
HEAD = ("method", "class contrast", "network contrast", "picture contrast", "passes")
MEAN = "mean of the four"
INTRODUCTION = """# The methods

Every method of the course, and how it fares before the [truth](truth.md): whether what it gives to the parts of a scene changes with the class, the
network and the picture as the exact Shapley values of these parts do. 1 is the same order, 0 is chance, below 0 is the wrong way round. The lines are
95 % intervals over scenes. Click a heading to sort. "Passes" counts what one picture costs, forward + backward. The last three rows look at no network at all.

No number here says that a map is "right". Read [how far to trust them](truth.md) before you choose by them.
"""


def page() -> str:
    """The page in Markdown."""
    stored = scoreboard.read()
    return "\n".join([INTRODUCTION, table(stored), "", *(section(method, stored) for method in METHODS.values())])


def table(stored: dict) -> str:
    """All scores as HTML, in the mean and for each network. Rows of single networks are hidden until somebody asks for them."""
    tables = {MEAN: stored} | stored["networks"]
    passes = stored["networks"]["menagerie_resnet18"]["passes"]
    rows = "\n".join(_row(title, network, [found[question][name] for question in QUESTIONS], passes[name]) for network, found in tables.items()
                     for name, title in scoreboard.titles().items() if name in found["class_contrast"])
    head = "".join(f'<th scope="col">{cell}</th>' for cell in HEAD)
    return f'<div class="sortable" data-choose="network">\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>'


def section(method, scores: dict) -> str:
    """What is to be known about one method."""
    said = " ".join(inspect.getdoc(method.function).split("\n\n")[0].split())
    cells = [f"{question.replace('_', ' ')} {scoreboard.printed(*scores[question][method.name])}" for question in QUESTIONS]
    paper = method.paper
    return f"""
## {method.title}

{escaped(said)}

- **family:** {method.family}; explains one decision; {"asks for answers alone" if method.access == "agnostic" else "looks inside the network"}
- **cost:** {method.forward} forward and {method.backward} backward passes for a picture ("n" is the number of samples, steps or references)
- **needs:** {NEEDS[method.needs]}
- **tells classes apart:** {"yes" if method.class_discriminative else "no"}, as measured over scenes
- **before the truth:** {"; ".join(cells)}
- **source:** {paper.authors}, *{paper.title}*, {paper.venue} {paper.year}
- **in Python:** [`attribution.{method.name}`](reference/attribution.md)
"""


NEEDS = {
    "": "any network", "linear head": "one linear layer on the averages of the last feature map",
    "pixels": "a first layer that gets the pixels themselves",
}


def escaped(text: str) -> str:
    """Words of a docstring as Markdown: nothing in them is a command but `code`."""
    pieces = re.split(r"(`+[^`]+`+)", text)
    return "".join(piece if piece.startswith("`") else re.sub(r"([\\*_<>|\[\]$#~^])", r"\\\1", piece) for piece in pieces)


def _row(title: str, network: str, scores, passes) -> str:
    cells = [html.escape(title), *(scoreboard.printed(*score) for score in scores), "{:g} + {:g}".format(*passes)]
    hidden = "" if network == MEAN else " hidden"
    return f'<tr data-network="{network}"{hidden}>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
