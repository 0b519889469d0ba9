"""The audit: every question in turn. None of them raises; one that cannot be asked says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from xaitutor.attribution import inputs
from xaitutor.audit import agreement, answers, cases, deleting, maps, networks, pictures, stability
from xaitutor.audit.findings import ALARM, NOT, Finding, answer
from xaitutor.networks.layers import evaluating, named

QUESTIONS: dict[str, Callable[[cases.Case], Finding]] = {
    "Are the pictures as the network expects them?": pictures.as_expected,
    "Is the network in evaluation mode?": networks.mode,
    "Are its weights trained?": networks.trained,
    "Does it put out logits?": answers.logits,
    "Is it sure of its answers?": answers.sureness,
    "Do the labels mean its classes?": answers.labels,
    "Is there a map, and on the picture?": maps.place,
    "Does the map change with the class?": maps.by_class,
    "Does the map change with the weights?": maps.by_weights,
    "Is the layer the right one?": maps.at_layer,
    "Does the map hold under small noise?": stability.under_noise,
    "Does the map hold with another seed?": stability.with_seeds,
    "Does deleting what it marks matter more?": deleting.deleted,
    "Do CAM and Grad-CAM agree?": agreement.cam_and_grad_cam,
    "Do LRP-0 and Gradient × Input agree?": agreement.relevance_and_gradient,
    "Do Integrated Gradients add up?": agreement.complete,
}


def audit(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *, method: str | Callable = "grad_cam",
    layer: str | None = None, labels: Sequence[int] | Tensor | None = None, preprocess: Callable | None = None,
    questions: Sequence[str] = tuple(QUESTIONS), seed: int = 0,
) -> list[Finding]:
    """What can be checked of a network, its pictures and an explanation where nobody knows the truth: a `Finding` for each question, in their order.

    x: (N, C, H, W), as the network is given it; a dozen pictures of several classes say more than one. target: the class to explain, one for all or
    one for each picture, or None for the predicted. method: a name of `attribution.METHODS`, or a function (model, x, target) of your own that gives
    (N, C, h, w). layer: for Grad-CAM and its kin. labels: the true class of each picture, (N,), as you count them. preprocess: what made x, of which
    `mean`, `std` and `crop_size` are asked, if it has them. questions: some of `QUESTIONS`.

    Cost: about eight times that of the method, 17 passes for each deletion curve, 50 for Integrated Gradients. The model is asked in evaluation mode and
    left as it was. Raises TypeError and ValueError for arguments that mean nothing (an unknown method, layer or question, x that is no batch, labels
    that are not one for each picture), IndexError for a class that is not there; what network or method raise becomes a finding.
    """
    training = _checked(model, layer, questions)
    function, reduce = cases.chosen_method(method, layer)
    with evaluating(model):
        inputs.check(model, x)
        given = {"labels": cases.as_labels(labels, len(x)), "preprocess": preprocess, "layer": layer, "training": training, "seed": seed}
        case = cases.prepare(model, x.detach(), target, function, reduce, **given)
        return [_asked(question, case) for question in questions]


def _checked(model: nn.Module, layer: str | None, questions: Sequence[str]) -> tuple[str, ...]:
    """The names of the modules in training mode. Raises for what is no network, and for unknown layers and questions."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"the model must be a torch.nn.Module, not {type(model).__name__}")
    named(model, *([] if layer is None else [layer]))
    unknown = [question for question in questions if question not in QUESTIONS]
    if isinstance(questions, str) or unknown:
        raise ValueError(f"questions must be a list of some of QUESTIONS, {list(QUESTIONS)}; got {questions!r}")
    return tuple(name for name, module in model.named_modules() if module.training)


def _asked(question: str, case: cases.Case) -> Finding:
    """The finding; where the question cannot be asked, why."""
    ask = QUESTIONS[question]
    try:
        found = _no_answers(case, ask) if case.logits is None else ask(case)
    except Exception as error:  # a network of any kind may raise anything; the other questions are still asked
        found = answer(NOT, f"This could not be asked: {cases.first_line(error)}")
    return found._replace(question=question)


def _no_answers(case: cases.Case, ask: Callable) -> Finding:
    """What is to be said where the network gave no logits."""
    if ask is networks.mode:
        return ask(case)
    if ask is not pictures.as_expected:
        return answer(NOT, "The network gave no logits for these pictures.")
    return answer(ALARM, f"The network gives no logits for pictures {tuple(case.x.shape)}: {case.refusal}",
                  "Pictures are (N, C, H, W), with the channels first, in the size and number of channels of the training; logits are (N, classes).")
