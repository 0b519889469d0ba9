"""progress: a bar in notebooks and terminals, and none where TQDM_DISABLE says so."""

import pytest
from tqdm.notebook import tqdm as in_notebooks

from xaitutor import progress


@pytest.mark.parametrize("value, shown", [("1", False), ("0", True), ("", True), (None, True)])
def test_the_variable_switches_bars_off_also_in_notebooks(monkeypatch, value, shown):
    monkeypatch.setattr(progress, "_tqdm", in_notebooks)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    if value is not None:
        monkeypatch.setenv("TQDM_DISABLE", value)
    assert progress.tqdm(range(3), display=False).disable is not shown
    assert progress.tqdm(range(3), display=False, disable=True).disable
    assert list(progress.tqdm(range(3), display=False)) == [0, 1, 2]
