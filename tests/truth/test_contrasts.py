import numpy as np

from xaitutor.truth.contrasts import asked, change, shares


def test_a_change_of_nothing_but_rounding_is_exactly_nothing():
    before = np.array([[1.0, 2.0, -3.0]])
    assert change(before, before * (1 + 1e-7)).tolist() == [[0, 0, 0]]
    np.testing.assert_allclose(change(before, before + [[0, 0.01, 0]]), [[0, 0.01, 0]], atol=1e-12)


def test_shares_have_no_unit():
    table = np.array([[1.0, -3.0], [0.0, 0.0]])
    assert shares(table).tolist() == [[0.25, -0.75], [0, 0]]
    np.testing.assert_allclose(shares(7 * table), shares(table))


def test_the_questions_by_hand():
    tables = np.array([[[3.0, 1.0]], [[1.0, 2.0]], [[0.0, 1.0]]])
    found = asked(tables, np.array([[2.0, -2.0]]))
    assert {name: table.tolist() for name, table in found.items()} == {
        "rank": [[3, 1]], "class_contrast": [[2, -1]], "network_contrast": [[0.25, 0.75]], "picture_contrast": [[-3, 0]]}
