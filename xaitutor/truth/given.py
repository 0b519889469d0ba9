"""What a method gives each region of some pictures, and where its heat lies: all of an explanation that is ever scored."""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from xaitutor.attribution import METHODS, heatmap
from xaitutor.truth import cache, controls
from xaitutor.truth.localisation import pointing_game, relevance_mass
from xaitutor.truth.networks import Network, named
from xaitutor.truth.situations import Pictures

OPTIONS = {  # from the mean colour, the default
    "smoothgrad": {"samples": 10}, "integrated_gradients": {"steps": 10}, "occlusion": {"window": 24, "stride": 12},
    "rise": {"samples": 200}, "meaningful_perturbation": {"steps": 40}, "lime": {"samples": 100}, "kernel_shap": {"samples": 100}}
TRUE = {"regions": "true"}  # asked about the scene's own regions instead of superpixels
VARIANTS = {  # other ways to use a method that are scored, too: its name, what people call it, its options
    "lrp_epsilon": ("lrp", "LRP-ε", {"rule": "epsilon"}),
    "lrp_epsilon_plus": ("lrp", "LRP, ε and z⁺", {"rule": "epsilon_plus"}),
    "lrp_alpha2_beta1": ("lrp", "LRP, ε and α2β1", {"rule": "epsilon_alpha2_beta1"}),
    "deeplift_reveal_cancel": ("deeplift", "DeepLIFT, RevealCancel", {"rule": "reveal_cancel"}),
    "lime_true_regions": ("lime", "LIME, true regions", {"samples": 64} | TRUE),
    "kernel_shap_true_regions": ("kernel_shap", "Kernel SHAP, true regions", {"samples": 64} | TRUE),
}


MANY = ("hiding", "stand-ins")  # families that ask for a hundred passes and more


class Contestant(NamedTuple):
    """A method that is scored: `function(model, x, target)`, and how its attribution becomes heat.

    `needs` is what the network must have, or the pictures: "regions" that are known, which `function` then takes. `code` its
    fingerprint, or None where it has none (and nothing is kept). `many`: it asks for so many passes that fewer scenes must do.
    """

    name: str
    title: str
    function: Callable
    reduce: str
    needs: str
    code: str | None
    many: bool = False


class Given(NamedTuple):
    """For N pictures: `signed` (N, 6), the attribution summed over each region; `heat` (N, 6), the same of the heatmap as it is
    seen; `pointing` and `mass` (N,) of the object; forward and backward `passes`, and `seconds`, for one picture."""

    signed: np.ndarray
    heat: np.ndarray
    pointing: np.ndarray
    mass: np.ndarray
    passes: np.ndarray
    seconds: np.ndarray


def contestant(method: str | Callable) -> Contestant:
    """A method of the course, one of its `VARIANTS` or a control by its name; "module:function" for any other, or the function itself.

    A class such as `captum.attr.Saliency` is taken as Captum's are used: `Saliency(model).attribute(x, target=target)`.
    Heat of such a method is |Σ_c a_c|. Raises ValueError for what is not there or cannot be called.
    """
    if isinstance(method, str) and method in (*METHODS, *VARIANTS):
        of, title, options = VARIANTS.get(method, (method, "", OPTIONS.get(method, {})))
        known = METHODS[of]
        code = cache.name_of(of, cache.code(known.function.__module__), options, known.reduce)
        plain = {name: value for name, value in options.items() if (name, value) not in TRUE.items()}
        needs = known.needs if plain == options else "regions"
        return Contestant(method, title or known.title, partial(known.function, **plain), known.reduce, needs, code, known.family in MANY)
    if isinstance(method, str) and method in controls.CONTROLS:
        code = cache.name_of(method, cache.code(controls.__name__))
        return Contestant(method, controls.TITLES[method], controls.CONTROLS[method], "max_abs", "", code)
    name = method if isinstance(method, str) else getattr(method, "__qualname__", type(method).__name__)
    found = named(method, "method", [*METHODS, *VARIANTS, *controls.CONTROLS]) if isinstance(method, str) else method
    if inspect.isclass(found):
        return Contestant(name, name, partial(_attribute, found), "abs_sum", "", None)
    if not callable(found):
        raise ValueError(f"the method {name} is a {type(found).__name__}, not a function (model, x, target)")
    return Contestant(name, name, found, "abs_sum", "", None)


