"""A head fitted anew: scikit-learn's own answers, features that stay, a model that stays, and what cannot be fitted."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from xaitutor import audit

LABELS = torch.arange(60) % 3


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)).eval()


def pictures():
    x = torch.randn(60, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    x[torch.arange(60), LABELS] += 0.8
    return x


def test_it_answers_as_scikit_learn_does():
    model, x = network(), pictures()
    fresh = audit.refitted(model, x, LABELS, penalty=2)
    features = StandardScaler().fit_transform(model[:-1](x).detach().double().numpy())
    expected = LogisticRegression(C=0.5, max_iter=1000).fit(features, LABELS.numpy()).predict_proba(features)
    # by n instead of n − 1 the deviation is a little smaller: 1 % of the scale
    torch.testing.assert_close(fresh(x).softmax(dim=1).detach().double(), torch.from_numpy(expected), atol=0.01, rtol=0)
    assert (fresh(x).argmax(dim=1) == LABELS).float().mean() > 0.7 > (model(x).argmax(dim=1) == LABELS).float().mean()


def test_only_the_head_is_new_and_the_model_is_as_it_was():
    model, x = network(), pictures()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fresh = audit.refitted(model, x, LABELS, batch_size=7)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert {name for name, value in fresh.state_dict().items() if not torch.equal(value, before[name])} == {"4.weight", "4.bias"}


def test_what_cannot_be_fitted():
    with pytest.raises(ValueError, match="every class from 0 to 2"):
        audit.refitted(network(), pictures(), LABELS.clamp(max=1))
    with pytest.raises(ValueError, match="one label for each of 60 pictures"):
        audit.refitted(network(), pictures(), LABELS[:30])
    with pytest.raises(ValueError, match="does not end in a linear layer"):
        audit.refitted(nn.Sequential(nn.Conv2d(3, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval(), pictures(), LABELS)
