"""Is the network ready to be explained? Its mode, and whether it was trained at all."""

from __future__ import annotations

from torch import Tensor, nn

from xaitutor.audit.answers import probabilities
from xaitutor.audit.cases import Case
from xaitutor.audit.findings import ALARM, DOUBT, FINE, UNKNOWN, Finding, answer
from xaitutor.audit.pictures import seen_pictures
from xaitutor.audit.weights import fresh, layers

_LIVELY = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
# Mean of the largest probability. The four networks 0.81 to 0.97; random weights 0.09 to 0.16 (resnet18) and 0.34 to 0.42 (VGG), a random head
# 0.12 and 0.25, chance 0.083.
_GUESSING, _UNSURE = (2, 0.1), (6, 0.4)  # times chance, or that share of the way from chance to 1, which counts where classes are few
_SOME = 1 / 3  # of the layers; in menagerie_resnet18_biased, trained for five epochs, 4 of 21 still look as they were drawn
_STILL = 1e-3  # by so little do probabilities of two pictures differ where the answer does not depend on the picture


def mode(case: Case) -> Finding:
    """Is the network in evaluation mode? In training mode dropout and batch norm answer otherwise each time, and each pass changes the network."""
    if not case.training:
        return answer(FINE, "The network is in evaluation mode.")
    modules = dict(case.model.named_modules())
    lively = [name for name in case.training if isinstance(modules[name], _LIVELY)]
    where = f"{len(case.training)} of {len(modules)} modules are in training mode" + (f", {lively[0]!r} among them" if lively else "")
    words = f"{where}. All other questions were asked in evaluation mode; the network is left as it was."
    return answer(ALARM if lively else DOUBT, words, "Call model.eval() before explaining.", modules=len(case.training), lively=len(lively))


def trained(case: Case) -> Finding:
    """Are the weights trained? How many layers look freshly drawn (`weights.fresh`), how sure the answers are against chance, whether they change.

    A network that is given wrong pictures looks unsure, too: with an alarm about the pictures, settle that first.
    """
    parts = layers(case.model)
    drawn = [name for name, module in parts.items() if fresh(module)]
    p = probabilities(case.logits)
    numbers = {"probability": p.amax(dim=1).mean().item(), "chance": 1 / p.shape[1], "layers_fresh": len(drawn), "layers": len(parts)}
    found = _fresh(case, drawn, list(parts), numbers) or _guessing(p, numbers)
    if found is None and len(p) == 1 and not parts:
        return answer(UNKNOWN, "One picture, and no layer with enough weights: nobody can tell.", "Give several pictures.", **numbers)
    return found or answer(FINE, "The weights do not look freshly drawn, and the answers are no guesses.", **numbers)


def _guessing(p: Tensor, numbers: dict) -> Finding | None:
    if len(p) > 1 and (p - p[:1]).abs().max() < _STILL:
        return answer(ALARM, "The answer does not depend on the picture.", "Look at the weights, and at the pictures: are they all the same?", **numbers)
    if numbers["probability"] < _above(numbers["chance"], *_GUESSING):
        return answer(ALARM, "The answers are guesses.", "Was the file with the weights loaded, into all layers?", **numbers)
    if numbers["probability"] < _above(numbers["chance"], *_UNSURE):
        return answer(DOUBT, "The answers are not far from guesses.", "Look at the accuracy on pictures with labels.", **numbers)
    return None


def _above(chance: float, times: float, share: float) -> float:
    return min(times * chance, chance + share * (1 - chance))


def _fresh(case: Case, drawn: list[str], parts: list[str], numbers: dict) -> Finding | None:
    norms = [module for module in case.model.modules() if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None]
    blank = bool(norms) and not any(map(seen_pictures, norms))
    if blank or (parts and len(drawn) > len(parts) / 2):
        why = "no batch norm has seen a picture" if blank else f"{len(drawn)} of {len(parts)} layers have weights as they are drawn at the beginning"
        return answer(ALARM, f"The network is not trained: {why}.", "Load the weights: model.load_state_dict(…).", **numbers)
    if drawn and drawn[-1] == parts[-1]:
        return answer(ALARM, f"The last layer, {drawn[-1]!r}, has weights as they are drawn at the beginning: it was never trained, or not loaded.",
                      "Train it, or load its weights; load_state_dict(…, strict=False) leaves out what does not fit, without a word.", **numbers)
    if len(drawn) > _SOME * len(parts):
        return answer(DOUBT, f"{len(drawn)} layers have weights as they are drawn at the beginning, the first is {drawn[0]!r}.",
                      "Were they meant to be trained?", **numbers)
    return None
