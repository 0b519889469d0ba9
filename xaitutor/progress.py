"""A progress bar for whatever takes longer than a few seconds, and none where TQDM_DISABLE says so.

tqdm reads that variable in a terminal, but its bar for notebooks does not: on a slow machine bars would appear among the outputs.
"""

import os

from tqdm.auto import tqdm as _tqdm


def tqdm(*arguments, disable: bool = False, **options):
    """`tqdm.auto.tqdm`, off where `disable` or the environment variable TQDM_DISABLE (1) asks for it."""
    return _tqdm(*arguments, disable=disable or os.environ.get("TQDM_DISABLE", "0") not in ("", "0"), **options)
