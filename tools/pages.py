"""Writes the tables of docs/ anew, from the code and from what `make scores` measured: python tools/pages.py

The prose is each page's own. A table stands between `<!-- NAME -->` and `<!-- end -->`, and is made by the function of that name.
"""

import re
from pathlib import Path

from xaitutor.attribution import differences, propagation, relevance
from xaitutor.referees import judged
from xaitutor.truth import doubts, scoreboard
from xaitutor.truth.scoreboard import printed

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"(<!-- (?!end)(\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def scores() -> list[list[str]]:
    """The three contrasts of each method, in the mean over the networks that it fits."""
    stored = scoreboard.read()
    questions = ("class_contrast", "network_contrast", "picture_contrast")
    return [["", *(question.replace("_", " ") for question in questions)],
            *([title, *(printed(*stored[question][name]) for question in questions)] for name, title in scoreboard.titles().items())]


def truths() -> list[list[str]]:
    """How far each other truth agrees with the one in use, by network."""
    found = doubts.read()["truths"]
    names = next(iter(found.values()))
    return [["another truth", *map(_short, found)],
            *([name, *(f"{printed(*other[name]['class_contrast'])}" for other in found.values())] for name in names)]


def changes() -> list[list[str]]:
    """Rank correlation of φ itself with the one in use, and its mean change as a share of the mean |φ|, by network."""
    found = doubts.read()["truths"]
    return [["another truth", *map(_short, found)],
            *([name, *(f"{_number(other[name]['rank'][0])}, {other[name]['change']:.0%}" for other in found.values())]
              for name in next(iter(found.values())))]


def survivors() -> list[list[str]]:
    """Of the certain differences between methods, how many have the same sign by all truths."""
    found = doubts.read()["methods"]
    return [["question", *map(_short, found)],
            *([question.replace("_", " "), *(_survivors(scored[question]) for scored in found.values())] for question in doubts.ASKED)]


def hiding() -> list[list[str]]:
    """What some score by the truth in use, and where regions are hidden by blur or by grey."""
    found = doubts.read()["methods"]
    asked = [("class_contrast", "integrated_gradients"), ("class_contrast", "grad_cam"), ("rank", "sobel"), ("rank", "centre")]
    return [["hidden by other places / blur / grey", *map(_short, found)],
            *([f"{scoreboard.titles()[name]}, {question.replace('_', ' ')}",
               *(" / ".join(_number(scored[question]["scores"][way][name]) for way in ("in use", "blurred", "grey"))
                 for scored in found.values())] for question, name in asked)]


def planted() -> list[list[str]]:
    """What explanations score that were made up: class contrast / network contrast."""
    found = doubts.read()["planted"]
    lies = next(iter(found.values()))["rank"]
    return [["planted", *map(_short, found)],
            *([lie, *(f"{_number(all_['class_contrast'][lie])} / {_number(all_['network_contrast'][lie])}" for all_ in found.values())]
              for lie in lies)]


def referees() -> list[list[str]]:
    """How far each referee agrees with the truth, by question, and how many of the sure pairs it names rightly."""
    asked = {"all": (), "without the slopes": judged.SLOPES}
    columns = [(question, what) for question in ("class_contrast", "network_contrast") for what in asked]
    rows = {name: [judged.agreement(name, question, without=asked[what]) for question, what in columns] for name in judged.REFEREES}
    return [["referee", *(f"{question.replace('_', ' ')}, {what}" for question, what in columns), "sure pairs named rightly"],
            *([judged.REFEREES[name].title, *(printed(*cell) for cell in rows[name]), f"{judged.right_pairs(name).value:.0%}"]
              for name in sorted(rows, key=lambda name: -rows[name][0].value))]


def rules() -> list[list[str]]:
    """Which functions have a rule of their own, in relevance propagation and in DeepLIFT."""
    says = {"_native": "the gradient", "_keeping": "what comes to y goes to z: g · y / z", "_elementwise": "Rescale, or RevealCancel",
            "_max_pool": "the winner of the picture and that of the reference"}
    rows = [["function", "relevance", "DeepLIFT, Deep SHAP"]]
    rows += [[f"`{step}`", "LRP-0, ε, γ, αβ, z⁺, zᴮ at the pixels", "its weights"] for step in propagation.STEPS]
    named = dict.fromkeys([*relevance._OTHERS, *differences.RULES])
    rows += [[f"`{name}`", *(says[table[name].__name__] if name in table else "–" for table in (relevance._OTHERS, differences.RULES))]
             for name in named]
    linear = ", ".join(f"`{name}`" for name in sorted(propagation.LINEAR) if not name.startswith("__"))
    products = ", ".join(f"`{name}`" for name in sorted(propagation.PRODUCTS) if not name.startswith("__"))
    rows += [[linear, "the gradient", "the gradient"], [f"{products}, where one factor does not depend on the picture", "the gradient", "the gradient"]]
    return rows


def page(text: str) -> str:
    """The page with its tables made anew."""
    return BLOCK.sub(lambda block: block[1] + _markdown(globals()[block[2]]()) + block[3], text)


def _short(network: str) -> str:
    return network.removeprefix("menagerie_")


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def _survivors(scored: dict) -> str:
    kept = len(scored["survive"])
    return f"{kept} of {kept + len(scored['fall'])}"


def _markdown(rows: list[list[str]]) -> str:
    head, *rest = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *rest]) + "\n"


if __name__ == "__main__":
    for path in DOCS.glob("*.md"):
        path.write_text(page(path.read_text("utf-8")), "utf-8", newline="\n")
