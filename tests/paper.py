"""A graphics card of paper: its tensors lie on a device of their own, are computed on the CPU, and may not be mixed with the CPU's.

    with card() as to:
        gradient(to(model), to(x))

`to` brings tensors and modules there. As on a card of silicon an operation on tensors of both devices raises, and so does `.numpy()`; `.cpu()`, `.to(…)`
and `.item()` bring numbers back. The device calls itself "meta", for which torch needs no driver.
"""

import copy
from contextlib import contextmanager
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

CARD = torch.device("meta")
_MIXES = ("copy_", "index", "_index_put_impl_", "index_put_", "index_put", "_to_copy", "set_")  # torch itself takes both devices there


class OnCard(Tensor):
    """A tensor on the card; `inside` holds its numbers."""

    @staticmethod
    def __new__(cls, inside):
        with torch.inference_mode(False):
            return Tensor._make_wrapper_subclass(cls, inside.shape, strides=inside.stride(), storage_offset=inside.storage_offset(), dtype=inside.dtype,
                                                 device=CARD, requires_grad=False)

    def __init__(self, inside):
        self.inside = inside

    def tolist(self):
        return self.inside.tolist()

    def data_ptr(self):
        return self.inside.data_ptr()

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            fresh = OnCard(self.inside.clone())
            memo[id(self)] = nn.Parameter(fresh, self.requires_grad) if isinstance(self, nn.Parameter) else fresh.requires_grad_(self.requires_grad)
        return memo[id(self)]

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _run(function, args, kwargs or {})


class _Card(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return _run(function, args, kwargs or {})


def _run(function, args, kwargs):
    name = function.overloadpacket.__name__
    given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    assert all(isinstance(one, OnCard) or one.device.type != CARD.type for one in given), f"{name} got a tensor that was made unseen"
    there = any(isinstance(one, OnCard) for one in given)
    device = kwargs.get("device")
    if there and name not in _MIXES and any(one.ndim and not isinstance(one, OnCard) for one in given):
        raise RuntimeError(f"expected all tensors to be on the same device, but {name} got some on the card and some on the cpu")
    if device is not None:
        kwargs = kwargs | {"device": torch.device("cpu") if torch.device(device).type == CARD.type else device}
    result = function(*_inside(args), **_inside(kwargs))
    if name in ("_local_scalar_dense", "equal", "is_same_size"):
        return result
    target = torch.device(device).type == CARD.type if device is not None else isinstance(args[0], OnCard) if name in ("copy_", "index", "index_put_") else there
    if name.endswith("_") and not name.endswith("__") or "out" in kwargs:
        return args[0] if args else kwargs["out"]
    return tree_map(lambda one: OnCard(one) if isinstance(one, Tensor) else one, result) if target else result


def _inside(tree):
    return tree_map(lambda one: one.inside if isinstance(one, OnCard) else one, tree)


def _moved(what):
    if isinstance(what, Tensor):
        return OnCard(what.detach().clone())
    assert isinstance(what, nn.Module)
    moved = copy.deepcopy(what)
    for module in moved.modules():
        for name, value in module._parameters.items():
            if value is not None:
                module._parameters[name] = nn.Parameter(OnCard(value.detach().clone()), requires_grad=value.requires_grad)
        for name, value in module._buffers.items():
            if value is not None:
                module._buffers[name] = OnCard(value.detach().clone())
    return moved


@contextmanager
def card():
    overwrites = torch.__future__.get_overwrite_module_params_on_conversion()
    with pytest.MonkeyPatch.context() as patch, _Card():
        torch.__future__.set_overwrite_module_params_on_conversion(True)  # model.double() makes new parameters
        for name in ("tensor", "as_tensor"):  # these make a tensor before anybody sees it
            patch.setattr(torch, name, partial(_made, getattr(torch, name)))
        try:
            yield _moved
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(overwrites)


def _made(make, values, *, device=None, **options):
    if isinstance(values, OnCard) and device is None:
        device = CARD
    made = make(values.inside if isinstance(values, OnCard) else values, **options)
    return OnCard(made) if device is not None and torch.device(device).type == CARD.type else made
