"""Does a picture's answer depend on its neighbours in the batch? Then so does what is said of it, and nobody sees it.

It does where batch norm keeps no running statistics, and where a network takes a mean, or attention, over the batch. The first is seen in the
modules; the second is asked, once for each network that is not made of torch's and torchvision's own parts alone: a picture by itself against the
same picture beside another.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

_known: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()
_KEEPS_NONE = " keeps no running statistics"
_OWN = ("torch.nn.modules.", "torchvision.models.", "torchvision.ops.", "xaitutor.")
_ACROSS = (nn.MultiheadAttention, nn.RNNBase, nn.Transformer, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)  # unless the batch comes first


def dependence(model: nn.Module, x: Tensor) -> str:
    """Why pictures of a batch depend on one another in this network, or "" where they do not. x: (N, C, H, W), one or more to ask with."""
    norms = [name for name, module in model.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is None]
    if norms:
        _known[model] = f"batch norm {norms[0]!r}{_KEEPS_NONE}"
    elif model not in _known or _known[model].endswith(_KEEPS_NONE):
        known = all(type(module).__module__.startswith(_OWN) and not isinstance(module, _ACROSS) for module in model.modules())
        _known[model] = "" if known else _asked(model, x[:1])
    return _known[model]


def require_alone(model: nn.Module, count: int, how: str = "one at a time, x[i:i+1], with batch_size=1 where a method has one") -> None:
    """Raise ValueError for a batch of several pictures, where they are known to depend on one another."""
    if count > 1 and _known.get(model):
        raise ValueError(f"in this network pictures of a batch change one another's answers: {_known[model]}; ask it {how}")


def _asked(model: nn.Module, x: Tensor) -> str:
    """The picture is asked twice, for a network that draws at random differs, too."""
    with torch.no_grad():
        try:
            alone, again, beside = (model(images.clone()) for images in (x, x, torch.cat([x, x.flip(3) + 1])))
        except Exception:  # the pass that is wanted says why
            return ""
    pairs = [(one, other, both[:1]) for one, other, both in zip(*map(_tensors, (alone, again, beside))) if len(both) == 2 and one.is_floating_point()]
    random = any(not torch.equal(one, other) for one, other, _ in pairs)
    moved = any((one - both).abs().max() > torch.finfo(one.dtype).eps ** 0.5 * one.abs().max() for one, _, both in pairs if one.shape == both.shape)
    return "one alone is answered otherwise than beside another" if moved and not random else ""


def _tensors(output) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output] if output.ndim else []
    values = output.values() if isinstance(output, dict) else output if isinstance(output, (tuple, list)) else ()
    return [one for value in values for one in _tensors(value)]
