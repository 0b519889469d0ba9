"""What must be true of a map: that it is there, at the right layer, and changes with the class and with the weights."""

from __future__ import annotations

import torch
from torch import Tensor

from xaitutor.attribution import last_feature_map
from xaitutor.audit.cases import Case, alike, heat_of, takes, there
from xaitutor.audit.findings import ALARM, DOUBT, FINE, NOT, UNKNOWN, Finding, answer
from xaitutor.networks.layers import hooks
from xaitutor.referees import randomised, stages

# Pearson's correlations of heat, means over 12 pictures on the four networks.
# Class and strongest other: Grad-CAM 0.12 to 0.78, gradients 0.66 to 0.76, LRP 0.60 to 0.93; DeconvNet 0.59 and 0.96, guided backpropagation 0.98, FEM 1.
_SAME_CLASS, _LIKE_CLASS = 0.95, 0.85
# Everything drawn anew: Grad-CAM −0.04 to 0.19, gradients 0.14 to 0.27, FEM and guided backpropagation up to 0.62. An edge filter has 1.
_SAME_WEIGHTS, _LIKE_WEIGHTS = 0.75, 0.65
_SAME_HEAD = 0.94  # the last part drawn anew: Grad-CAM 0.17 to 0.55, gradients, LRP and DeepLIFT 0.37 to 0.75; guided backpropagation 0.98, FEM 1
# Grad-CAM at another layer and at the last map: layer1 0.05 to 0.28, layer2 0.25 to 0.56, layer3 0.61 to 0.83; VGG's earlier layers up to 0.20.
_OTHER_LAYER, _NEAR_LAYER = 0.5, 0.9
# Heat in the frame of an eighth of the sides (44 % of the area), against its area: all methods 0.09 to 0.79; the menagerie's things stand in the middle.
_FRAME, _ON_FRAME, _NEAR_FRAME = 8, 1.6, 1.25


def by_class(case: Case) -> Finding:
    """Does the map change with the class? Correlation of the heat for the class and for the strongest other one."""
    if case.logits.shape[1] < 2:
        return answer(NOT, "The network has one output only.")
    same = alike(there(case), heat_of(case, target=case.others))
    if same is None:
        return answer(UNKNOWN, "In no picture have both classes a map.", "See whether the map is there at all.")
    advice = "It says where something is, not what speaks for this class; take a method that tells classes apart, such as Grad-CAM."
    if same > _SAME_CLASS:
        return answer(ALARM, "The map is the same for the class and for the strongest other.", advice, correlation=same)
    if same > _LIKE_CLASS:
        return answer(DOUBT, "The map hardly changes with the class.", advice, correlation=same)
    return answer(FINE, "The map for the strongest other class is another one.", correlation=same)


def by_weights(case: Case) -> Finding:
    """Does the map change with the weights? Correlation with the heat where the last part, and where everything is drawn anew (Adebayo et al. 2018)."""
    heat, parts = there(case), stages(case.model)
    if not parts:
        return answer(NOT, "The network has no parts with weights to be drawn anew.")
    head, everything = (alike(heat, heat_of(case, randomised(case.model, names, case.seed))) for names in ([parts[0]], [""]))
    numbers = {name: value for name, value in (("head", head), ("everything", everything)) if value is not None}
    advice = "It shows what any network sees in this picture, or the picture itself, not what this network has learnt."
    if everything is not None and everything > _SAME_WEIGHTS:
        return answer(ALARM, "The map stays nearly the same when all weights are drawn anew.", advice, **numbers)
    if head is not None and head > _SAME_HEAD:
        return answer(ALARM, f"The map stays the same when the last part ({parts[0]}) is drawn anew, without which nothing is decided.", advice, **numbers)
    if everything is not None and everything > _LIKE_WEIGHTS:
        return answer(DOUBT, "Much of the map stays when all weights are drawn anew.", advice, **numbers)
    if not numbers:
        return answer(UNKNOWN, "With weights drawn anew no picture has a map.", "Try another seed.")
    return answer(FINE, "The map depends on the weights.", **numbers)


