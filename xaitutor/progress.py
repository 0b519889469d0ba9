"""A progress bar for whatever takes longer than a few seconds, and none where TQDM_DISABLE says so.

tqdm reads that variable in a terminal, but its bar for notebooks does not: on a slow machine bars would appear among the outputs.
"""

import os
import sys
from collections.abc import Callable

from tqdm.auto import tqdm as _tqdm


def tqdm(*arguments, disable: bool = False, **options):
    """`tqdm.auto.tqdm`, off where `disable` or the environment variable TQDM_DISABLE (1) asks for it."""
    return _tqdm(*arguments, disable=disable or os.environ.get("TQDM_DISABLE", "0") not in ("", "0"), **options)


def until_interrupted(command: Callable, *arguments) -> int:
    """What the command returns, or 0; after Ctrl-C it ends with a short line, and 130, as commands do."""
    try:
        return command(*arguments) or 0
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
