"""The cure of a Clever Hans whose features are good: its last linear layer fitted anew, on pictures in which the cue and the class do not go together.

Kirichenko, Izmailov and Wilson, Last Layer Re-Training is Sufficient for Robustness to Spurious Correlations, ICLR 2023.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from xaitutor.attribution.inputs import check
from xaitutor.attribution.last_maps import watching
from xaitutor.networks.layers import hooks


def refitted(model: nn.Module, x: Tensor, labels: Tensor, *, penalty: float = 10, batch_size: int = 64) -> nn.Module:
    """A copy of the model whose last linear layer is a logistic regression of `labels` (N,) on what goes into it for the pictures x (N, C, H, W).

    All other layers stay as they are, so that what is cured is how features are used, not which there are. penalty: of Σ w² for features scaled to a
    deviation of 1 (scikit-learn's 1 / C). Each of the model's classes must be among the labels. Raises ValueError where the network does not end in a
    linear layer, and for labels that do not fit. Cost: one forward pass a picture.
    """
    check(model, x)
    name, head = _head(model, x[:1])
    if len(labels) != len(x) or labels.unique().tolist() != list(range(head.out_features)):
        raise ValueError(f"expected one label for each of {len(x)} pictures, and every class from 0 to {head.out_features - 1} among them, got "
                         f"{tuple(labels.shape)} with {len(labels.unique())} classes")
    features = _into(model, name, x, batch_size)
    fresh = copy.deepcopy(model)
    weight, bias = _regression(features.cpu().double(), labels, penalty)
    with torch.no_grad():
        fresh.get_submodule(name).weight.copy_(weight)
        fresh.get_submodule(name).bias.copy_(bias)
    return fresh


def _regression(features: Tensor, labels: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Weights (K, F) and biases (K,) for the features as they are."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = features.mean(dim=0), features.std(dim=0).clamp_min(1e-6)
    fitted = LogisticRegression(C=1 / penalty, max_iter=1000).fit(((features - mean) / spread).numpy(), labels.cpu().numpy())
    weight = torch.from_numpy(fitted.coef_) / spread
    return weight, torch.from_numpy(fitted.intercept_) - weight @ mean


def _head(model: nn.Module, x: Tensor) -> tuple[str, nn.Linear]:
    with torch.no_grad(), watching(model) as watched:
        model(x.clone())
    last = watched.head()
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and module.bias is not None and last is not None and module.weight.data_ptr() == last.weight.data_ptr():
            return name, module
    raise ValueError("the model does not end in a linear layer with a bias (torch.nn.Linear) whose weights could be fitted anew")


def _into(model: nn.Module, name: str, x: Tensor, batch_size: int) -> Tensor:
    """What goes into the layer, (N, F)."""
    seen = []
    with torch.no_grad(), hooks({name: model.get_submodule(name)}, lambda _, __, given: seen.append(given[0].detach().clone()), inputs=True):
        for part in x.split(batch_size):
            model(part.clone())
    return torch.cat(seen)
