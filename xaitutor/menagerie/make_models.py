"""``make models``: train the embedded networks, and write their weights, model cards and check sums."""

from __future__ import annotations

import argparse
from pathlib import Path

from xaitutor.files.data_files import DATA, write_sums
from xaitutor.menagerie.cards import write
from xaitutor.menagerie.training import RECIPES, train


def main(arguments: list[str] | None = None) -> None:
    """Train the networks that are named, or all; an interrupted run goes on from its checkpoints."""
    parser = argparse.ArgumentParser(prog="make models", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(RECIPES)}")
    parser.add_argument("--checkpoints", type=Path, default=Path("build/models"))
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(RECIPES):
        parser.error(f"no network is called {', '.join(sorted(unknown))}; there is {', '.join(RECIPES)}")
    for name in options.names or RECIPES:
        model = train(name, RECIPES[name], options.checkpoints)
        write(name, RECIPES[name], model, DATA / "models")
        write_sums()


if __name__ == "__main__":
    main()