def at_layer(case: Case) -> Finding:
    """Is the layer the right one? The heat there against that at the last feature map, which is found by watching a pass."""
    if not takes(case.method, "layer"):
        return answer(NOT, "The method has no layer to choose.")
    last = last_feature_map(case.model, case.x)
    where = f"the last feature map, {_name_of(case, last)}, {last.shape[1]} channels of {last.shape[2]} × {last.shape[3]} places"
    if case.layer is None:
        return answer(FINE, f"The map is made at {where}.", places=last.shape[2:].numel())
    same = alike(there(case), heat_of(case, layer=None))
    if same is None:
        return answer(UNKNOWN, f"In no picture have the layer {case.layer!r} and {where} both a map.")
    advice = "Leave layer out, unless you ask about this layer: earlier ones see small parts, and their channels say little of the class."
    if same < _OTHER_LAYER:
        return answer(ALARM, f"The map at {case.layer!r} is another one than at {where}.", advice, correlation=same)
    if same < _NEAR_LAYER:
        return answer(DOUBT, f"The map at {case.layer!r} differs from that at {where}.", advice, correlation=same)
    return answer(FINE, f"The map at {case.layer!r} is that at {where}.", correlation=same)


def place(case: Case) -> Finding:
    """Is there a map, and is it on the picture? Share of empty maps; heat in a frame of the picture, and on padding, against their area."""
    heat = there(case)
    empty = heat.flatten(1).amax(dim=1) == 0
    if empty.double().mean() > 0.5:
        return _nothing(case, empty)
    framed, padded = _share(heat[~empty], _frame(heat)), _on_padding(case, heat, ~empty)
    numbers = {"empty": empty.double().mean(), "frame": framed} | ({} if padded is None else {"padding": padded})
    if framed > _ON_FRAME or (padded or 0) > 1:
        where = "in a frame along the border of the picture" if framed > _ON_FRAME else "on the padding of the picture, where nothing is"
        return answer(ALARM, f"The map is hottest {where}.", "Zero padding makes such maps: look whether they stay when the picture is shifted.", **numbers)
    if framed > _NEAR_FRAME or empty.any():
        words = f"{int(empty.sum())} of {len(empty)} maps are empty." if empty.any() else "There is more heat along the border than inside."
        return answer(DOUBT, words, "Look at these pictures: is the thing there?", **numbers)
    return answer(FINE, "The map is there, and not on the border.", **numbers)


def _nothing(case: Case, empty: Tensor) -> Finding:
    negative = (case.attribution.flatten(1).amin(dim=1) < 0)[empty].double().mean() > 0.5
    why = "all that the method gives is negative: it speaks against the class" if negative else "the method gives zeros, or its ReLU leaves nothing"
    return answer(ALARM, f"The map of most pictures is empty; {why}.", "Look at the map with its sign (Grad-CAM: relu=False); is the class the right one?",
                  empty=empty.double().mean())


def _name_of(case: Case, last: Tensor) -> str:
    """The module that puts this map out (the outermost and last of several), or "made by a function"."""
    names: list[str] = []

    def note(name, output):
        if isinstance(output, Tensor) and output.shape == last[:1].shape and torch.equal(output, last[:1]):
            names.append(name)

    last = last_feature_map(case.model, case.x[:1])
    with hooks({name: module for name, module in case.model.named_modules() if name}, note), torch.no_grad():
        case.model(case.x[:1].clone())
    return repr(names[-1]) if names else "made by a function"


def _frame(heat: Tensor) -> Tensor:
    """(H, W), True in a frame of an eighth of the sides."""
    height, width = heat.shape[1:]
    rows, columns = max(height // _FRAME, 1), max(width // _FRAME, 1)
    mask = torch.ones(height, width, dtype=torch.bool, device=heat.device)
    mask[rows:height - rows, columns:width - columns] = False
    return mask


def _share(heat: Tensor, mask: Tensor) -> float:
    """The mean share of heat in the mask, (H, W) or (N, H, W), divided by its share of the area."""
    mask = mask.expand_as(heat)
    return ((heat * mask).flatten(1).sum(1) / heat.flatten(1).sum(1) / mask.double().flatten(1).mean(1)).mean().item()


def _on_padding(case: Case, heat: Tensor, shown: Tensor) -> float | None:
    """The same for padding: rows and columns along the border that have one colour. None where no picture is padded."""
    plain = torch.stack([_padding(image) for image in case.x])
    some = shown & plain.flatten(1).any(dim=1) & ~plain.flatten(1).all(dim=1)
    return _share(heat[some], plain[some]) if some.any() else None


def _padding(image: Tensor) -> Tensor:
    """(H, W) of True where a row or column along the border, and all between it and the border, have one colour."""
    mask = torch.zeros(image.shape[1:], dtype=torch.bool, device=image.device)
    for turned, view in ((image, mask), (image.transpose(1, 2), mask.T)):
        plain = (turned == turned[:, :1, :1]).all(dim=0).all(dim=1)  # of the colour of the corner
        view[plain.long().cumprod(dim=0).bool()] = True
        plain = (turned == turned[:, -1:, -1:]).all(dim=0).all(dim=1).flip(0)
        view[plain.long().cumprod(dim=0).bool().flip(0)] = True
    return mask
