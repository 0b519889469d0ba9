"""xaitutor.homework.untouched: what tests rely on is put back, and said."""

import numpy as np
import pytest

from xaitutor.homework import expect, expectations, untouched


def test_nothing_is_replaced_where_nothing_was():
    assert untouched.restore({}) == untouched.restore({"expect": expect}) == []


@pytest.mark.parametrize("module, name, called", [(np, "allclose", "numpy.allclose"),
                                                  (expectations, "compare", "xaitutor.homework.expectations.compare")])
def test_a_name_of_a_module_is_put_back(module, name, called, monkeypatch):
    original = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *a, **k: True)
    assert untouched.restore({}) == [called] and getattr(module, name) is original
    monkeypatch.delattr(module, name)
    assert untouched.restore({}) == [called] and getattr(module, name) is original


def test_the_expect_of_a_notebook_is_put_back():
    namespace = {"expect": print}
    assert untouched.restore(namespace) == ["expect"] and namespace == {"expect": expect}
