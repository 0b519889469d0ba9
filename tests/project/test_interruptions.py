"""Ctrl-C in a notebook, in whichever pass it comes, leaves every network, and torch, as they were: for each public function that asks a network."""

import copy
import warnings

import pytest
import torch
from torch import nn

from tests.helpers import fingerprint
from tests.project.test_devices import CASES

ASKING = [name for name in CASES if name not in (
    "heatmaps", "filters", "field", "normalise", "picture", "agreement", "imputation", "top k", "soft tree", "fidelity", "localisation", "spray", "score", "audit",
    "concept", "components", "dictionary", "guess")]


@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("name", ASKING)
def test_ctrl_c_leaves_no_trace(name, passes):
    networks, calls = [], []

    def stop(module, inputs):
        calls.append(module)
        if len(calls) == passes:
            raise KeyboardInterrupt

    def to(what):
        what = copy.deepcopy(what)
        if isinstance(what, nn.Module):
            next(module for module in what.modules() if isinstance(module, nn.Conv2d)).register_forward_pre_hook(stop)
            networks.append((what, fingerprint(what)))
        return what

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            CASES[name](to)
        except KeyboardInterrupt:
            pass
    assert len(calls) >= 1 and all(fingerprint(model) == before for model, before in networks)
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled() and torch._C._len_torch_function_stack() == 0
