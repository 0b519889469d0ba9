"""tools/portable.py: one machine plays several, and what only holds on one of them is found."""

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

from tools import execute_notebooks, portable

SAMPLE = ["tests/attribution/test_seeds.py", "notebooks/11_gradient_times_input.ipynb"]


def test_a_sample_holds_without_avx():
    assert portable.differing("no AVX", SAMPLE) == []


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "NO AVX"), reason="this processor has nothing to leave out")
def test_what_holds_on_one_machine_only_is_found(tmp_path):
    path = tmp_path / "planted.ipynb"
    code = "import torch\n\nprint(torch.backends.cpu.get_cpu_capability())"
    nbformat.write(new_notebook(cells=[new_code_cell(code, id="planted")]), path)
    assert execute_notebooks.main([str(path)]) == 0
    [found] = portable.differing("no AVX", [str(path)])
    assert torch.backends.cpu.get_cpu_capability() in found and "DEFAULT" in found


def test_the_exit_status_says_whether_something_differs(monkeypatch, capsys):
    monkeypatch.setattr(portable, "differing", lambda machine, what: ["a cell"] if machine == "AVX2" else [])
    assert portable.main([]) == 1 and portable.main(["--machine", "no AVX"]) == 0
    assert "== AVX2: 1 differ\na cell" in capsys.readouterr().out


def test_a_run_of_nothing_proves_nothing():
    with pytest.raises(RuntimeError, match="AVX2: pytest ended with status ."):
        portable.differing("AVX2", ["tests/no_such_file.py"])
