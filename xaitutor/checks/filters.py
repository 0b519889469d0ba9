"""Checks of notebook 06: filters as pictures, whose map this is, a hook without traps, the best patch there is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xaitutor.checks.answers import recognise
from xaitutor.checks.verdict import Wrong, call, check

_FILTER = 12  # of conv1: its map of the notebook's zebra is unlike the fifteen others


@check
def picture(function) -> str:
    """Exercise 6.1: `function(w)` is the filter w (C, h, w) as a picture in [0, 1], zero at 0.5."""
    w = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(2)) - 0.6  # the largest weight by size is negative
    answer = torch.as_tensor(call(function, w.clone())).detach()
    if answer.shape != w.shape:
        raise Wrong(f"the picture has the shape {tuple(answer.shape)}, expected that of the filter, {tuple(w.shape)}")
    half = 0.5 + w / 2
    recognise(answer.float(), {
        "that stretches from the minimum to the maximum, and zero is no longer 0.5": (w - w.min()) / (w.max() - w.min()),
        "divide by the largest weight *by size*: here it is a negative one": 0.5 + w / (2 * w.max()),
        "the factor 2 is missing: your values go from -0.5 to 1.5": 0.5 + w / w.abs().max(),
        "zero became 0; add one half": w / (2 * w.abs().max()),
        "scale the filter as a whole; you scaled each channel for itself, and colours change":
            0.5 + w / (2 * w.abs().amax((1, 2), keepdim=True)),
        "without a division by the largest weight the values leave [0, 1]": half,
    })
    if not torch.allclose(answer.float(), 0.5 + w / (2 * w.abs().max()), atol=1e-5):
        raise Wrong(f"the first value is {answer.flatten()[0]:.3f}, expected {(0.5 + w / (2 * w.abs().max())).flatten()[0]:.3f}")
    return "grey where the filter does not care"


def mystery(model: nn.Module, x: Tensor) -> Tensor:
    """A feature map (h, w) of one of the filters of `conv1`, for the picture x (1, 3, H, W), in another brightness and contrast."""
    conv = model.conv1
    maps = F.conv2d(x, conv.weight.detach()[_FILTER : _FILTER + 1], stride=conv.stride, padding=conv.padding)
    return 0.07 * maps[0, 0] + 3


@check
def whose(answer, model: nn.Module, x: Tensor) -> str:
    """Exercise 6.2: the number of the filter that made `mystery(model, x)`."""
    answer = int(answer)
    count = len(model.conv1.weight)
    if not 0 <= answer < count:
        raise Wrong(f"conv1 has the filters 0 to {count - 1}, not {answer}")
    if answer == _FILTER:
        return f"filter {answer}: the correlation does not care for brightness and contrast"
    with torch.no_grad():
        maps = F.conv2d(x, model.conv1.weight, stride=model.conv1.stride, padding=model.conv1.padding)[0].flatten(1)
    true = mystery(model, x).flatten()
    if answer == int((maps - true).abs().mean(1).argmin()):
        raise Wrong(f"map {answer} has the closest values, but brightness and contrast were changed; compare patterns, by the correlation")
    if answer == int(maps.mean(1).argmax()):
        raise Wrong(f"map {answer} is the strongest; the question is which has the same pattern")
    alike = torch.corrcoef(torch.stack([maps[answer], true]))[0, 1].item()
    raise Wrong(f"the map of filter {answer} correlates with the mystery at {alike:.2f} only")


@check
def look(function) -> str:
    """Exercise 6.3: `function(model, layer, x)` is what the named module outputs; no hook is left, nothing is overwritten."""
    model = _small()
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        right = {"0": model[0](x), "2": model[2](model[0](x).relu())}
    for layer in ("2", "0"):
        answer = call(function, model, layer, x.clone())
        if not isinstance(answer, Tensor):
            raise Wrong(f"return the tensor itself, not a {type(answer).__name__}")
        if _hooks(model):
            raise Wrong("a hook is left in the model after your function has returned")
        _compare(answer.detach(), right[layer], layer)
    try:
        function(model, "2", torch.zeros(2, 1, 6, 6))
    except Exception:
        pass  # the model cannot take that picture; what counts is what is left in it
    if _hooks(model):
        raise Wrong("a hook is left in the model after it stopped with an error; remove it in `finally`")
    return "copied, and removed in any case"


@check
def poster(bigger, patch, w: Tensor) -> str:
    """Exercise 6.4: which moves the filter w more, "portrait" or "real"; and the patch (3, 7, 7) in [0, 1] that moves it most of all."""
    if bigger not in ("portrait", "real"):
        raise Wrong(f'`bigger` is "portrait" or "real", not {bigger!r}')
    patch, w = torch.as_tensor(patch).detach().float(), w.detach()
    if patch.shape != w.shape:
        raise Wrong(f"the poster has the shape {tuple(patch.shape)}, expected that of the filter, {tuple(w.shape)}")
    if patch.min() < 0 or patch.max() > 1:
        raise Wrong(f"a picture lies in [0, 1]; yours goes from {patch.min():.2f} to {patch.max():.2f}")
    best = (w > 0).float()
    recognise(patch, {
        "that is the filter's portrait, the best of one *length*; but here each number may go to its end": 0.5 + w / (2 * w.abs().max()),
        "where a weight is negative you have 0, rightly; where it is positive you may go higher than the weight": w.clamp(0, 1),
        "turned round: it could not answer less": 1 - best,
        "you let one colour decide for all three; each has its own weight": (w.sum(0, keepdim=True) > 0).float().expand_as(w),
        "white is not it: where a weight is negative, light counts against": torch.ones_like(w),
    })
    wrong = int(((patch - best).abs() > 1e-4)[w != 0].sum())
    if wrong:
        raise Wrong(f"{wrong} of its {w.numel()} numbers could be set better: what does each weight ask of its own number?")
    if bigger != "real":
        raise Wrong("the poster is right. But measure the portrait against the best real patch: contrast counts as much as likeness")
    return "each number goes to the end that its weight asks for; the portrait is the best of one length, and beaten by real patches"


def _compare(answer: Tensor, right: Tensor, layer: str) -> None:
    if answer.shape != right.shape:
        raise Wrong(f"for layer {layer!r} the shape is {tuple(answer.shape)}, expected {tuple(right.shape)}: is that this layer's output?")
    if torch.allclose(answer, right, atol=1e-5):
        return
    if torch.allclose(answer, right.relu(), atol=1e-5):
        raise Wrong("no negative value is left: the in-place ReLU behind the layer has overwritten what you kept; keep a copy")
    raise Wrong(f"for layer {layer!r} the values differ from what it outputs")


def _small() -> nn.Sequential:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace=True))
    draw = torch.Generator().manual_seed(6)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=draw) / 3
    return model.eval()


def _hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())
