"""Probes: scikit-learn's boundary, a direction that is known, and a control that knows nothing."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from xaitutor.concepts import accuracy, concept_vector, probes


def clouds(direction, n=80, seed=0):
    """Normal activations without a concept, and with it: moved along a direction."""
    generator = torch.Generator().manual_seed(seed)
    without, with_it = torch.randn(2, n, len(direction), generator=generator, dtype=torch.float64)
    return with_it + 3 * direction, without


def test_a_known_direction_comes_out():
    true = torch.nn.functional.normalize(torch.randn(12, generator=torch.Generator().manual_seed(4), dtype=torch.float64), dim=0)
    with_it, without = clouds(true, 400)
    vector = concept_vector(with_it, without)
    assert vector.norm() == pytest.approx(1) and vector @ true > 0.95
    assert torch.allclose(concept_vector(without, with_it), -vector, atol=1e-3)


def test_it_is_the_normal_of_scikit_learns_boundary():
    with_it, without = clouds(torch.eye(6, dtype=torch.float64)[1])
    rows = torch.cat([with_it, without]).numpy() * [1, 2, 3, 4, 5, 6]
    scaled = (rows - rows.mean(0)) / rows.std(0)
    fitted = LogisticRegression(C=0.1, max_iter=5000).fit(scaled, [1] * 80 + [0] * 80)
    normal = fitted.coef_[0] / rows.std(0)
    theirs = normal / np.linalg.norm(normal)
    ours = concept_vector(*torch.from_numpy(rows).split(80))
    assert np.allclose(ours, theirs, atol=1e-3)


def test_accuracy_is_chance_where_nothing_is_known():
    with_it, without = clouds(torch.zeros(5, dtype=torch.float64), 200)
    assert abs(accuracy(with_it, without) - 0.5) < 0.1
    assert accuracy(*clouds(5 * torch.eye(5, dtype=torch.float64)[0])) > 0.98
    few = clouds(torch.zeros(5, dtype=torch.float64), 200)
    assert abs(accuracy(few[0][:20], few[1]) - 0.5) < 0.15  # balanced: nine tenths of one side are worth nothing


def test_probes_are_one_vector_a_concept():
    rows = torch.randn(60, 4, generator=torch.Generator().manual_seed(8))
    labels = [rows[:, 0] > 0, rows[:, 1] + rows[:, 2] > 0]
    basis = probes(rows, [label.tolist() for label in labels])
    assert torch.allclose(basis.directions[1], concept_vector(rows[labels[1]], rows[~labels[1]]))
    a = torch.randn(2, 4, 3, 3)
    assert torch.allclose(basis.encode(a)[1, 0, 2, 1], basis.directions[0] @ a[1, :, 2, 1], atol=1e-5)


@pytest.mark.parametrize("with_it, without, message", [
    (torch.randn(1, 4), torch.randn(9, 4), "with_it is one activation for each of at least 2"), (torch.randn(9, 4), torch.randn(9, 4, 2, 2), "without is one"),
    (torch.randn(9, 4), torch.randn(9, 5), "4 numbers with the concept and 5 without"), (torch.full((3, 2), torch.inf), torch.randn(3, 2), "NaN or infinite"),
    (torch.randn(3, 2), torch.tensor([[0, 1], [torch.nan, 1]]), "without has activations that are NaN"),
])
def test_bad_input(with_it, without, message):
    with pytest.raises(ValueError, match=message):
        concept_vector(with_it, without)


def test_a_picture_of_each_side_for_each_fold_is_enough():
    with_it, without = clouds(5 * torch.eye(4, dtype=torch.float64)[0], 20)
    assert accuracy(with_it[:4], without, folds=4) > 0.9
    with pytest.raises(ValueError, match="5 folds need at least as many pictures with the concept and without, not 4 and 20"):
        accuracy(with_it[:4], without)
