"""What relevance and differences hold in memory at once, beside a bare forward and backward pass: counted, allocation by allocation."""

import pytest
import torch
import torchvision
from torch.profiler import ProfilerActivity, profile

from xaitutor import attribution


def peak(function) -> int:
    """The largest sum of bytes that tensors held while it ran."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        function()
    held = largest = 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            largest = max(largest, held)
    return largest


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    return torchvision.models.resnet18().eval()


def bare(model, x):
    x = x.clone().requires_grad_()
    torch.autograd.grad(model(x)[:, 0].sum(), x)


@pytest.mark.parametrize("explain, pictures", [
    (lambda model, x: attribution.lrp(model, x, 0, rule="epsilon"), 1),
    (lambda model, x: attribution.deeplift(model, x, 0), 2),
], ids=["lrp_epsilon", "deeplift"])
def test_no_more_than_twice_a_bare_pass(resnet, explain, pictures):
    x = torch.rand(2, 3, 160, 160)
    bare(resnet, x), explain(resnet, x)  # what torch allocates once
    allowed = 2 * peak(lambda: bare(resnet, x.repeat(pictures, 1, 1, 1)))
    assert peak(lambda: explain(resnet, x)) <= allowed
