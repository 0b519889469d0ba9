"""The class to explain: its number, its score, and the derivative of that score."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

SCORES = {  # what is explained, from logits z (N, K)
    "logit": lambda z: z,
    "log_probability": lambda z: z.log_softmax(dim=1),
    "probability": lambda z: z.softmax(dim=1),
}


def class_scores(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, score: str = "logit"
) -> Tensor:
    """The score of the class to explain for each image, (N,), by one forward pass; call it inside `explaining`.

    target: a class for all, one for each image, or None for the class the model predicts for each.
    score: "logit" z_c; "log_probability" log softmax(z)_c; "probability" softmax(z)_c, which pays for a class
    also by what speaks against the others (Simonyan et al. 2013 therefore take the logit).

    Raises ValueError (unknown score, outputs not (N, classes), a score that is not finite), IndexError (no such class).
    """
    if score not in SCORES:
        raise ValueError(f"score must be one of {', '.join(map(repr, SCORES))}, not {score!r}")
    return of_classes(logits_of(model, x), target, score)


def of_classes(outputs: Tensor, target: int | Sequence[int] | Tensor | None, score: str = "logit") -> Tensor:
    """The same from the logits (N, K) of a pass that was made already."""
    chosen = SCORES[score](outputs).gather(1, chosen_classes(outputs, target)[:, None])[:, 0]
    if not chosen.isfinite().all():
        raise ValueError(f"the model's score is not finite ({chosen.tolist()}): its numbers overflow in {outputs.dtype}")
    return chosen


def differentiate(score: Tensor, x: Tensor, again: bool = False) -> Tensor:
    """∂ score / ∂ x for each image, by one backward pass. x may also be an activation (see `layers.record`).
    again: keep what another backward pass through the same forward pass needs.

    In eval mode no image depends on another, so that the gradient of the sum holds that of each.
    Raises ValueError where no gradient leads from the score back to x.
    """
    found = torch.autograd.grad(score.sum(), x, retain_graph=again or None, allow_unused=True)[0] if score.requires_grad else None
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
    """The logits (N, K) of one pass; the model gets a copy, which its first layer may overwrite."""
    try:
        outputs = model(x.clone())
    except RuntimeError as error:
        _explain_mismatch(model, x, error)
        raise
    if not isinstance(outputs, Tensor):
        parts = list(outputs) if isinstance(outputs, dict) else f"{len(outputs)}" if isinstance(outputs, tuple) else ""
        raise ValueError(f"the model must return one tensor (N, classes), but returns a {type(outputs).__name__} "
                         f"{parts}; wrap it in a module that returns the logits alone")
    if outputs.ndim != 2 or len(outputs) != len(x) or not outputs.is_floating_point():
        raise ValueError(f"the model must return logits of the shape (N, classes) = ({len(x)}, …), "
                         f"but returns {outputs.dtype} of {tuple(outputs.shape)}; wrap it in a module that does")
    return outputs


def chosen_classes(outputs: Tensor, target) -> Tensor:
    if target is None:
        return outputs.detach().argmax(dim=1)
    indices = _as_indices(target, outputs)
    for index in indices.tolist():
        if not 0 <= index < outputs.shape[1]:
            last = outputs.shape[1] - 1
            raise IndexError(f"there is no class {index}: the model has {last + 1}, from 0 to {last}")
    return indices


def class_index(categories: Sequence[str], name: str) -> int:
    """The index of the class called `name`: what the methods take as `target`. Upper and lower case are one.

    Raises ValueError for a name that is not there, with the nearest ones, or that two classes have.
    """
    wanted = str(name).casefold()
    found = [index for index, category in enumerate(categories) if category.casefold() == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"{len(found)} classes are called {name!r}; give one of their numbers: {found}")
    names = {category.casefold(): category for category in categories}
    near = [names[key] for key in difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(categories[:10])}, …"
    raise ValueError(f"no class is called {name!r} among {len(categories)}; {hint}")


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


def _explain_mismatch(model: nn.Module, x: Tensor, error: RuntimeError) -> None:
    """torch says of what type each operand is; say what to do."""
    for weight in model.parameters():
        if weight.is_floating_point() and (weight.dtype, weight.device) != (x.dtype, x.device):
            raise ValueError(f"x is {x.dtype} on {x.device}, the model's parameters are {weight.dtype} on "
                             f"{weight.device}; x.to(device, dtype) brings them together") from error
