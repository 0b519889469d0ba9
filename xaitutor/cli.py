"""The command `xaitutor`.

    xaitutor check               is this machine ready for the course?
    xaitutor download resnet18   fetch a network of torchvision, for later without internet
"""

from __future__ import annotations

import argparse
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 0 where all is well, 1 where something failed, 2 for a wrong command."""
    parser = argparse.ArgumentParser(prog="xaitutor", description="A course on looking inside convolutional networks.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    command = commands.add_parser("check", help="is this machine ready for the course?")
    command.set_defaults(run=check)

    command = commands.add_parser("download", help="fetch a network of torchvision, for later without internet")
    command.add_argument("name", metavar="NAME", help="for example resnet18, vgg16, googlenet")
    command.set_defaults(run=download)

    options = parser.parse_args(arguments)
    return options.run(options)


def check(options: argparse.Namespace) -> int:
    from xaitutor import environment

    failures = 0
    for line in environment.check():
        print(line, flush=True)
        failures += not line.ok
    if failures:
        print(f"\n{failures} of these {'needs' if failures == 1 else 'need'} attention.")
    return 1 if failures else 0


def download(options: argparse.Namespace) -> int:
    try:
        from xaitutor import models

        print(models.download(options.name))
    except (ValueError, OSError, ImportError) as error:  # a broken torch raises ImportError or OSError
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
