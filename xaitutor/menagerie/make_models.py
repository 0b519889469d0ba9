"""``make models``: train the embedded networks and the generators, and write their weights, model cards and check sums."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from xaitutor.files.data_files import DATA, write_sums
from xaitutor.menagerie import cards, generator_cards, generator_training, training
from xaitutor.menagerie.generator_training import GENERATORS
from xaitutor.menagerie.training import RECIPES
from xaitutor.progress import until_interrupted

NAMES = (*RECIPES, *GENERATORS)  # the generators last: they are trained against a network


def main(arguments: list[str] | None = None) -> None:
    """Train the networks that are named, or all; an interrupted run goes on from its checkpoints."""
    parser = argparse.ArgumentParser(prog="make models", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--checkpoints", type=Path, default=Path("build/models"))
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no network is called {', '.join(sorted(unknown))}; there is {', '.join(NAMES)}")
    for name in options.names or NAMES:
        road, card, recipe = (generator_training, generator_cards, GENERATORS[name]) if name in GENERATORS else (training, cards, RECIPES[name])
        card.write(name, recipe, road.train(name, recipe, options.checkpoints), DATA / "models")
        write_sums()


if __name__ == "__main__":
    sys.exit(until_interrupted(main))
