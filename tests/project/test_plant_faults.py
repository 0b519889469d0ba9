"""tools/plant_faults.py: it plants faults that change something, and tells who notices."""

import ast

import pytest

from tools import plant_faults
from tools.plant_faults import faults


@pytest.mark.parametrize("before, after", [
    ("y = a + b", "y = (a - b)"), ("if a < 3: pass", "if (a <= 3): pass"), ("y = abs(x)", "y = x"), ("y = x.abs()", "y = x"),
    ("y = not x", "y = x"), ("y = True", "y = False"), ("y = max(a, b)", "y = min(a, b)"), ("y = f(a and b)", "y = f((a or b))"),
    ("y = x.max(dim=a)", "y = x.min(dim=a)"), ("é = 'ü'; y = -x", "é = 'ü'; y = x"), ("y = 0.5", "y = 1.0"),
    ("y = 0.0", "y = 1.0"), ("y: int = 1", "y: int = 2"),
])
def test_a_fault_is_planted_where_it_belongs(before, after, tmp_path):
    path = tmp_path / "module.py"
    path.write_text(before, "utf-8")
    assert after in [fault.planted(before) for fault in faults(path)]


def test_texts_stay_and_all_that_is_planted_is_python(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('"""Two and 2."""\n\nx: int | None = 1\n\n\ndef f(a: int | str) -> int | list:\n    """3."""\n    return "a" + f"{a}" if a % 2 == 0 else [1] + [a]\n', "utf-8")
    found = list(faults(path))
    source = path.read_text("utf-8")
    assert found and all(ast.dump(ast.parse(fault.planted(source))) != ast.dump(ast.parse(source)) for fault in found)
    assert not any("|" in fault.before for fault in found)
    assert not any(fault.before in ('"""Two and 2."""', '"a" + f"{a}"', "[1] + [a]") for fault in found)


def test_caught_and_alive(tmp_path, monkeypatch, capsys):
    """A module of two functions, of which one is tested."""
    (tmp_path / "xaitutor" / "toys").mkdir(parents=True)
    (tmp_path / "tests" / "toys").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("")
    for package in ("xaitutor", "xaitutor/toys"):
        (tmp_path / package / "__init__.py").touch()
    module = tmp_path / "xaitutor" / "toys" / "sums.py"
    module.write_text("def added(a, b):\n    return a + b\n\n\ndef forgotten(a, b):\n    return a * b\n", "utf-8")
    (tmp_path / "tests" / "toys" / "test_sums.py").write_text(
        "from xaitutor.toys.sums import added\n\n\ndef test_it():\n    assert added(1, 2) == 3\n", "utf-8")
    monkeypatch.setattr(plant_faults, "ROOT", tmp_path)
    before = module.read_text("utf-8")
    assert plant_faults.main(["toys"]) == 1
    said = capsys.readouterr().out
    assert "caught xaitutor/toys/sums.py:2  a + b  →  (a - b)" in said and "LIVES  xaitutor/toys/sums.py:6  a * b  →  (a / b)" in said
    assert "toys: 1 of 2 caught, of 2 that could be planted" in said and module.read_text("utf-8") == before
    with pytest.raises(SystemExit):
        plant_faults.main(["nowhere"])
    module.write_text(before.replace("a + b", "a - b"), "utf-8")
    with pytest.raises(RuntimeError, match="the tests of toys fail without any fault"):
        plant_faults.main(["toys"])