def explain(who: Contestant, network: Network, pictures: Pictures, targets: np.ndarray, labels: list[str]) -> Given:
    """What `who` gives for the classes `targets` (N,). `labels` (N,): what to call each picture in an error.

    From the cache where this method was asked this before. Raises ValueError, naming the method and the picture, where
    it raises, gives another shape than (N, C, h, w), or values that are not finite.
    """
    name = who.code and network.weights and cache.name_of(
        who.code, network.weights, hashlib.sha256(pictures.images.tobytes()).hexdigest(), targets.tolist(), _code())
    known = name and cache.read("given", name)
    if known:
        return Given(**known)
    x = network.inputs(pictures.images)
    known_regions = {"regions": integer_regions(pictures)} if who.needs == "regions" else {}
    with counted_passes(network.model) as counts:
        start = time.perf_counter()
        attribution = _attribution(who, network.model, x, torch.from_numpy(targets).to(x.device), labels, known_regions)
        seconds = (time.perf_counter() - start) / len(x)
    regions, objects = torch.from_numpy(pictures.regions), torch.from_numpy(pictures.objects)
    heat = heatmap(attribution, who.reduce, clip=1, size=objects.shape[1:])
    found = Given(relevance(attribution, regions).numpy(), relevance(heat[:, None], regions).numpy(),
                  pointing_game(heat, objects).double().numpy(), relevance_mass(heat, objects).numpy(),
                  np.array([counts.forward, counts.backward]) / len(x), np.array(seconds))
    return Given(**cache.write("given", name, **found._asdict())) if name else found


def integer_regions(pictures: Pictures) -> Tensor:
    """The region that each pixel is most of, (N, H, W): one of six."""
    return torch.from_numpy(pictures.regions).argmax(dim=1)


def relevance(attribution: Tensor, regions: Tensor) -> Tensor:
    """The signed attribution summed over colours and over each region: (N, regions).

    attribution: (N, C, h, w), enlarged to the masks' size (bilinear) where it is smaller. regions: (N, regions, H, W) in
    [0, 1]; where an edge pixel is half a region's, half of its attribution is.
    """
    if attribution.ndim != 4 or regions.ndim != 4 or len(attribution) != len(regions):
        raise ValueError("expected an attribution (N, C, h, w) and as many masks (N, regions, H, W), got "
                         f"{tuple(attribution.shape)} and {tuple(regions.shape)}")
    signed = attribution.detach().double().sum(dim=1, keepdim=True)
    if signed.shape[2:] != regions.shape[2:]:
        signed = nn.functional.interpolate(signed, size=regions.shape[2:], mode="bilinear")
    return torch.einsum("nhw,nrhw->nr", signed[:, 0], regions.double())


@contextmanager
def counted_passes(model: nn.Module) -> Iterator[SimpleNamespace]:
    """Inside the block: how many pictures went `forward` into the first convolution, how many gradients came `backward` out of it."""
    counts = SimpleNamespace(forward=0, backward=0)

    def forward(_, inputs):
        counts.forward += len(inputs[0])
        if inputs[0].requires_grad:
            inputs[0].register_hook(backward)

    def backward(gradient):
        counts.backward += len(gradient)

    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), model)
    handle = first.register_forward_pre_hook(forward)
    try:
        yield counts
    finally:
        handle.remove()


def _attribution(who: Contestant, model: nn.Module, x: Tensor, targets: Tensor, labels: list[str], options: dict[str, Tensor]) -> Tensor:
    found = _asked(who, model, x, targets, labels, options)
    if not isinstance(found, Tensor) or found.ndim != 4 or len(found) != len(x):
        got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"the method {who.name} gives {got} for the pictures {tuple(x.shape)} ({labels[0]} and so on); "
                         f"expected a tensor ({len(x)}, C, h, w)")
    broken = ~found.detach().flatten(1).isfinite().all(dim=1)
    if broken.any():
        raise ValueError(f"the method {who.name} gives values that are NaN or infinite for {labels[int(broken.int().argmax())]}")
    return found.detach().cpu()


def _asked(who: Contestant, model: nn.Module, x: Tensor, targets: Tensor, labels: list[str], options: dict[str, Tensor]):
    """All pictures at once; where that fails, one by one, to say which it was."""
    try:
        return who.function(model, x.clone(), targets.clone(), **options)
    except Exception as error:
        alone, where = error, f"{labels[0]} to {labels[-1]}, together"
        for i, label in enumerate(labels):
            try:
                one = slice(i, i + 1)
                who.function(model, x[one].clone(), targets[one].clone(), **{name: value[one] for name, value in options.items()})
            except Exception as first:
                alone, where = first, label
                break
        raise ValueError(f"the method {who.name} fails for {where}: {type(alone).__name__}: {alone}") from error


def _attribute(kind: type, model: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    return kind(model).attribute(x.requires_grad_(), target=target)


def _code() -> str:
    return cache.code(__name__, heatmap.__module__)
