"""Is the picture as the network expects it? What its first batch norm remembers of the training pictures is compared with what comes in."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xaitutor.audit.answers import probabilities
from xaitutor.audit.cases import Case, quiet
from xaitutor.audit.findings import ALARM, DOUBT, FINE, UNKNOWN, Finding, answer
from xaitutor.audit.mistakes import REVERSED, Scale, possible, reversed_channels, scale_of, undone
from xaitutor.networks.layers import hooks
from xaitutor.truth import bootstrap

# On the three menagerie networks with batch norm, 12 test pictures, 6 seeds: healthy 0.06 to 0.31 (0.47 with ImageNet's mean and deviation),
# not normalised 0.74 and more, normalised twice from 3.6, 0–255 beyond 100.
FAR = 0.6
CLEARLY = 2  # an undone mistake must come that many times nearer
# Entropy in nats that the answer loses when the channels are reversed. On the four networks, 12 pictures, 12 seeds: healthy −0.84 to −0.08, BGR
# 0.08 to 0.84. The sign alone would do there; of pictures in which colour says little there is less to see.
SURER = 0.1
SURE_BY_FAR = 0.2  # without batch norm: how much more probable the answer must become; the VGG, not normalised, gains 0.45 and more
_SCALED = 1.5  # times larger or smaller than the preprocess makes
_ADVICE = "Prepare pictures with the preprocess that belongs to the weights: x = preprocess(image)[None], once."


def as_expected(case: Case) -> Finding:
    """Is the picture as the network expects it? Range, normalisation, order of channels, size.

    Three witnesses: the range (a normalised picture lies between (0 − mean) / std and (1 − mean) / std), the distance of the first batch norm
    (`distance`), and how sure the answer is. Each usual mistake is undone (`mistakes`), and accused only where the undone pictures fit better by
    far. Without batch norm a wrong mean goes unseen as long as the range is possible. BGR is accused only where the gain is certain over the pictures:
    of 12 in 90 % of the runs, in 65 % on menagerie_resnet18_biased, and doubted in the others (benchmarks/RESULTS.md); of one picture it is doubted at most.
    """
    scale = scale_of(case.preprocess, case.x)
    found = _out_of_scale(case, scale) if scale else None
    return found or _reversed(case, scale) or _size(case) or _unaccused(case, scale)


def distance(model: nn.Module, x: Tensor) -> float | None:
    """How far the activations that go into the first batch norm are from those of its training, in units of the running deviation σ:

        √ mean over channels of ((μ − μ_running)² + (σ − σ_running)²) / σ_running²

    The 2-Wasserstein distance of two normal distributions, per channel. None without batch norm, or where it has never seen a picture.
    """
    norms = {name: module for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d) and seen_pictures(module)}
    found: list[float] = []

    def note(name, output, inputs):
        if not found:
            norm, a = norms[name], inputs[0].detach()
            spread = norm.running_var.sqrt().clamp_min(norm.eps)
            shift = (a.mean(dim=(0, 2, 3)) - norm.running_mean) / spread
            stretch = (a.std(dim=(0, 2, 3)) - spread) / spread
            found.append((shift.square() + stretch.square()).mean().sqrt().item())

    with hooks(norms, note, inputs=True), torch.no_grad():
        model(x.clone())
    return found[0] if found else None


def seen_pictures(norm: nn.BatchNorm2d) -> bool:
    """Whether batch norm has statistics other than those it begins with."""
    return norm.running_mean is not None and bool(norm.running_mean.any() or (norm.running_var != 1).any())


def _out_of_scale(case: Case, scale: Scale) -> Finding | None:
    """Range and normalisation: None where nothing is to be said."""
    tries = undone(case.x, scale)
    here = distance(case.model, case.x)
    if here is None:
        return _by_range(case, scale, tries)
    if here <= FAR:
        return None
    fits = {name: distance(case.model, other) for name, other in tries.items()}
    name = min(fits, key=fits.get, default=None)
    if name is not None and fits[name] * CLEARLY < here:
        return answer(ALARM, f"The pictures do not look like those that the network was trained on; they do if {name}.", _ADVICE,
                      distance=here, distance_undone=fits[name])
    return answer(DOUBT, "The activations before the first batch norm are far from those in training, and none of the usual mistakes explains it.",
                  "Compare your preprocessing with that of the training; or these pictures are of another kind.", distance=here)


def _by_range(case: Case, scale: Scale, tries: dict[str, Tensor]) -> Finding | None:
    """Without batch norm: what cannot be is accused, what could be either way only where the answer becomes much surer."""
    gains = {name: _sure(case, other) - _sure(case, case.x) for name, other in tries.items()}
    name = max(gains, key=gains.get, default=None)
    if not possible(case.x, scale):
        low, high = case.x.min().item(), case.x.max().item()
        guess = f"; they would be pictures if {name}" if name else ""
        return answer(ALARM if name else DOUBT, f"The pictures have values that no normalised picture has{guess}.", _ADVICE, least=low, largest=high)
    if name is not None and gains[name] > SURE_BY_FAR:
        return answer(ALARM, f"The network is much surer of its answers if {name}.", _ADVICE, probability_gained=gains[name])
    return None


def _reversed(case: Case, scale: Scale | None) -> Finding | None:
    if case.x.shape[1] != 3:
        return None
    lost = _entropy(case, case.x) - _entropy(case, reversed_channels(case.x, scale))
    if lost.mean() <= SURER:
        return None
    certain = len(lost) > 1 and bootstrap(lost.cpu()).low > 0
    advice = "Pictures read by OpenCV are BGR: cv2.cvtColor(image, cv2.COLOR_BGR2RGB), or x.flip(1) before normalising."
    return answer(ALARM if certain else DOUBT, f"The network is surer of its answers if {REVERSED}.", advice, entropy_lost=lost.mean())


def _size(case: Case) -> Finding | None:
    given = getattr(case.preprocess, "crop_size", None)
    if given is None:
        return None
    made, here = max(given) if hasattr(given, "__len__") else given, max(case.x.shape[2:])
    if max(made, here) <= _SCALED * min(made, here):
        return None
    return answer(DOUBT, f"The pictures have {case.x.shape[2]} × {case.x.shape[3]} pixels, and the preprocess makes {made}: things are of another size than in "
                  "training.", _ADVICE, height=case.x.shape[2], width=case.x.shape[3])


def _unaccused(case: Case, scale: Scale | None) -> Finding:
    here = distance(case.model, case.x)
    if here is None:
        words = "The network has no batch norm that remembers its training; range and answers say nothing against the pictures."
        verdict = FINE if scale and scale.known else UNKNOWN
        return answer(verdict, words, "Compare mean, std and the order of channels with the training yourself.", probability=_sure(case, case.x))
    return answer(FINE, "The pictures look to the first batch norm like those in training, and no usual mistake explains them better.", distance=here)


def _sure(case: Case, x: Tensor) -> float:
    return _probabilities(case, x).amax(dim=1).mean().item()


def _entropy(case: Case, x: Tensor) -> Tensor:
    """Of each answer, in nats: (N,)."""
    p = _probabilities(case, x)
    return -(p * p.clamp_min(torch.finfo(p.dtype).tiny).log()).sum(dim=1)


def _probabilities(case: Case, x: Tensor) -> Tensor:
    """Where the network gives probabilities itself, a second softmax would leave nothing of them."""
    with torch.no_grad():
        return probabilities(quiet(case.model, x.clone()))
