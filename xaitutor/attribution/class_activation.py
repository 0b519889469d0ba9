"""Class activation maps: the last feature map, weighted by what each channel means for the class.

With feature maps A_k of Z = h · w places, all three are sums over channels at the map's own, coarse size:

    CAM                L_c = Σ_k w_k^c A_k                              Zhou et al., CVPR 2016, equation 2
    Grad-CAM           L_c = ReLU(Σ_k α_k^c A_k)                        Selvaraju et al., ICCV 2017, equations 1 and 2
                       α_k^c = 1/Z Σ_ij ∂y_c / ∂A_k,ij
    Guided Grad-CAM    guided backpropagation × Grad-CAM, enlarged      the same, section 3.2

Where the head is an average over places and one linear layer, α = w / Z: then CAM is Z times Grad-CAM without its
ReLU, and its mean over places plus the bias is the logit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from xaitutor.attribution.class_scores import chosen_classes, class_scores, differentiate
from xaitutor.attribution.inputs import explaining
from xaitutor.attribution.last_maps import Head, forward, watching
from xaitutor.attribution.relu_rules import guided_backprop


def cam(model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None) -> Tensor:
    """Class activation map of the class `target`: (N, 1, h, w), signed, mean over places + bias = its logit.

    Only for networks that average the last feature map over its places and put one linear layer, or none
    (SqueezeNet), behind it. That is checked on x itself: the mean of the maps must give all logits. 1 forward pass.

    x: (N, C, H, W), normalised. target: a class for all, one for each image, or None for the predicted class.
    Raises ValueError for other networks (VGG flattens its map: take `grad_cam`), and as `last_feature_map` does.
    """
    maps, logits, head = forward(model, x)
    weight = _linear_head(maps.mean(dim=(2, 3)), logits, head)
    chosen = weight[chosen_classes(logits, target)]
    return torch.einsum("nk,nkhw->nhw", chosen, maps)[:, None]


def grad_cam(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    score: str = "logit", layer: str | None = None, relu: bool = True,
) -> Tensor:
    """Grad-CAM: (N, 1, h, w), the layer's channels weighted by the mean gradient of the class's score.

    x: (N, C, H, W), normalised. target: a class for all, one for each image, or None for the predicted class.
    score: "logit", "log_probability" or "probability". layer: a name from `model.named_modules()`; by default the last
    feature map, see `last_feature_map`. relu: as published only what speaks for the class; False keeps the
    sign, and with it the evidence against.

    1 forward pass; backward only as far as the layer. Raises ValueError for a layer that the model does not have, that
    has no rows and columns, or that the score does not depend on.
    """
    with explaining(model, x) as x, watching(model, layer) as watched:
        value = class_scores(model, x, target, score)
        maps = watched.map()
        maps, gradient = (watched.channels_first(values, x.shape[2:]) for values in (maps, differentiate(value, maps)))
    result = (gradient.mean(dim=(2, 3), keepdim=True) * maps.detach()).sum(dim=1, keepdim=True)
    return result.relu() if relu else result


def guided_grad_cam(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    score: str = "logit", layer: str | None = None,
) -> Tensor:
    """Guided Grad-CAM: (N, C, H, W), guided backpropagation times Grad-CAM enlarged to the image's size (bilinear).

    As fine as the one, only where the other sees the class. Arguments and errors are those of `grad_cam`.

    2 forward passes and 1 backward: Grad-CAM needs the true gradient, and guided backpropagation changes it already
    in the fully connected layers behind the map.
    """
    where = grad_cam(model, x, target, score=score, layer=layer)
    where = nn.functional.interpolate(where, x.shape[2:], mode="bilinear")
    return where * guided_backprop(model, x, target, score=score)


def _linear_head(means: Tensor, logits: Tensor, head: Head | None) -> Tensor:
    """The weights (K, C) that make the logits of the maps' means (N, C), or ValueError where there are none."""
    classes = logits.shape[1]
    candidates = [head] if head is not None and head.weight.shape == (classes, means.shape[1]) else []
    if means.shape[1] == classes:  # the maps are the classes' own
        candidates.append(Head(torch.eye(classes).to(means), None))
    for weight, bias in candidates:
        found = nn.functional.linear(means, weight, bias)
        size = nn.functional.linear(means.abs(), weight.abs()).amax()  # of the terms that may cancel
        if (found - logits).abs().amax() <= torch.finfo(logits.dtype).eps ** 0.5 * size:
            return weight
    raise ValueError("CAM needs a network that averages its last feature map over all places and puts one linear layer "
                     f"behind that; here the averages of the {means.shape[1]} maps and the last linear layer do not "
                     f"give the {classes} logits (another pooling, flattening, or more layers between); take grad_cam")
