"""What the network answers: logits or probabilities, how sure, and whether the labels mean the same classes."""

from __future__ import annotations

from scipy.stats import binom
from torch import Tensor, nn

from xaitutor.attribution.class_scores import kind
from xaitutor.audit.cases import Case
from xaitutor.audit.findings import ALARM, DOUBT, FINE, NOT, Finding, answer

_LAST = (nn.Softmax, nn.LogSoftmax, nn.Sigmoid, nn.Softmax2d)
_SHIFTED = 0.3  # by so much must the accuracy rise with shifted labels; a healthy network's falls to nearly 0
_UNSURE = 0.5
_ENOUGH, _BY_CHANCE = 8, 0.05  # pictures; the probability that guessing is right as often


def probabilities(outputs: Tensor) -> Tensor:
    """The probabilities (N, K), whatever the network outputs; of a network with one output, those of yes and no, (N, 2)."""
    what = kind(outputs)
    if outputs.shape[1] == 1:
        yes = outputs if what == "sigmoid" else outputs.sigmoid()
        return yes.new_tensor([[0.0, 1.0]]) + yes * yes.new_tensor([[1.0, -1.0]])
    if what == "softmax":
        return outputs
    return outputs / outputs.sum(dim=1, keepdim=True) if what == "sigmoid" else outputs.softmax(dim=1)


def logits(case: Case) -> Finding:
    """Does the network output logits? The gradient of a probability is p (1 − p) times that of its logit against the rest: where the network is sure it vanishes."""
    what = kind(case.logits)
    if what == "logits":
        return answer(FINE, "The network puts out logits.")
    last = [name for name, module in case.model.named_modules() if isinstance(module, _LAST)]
    advice = f"Take {'the layer ' + repr(last[-1]) if last else 'what stands before the last function'} away (an nn.Identity in its place), and explain the logits."
    if what == "log-softmax":
        return answer(DOUBT, "The network puts out log-probabilities: a map explains the class against all others together.", advice)
    if what == "sigmoid" and not last:  # a last ReLU with small outputs looks the same
        return answer(DOUBT, "All outputs lie between 0 and 1: are they probabilities?", advice)
    p = case.logits.gather(1, case.target[:, None])
    slope = (p * (1 - p)).mean()
    words = f"The network puts out probabilities ({what}): gradients shrink to p (1 − p) of the logit's, and vanish where it is sure."
    return answer(ALARM, words, advice, slope=slope)


def sureness(case: Case) -> Finding:
    """How sure are the answers? The mean probability of the class that is explained, and by how much it exceeds that of the strongest other.

    Not a fault in itself; a map of a guess explains a guess. On the four networks the mean over 12 pictures is 0.81 to 0.97.
    """
    p = probabilities(case.logits)
    mine = p.gather(1, case.target[:, None])[:, 0]
    margin = mine - p.scatter(1, case.target[:, None], -1).amax(dim=1)
    numbers = {"probability": mine.mean(), "margin": margin.mean()}
    if margin.mean() < 0:
        return answer(DOUBT, "The classes that are explained are not those that the network sees.",
                      "Such a map says what speaks for a class that was not chosen: is that what you ask?", **numbers)
    if mine.mean() < _UNSURE:
        return answer(DOUBT, "The network is not sure: a map explains a guess.", "Look at the pictures it is sure of first.", **numbers)
    return answer(FINE, "The network is sure of its answers.", **numbers)


def labels(case: Case) -> Finding:
    """Do the labels mean the classes that the network means? Accuracy with the labels, and with the labels one lower and one higher."""
    if case.labels is None:
        return answer(NOT, "No labels were given.")
    if case.logits.shape[1] == 1:
        return answer(NOT, "The network has one output only.")
    classes, predicted = case.logits.shape[1], case.logits.argmax(dim=1).cpu()
    right = {shift: (predicted == case.labels + shift).double().mean().item() for shift in (0, -1, 1)}
    better = max((-1, 1), key=right.get)
    numbers = {"accuracy": right[0], "accuracy_shifted": right[better]}
    if right[better] >= right[0] + _SHIFTED and len(predicted) > 1:
        words = f"The labels are off by one: they fit if each is one {'lower' if better < 0 else 'higher'}."
        return answer(ALARM, words, "Count classes as the weights do; most files count from 0, some from 1.", **numbers)
    if not 0 <= case.labels.min() <= case.labels.max() < classes:
        words = f"Labels go from {case.labels.min()} to {case.labels.max()}, but the network has the classes 0 to {classes - 1}."
        return answer(ALARM, words, "Bring labels and classes to one numbering.", **numbers)
    if len(predicted) >= _ENOUGH and binom.sf(round(right[0] * len(predicted)) - 1, len(predicted), 1 / classes) > _BY_CHANCE:
        return answer(ALARM, "The network is hardly more often right than chance.",
                      "Labels in another order, pictures prepared otherwise, or weights of another network: find out which before explaining.", **numbers)
    verdict = FINE if right[0] >= _UNSURE else DOUBT
    return answer(verdict, f"The network is right on {right[0]:.0%} of the pictures.", "Explain right and wrong answers apart.", **numbers)
