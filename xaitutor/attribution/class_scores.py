"""The class to explain: its score, and the derivative of that score."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from xaitutor.attribution.inputs import warn_once
from xaitutor.networks.layers import derivative, original, run
from xaitutor.networks.neighbours import require_alone

_MANY = 20  # so many numbers all in [0, 1] are no logits
_CLOSE = 1e-4  # float32 sums of up to a thousand probabilities

SCORES = {  # what is explained, from logits z (N, K); a single one is that of yes against no
    "logit": lambda z: z,
    "log_probability": lambda z: z.log_softmax(dim=1) if z.shape[1] > 1 else logsigmoid(z),
    "probability": lambda z: z.softmax(dim=1) if z.shape[1] > 1 else z.sigmoid(),
}


def class_scores(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, score: str = "logit"
) -> Tensor:
    """The score of the class to explain for each image, (N,), by one forward pass; call it inside `explaining`.

    target: a class for all, one for each image, or None for the class the model predicts for each.
    score: "logit" z_c; "log_probability" log softmax(z)_c; "probability" softmax(z)_c, which pays for a class
    also by what speaks against the others (Simonyan et al. 2013 therefore take the logit). Of a network with one logit the
    probability is σ(z). Of one that puts out probabilities it is the output itself, and "logit", too: you are warned.

    Raises ValueError (unknown score, outputs not (N, classes), a score that is not finite), IndexError (no such class).
    """
    require_score(score)
    return of_classes(logits_of(model, x), target, score)


def require_score(score: str) -> None:
    """Raise ValueError unless it is one of `SCORES`."""
    if score not in SCORES:
        raise ValueError(f"score must be one of {', '.join(map(repr, SCORES))}, not {score!r}")


def of_classes(outputs: Tensor, target: int | Sequence[int] | Tensor | None, score: str = "logit") -> Tensor:
    """The same from the logits (N, K) of a pass that was made already."""
    chosen = _scored(outputs, score).gather(1, chosen_classes(outputs, target)[:, None])[:, 0]
    if not chosen.isfinite().all():
        raise ValueError(f"the model's score is not finite ({chosen.tolist()}): its numbers overflow in {outputs.dtype}")
    return chosen


def _scored(outputs: Tensor, score: str) -> Tensor:
    what = kind(outputs)
    if what == "logits":
        return SCORES[score](outputs)
    if score == "logit":
        warn_once(f"the model puts out {_PUT_OUT[what]}; for the logits, set its last layer to nn.Identity()")
        return outputs
    if what == "log-softmax":
        return SCORES[score](outputs)
    return outputs if score == "probability" else outputs.clamp_min(torch.finfo(outputs.dtype).tiny).log()


_PUT_OUT = {
    "softmax": "probabilities, not logits (each row adds up to 1): where it is sure their gradients vanish, and a map shows rounding",
    "sigmoid": "probabilities, not logits (a sigmoid comes last): where it is sure their gradients vanish, and a map shows rounding",
    "log-softmax": "log-probabilities, not logits: a map explains the class against all others together, as score=\"log_probability\" does",
}


def kind(outputs: Tensor) -> str:
    """What the outputs (N, K) are, by their values and the function that made them: "logits", "softmax", "log-softmax" or "sigmoid"."""
    several, values = outputs.shape[1] > 1, outputs.detach()
    if several and values.min() >= 0 and (values.sum(dim=1) - 1).abs().max() < _CLOSE:
        return "softmax"
    if several and values.max() <= _CLOSE and values.logsumexp(dim=1).abs().max() < _CLOSE:
        return "log-softmax"
    if outputs.grad_fn is not None:
        return "sigmoid" if outputs.grad_fn.name().startswith("Sigmoid") else "logits"
    between = 0 <= values.min() < values.max() <= 1 and values.numel() >= _MANY
    return "sigmoid" if between else "logits"


def differentiate(score: Tensor, x: Tensor) -> Tensor:
    """∂ score / ∂ x for each image, by one backward pass. x may also be an activation (see `layers.record`).

    In eval mode no image depends on another, so that the gradient of the sum holds that of each.
    Raises ValueError where no gradient leads from the score back to x.
    """
    found = derivative(score, x, allow_unused=True) if score.requires_grad else None
    if found is None:
        raise ValueError("the score does not depend on x by anything that has a gradient; does the model detach, "
                         "round, or run under torch.no_grad() itself?")
    return found


def decide(model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None, batch_size: int) -> Tensor:
    """The class of each image, (N,), for all its copies: `target`, or, by one more forward pass, the predicted one."""
    with torch.no_grad():
        if target is None:
            return torch.cat([chosen_classes(logits_of(model, part), None) for part in x.split(batch_size)])
        return _as_indices(target, x)


def logits_of(model: nn.Module, x: Tensor) -> Tensor:
    """The logits (N, K) of one pass; the model gets a copy, which its first layer may overwrite.

    A model may also return (N,), one logit for each picture, or a table in which they are called "logits" or "out". For any other: `reading`.
    """
    model = original(model)
    require_alone(model, len(x))
    outputs = _the_logits(run(model, x.clone()))
    if not isinstance(outputs, Tensor):
        parts = list(outputs) if isinstance(outputs, dict) else f"{len(outputs)}" if isinstance(outputs, tuple) else ""
        raise ValueError(f"the model must return one tensor (N, classes), but returns a {type(outputs).__name__} "
                         f"{parts}; reading(model, lambda outputs: …) returns what you take out of it")
    if outputs.shape == x.shape[:1] and outputs.is_floating_point():
        return outputs[:, None]
    if outputs.ndim == 4 and len(outputs) == len(x):
        raise ValueError(f"the model must return logits of the shape (N, classes) = ({len(x)}, …), but returns a map {tuple(outputs.shape)}; "
                         "reading(model, lambda maps: maps[:, :, row, column]) is a model of one place of it")
    if outputs.ndim != 2 or len(outputs) != len(x) or not outputs.is_floating_point():
        raise ValueError(f"the model must return logits of the shape (N, classes) = ({len(x)}, …), "
                         f"but returns {outputs.dtype} of {tuple(outputs.shape)}; reading(model, lambda outputs: …) makes a model that does")
    return outputs


def _the_logits(outputs):
    """Those under the name "logits", where the model returns a table or a named tuple, as transformers do."""
    if isinstance(outputs, dict):
        return outputs.get("logits", outputs.get("out", outputs))
    return getattr(outputs, "logits", outputs) if isinstance(outputs, tuple) else outputs


def chosen_classes(outputs: Tensor, target) -> Tensor:
    if target is None:
        return outputs.detach().argmax(dim=1)
    indices = _as_indices(target, outputs)
    for index in indices.tolist():
        if not 0 <= index < outputs.shape[1]:
            last = outputs.shape[1] - 1
            raise IndexError(f"there is no class {index}: the model has {last + 1}, from 0 to {last}")
    return indices


def _as_indices(target, batch: Tensor) -> Tensor:
    """`target` as one index for each row of `batch`."""
    if isinstance(target, str):
        raise TypeError(f"target must be a class's index, not {target!r}; class_index(categories, {target!r}) finds it")
    indices = torch.as_tensor(target, device=batch.device)
    if indices.dtype.is_floating_point or indices.dtype.is_complex or indices.dtype == torch.bool:
        raise TypeError(f"target must be whole numbers, the indices of classes, not {target!r}")
    if indices.ndim and tuple(indices.shape) != (len(batch),):
        raise ValueError(f"target must be one class, or one for each of {len(batch)} images, not "
                         f"{tuple(indices.shape)}")
    return indices.long().expand(len(batch))


class _Reading(nn.Sequential):
    """A model, and a function of what it returns."""

    def __init__(self, model: nn.Module, read: Callable):
        super().__init__(OrderedDict(model=model))
        self.read = read
        self.training = model.training

    def forward(self, x: Tensor) -> Tensor:
        return self.read(self.model(x))


def reading(model: nn.Module, read: Callable) -> nn.Module:
    """A model that returns `read(model(x))`, the logits (N, K), where the model itself returns something else. Its layers are called "model.…".

        reading(fcn, lambda outputs: outputs["out"][:, :, 16, 16])     # one pixel of a segmentation
        reading(detector, lambda found: torch.stack([one["scores"][:1] for one in found]))
    """
    return _Reading(original(model), read)
