"""xaitutor.homework.expect: right answers pass, mistakes are named, and whatever else gets one line."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from xaitutor.checks.verdict import Wrong
from xaitutor.homework import expect

finite = st.floats(-1e6, 1e6)


@given(arrays(float, array_shapes(min_dims=0, max_dims=3), elements=finite))
def test_a_right_answer_passes_as_an_array_a_tensor_or_a_list(right):
    for answer in (right, torch.from_numpy(right.copy()).requires_grad_(), right.tolist()):
        expect("it", answer, right)


@given(arrays(float, array_shapes(max_dims=3), elements=finite), st.data())
def test_one_wrong_number_is_found_and_its_place_named(right, data):
    place = tuple(data.draw(st.integers(0, side - 1)) for side in right.shape)
    answer = right.copy()
    answer[place] += 1e-3 * (np.abs(right).max() or 1)
    with pytest.raises(Wrong, match=rf"^it: at \[{', '.join(map(str, place))}\] you get "):
        expect("it", answer, right)


def test_it_says_what_passes(capsys):
    expect("two numbers", (1, 2), [1.0, 2.00001])
    assert capsys.readouterr().out == "✓ two numbers\n"


def test_numbers_are_equal_up_to_a_share_of_the_largest():
    expect("small ones", [1e-9, 2e-9], [1e-9, 2.0001e-9])
    with pytest.raises(Wrong):
        expect("small ones", [1e-9, 2e-9], [1e-9, 3e-9])
    expect("roughly", 1.05, 1, tolerance=0.1)
    expect("zeros", [0, 1e-5], [0, 0])


@pytest.mark.parametrize("answer, told", [
    (None, "it: there is no answer yet (it is None)"), (..., "it: there is no answer yet (it is Ellipsis)"),
    ("three", "it: expected numbers, not 'three'"), ({"a": 1}, "it: expected numbers, not {'a': 1}"),
    ([1, [2, 3]], "it: expected numbers, not [1, [2, 3]]"),
    ([1, 2, 3], "it: the answer has the shape (3,), expected (2,)"), (1, "it: the answer has the shape (), expected (2,)"),
    ([1, np.nan], "it: at [1] you get nan, expected 2"), ([1, np.inf], "it: at [1] you get inf, expected 2"),
    ([2, 1], "it: the other way round"), ([5, 5], "it: at [0] you get 5, expected 1"),
])
def test_each_wrong_answer_gets_its_line(answer, told):
    with pytest.raises(Wrong) as error:
        expect("it", answer, [1, 2], {"the other way round": [2, 1], "too many": [1, 2, 3, 4]})
    assert str(error.value) == told


def test_a_mistake_that_is_dear_is_computed_only_where_it_may_be_one():
    calls = []
    mistakes = {"first": lambda: calls.append(1) or 1, "second": lambda: calls.append(2) or 2, "third": lambda: calls.append(3) or 3}
    expect("it", 0, 0, mistakes)
    assert calls == []
    with pytest.raises(Wrong, match="it: second"):
        expect("it", 2, 0, mistakes)
    assert calls == [1, 2]


def test_a_single_number_is_compared_as_one():
    with pytest.raises(Wrong, match="^it: you get 3, expected 2$"):
        expect("it", 3, 2)


def test_in_a_notebook_the_line_stands_alone():
    assert Wrong("it: no")._render_traceback_() == ["✗ it: no"]
