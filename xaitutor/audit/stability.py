"""Does the map hold where it should? Under noise that the answer does not heed, and with another seed."""

from __future__ import annotations

import torch

from xaitutor.audit.cases import Case, alike, heat_of, takes, there
from xaitutor.audit.findings import ALARM, DOUBT, FINE, NOT, UNKNOWN, Finding, answer

_NOISE = 0.05  # times the deviation of the pictures: hardly to be seen
# Correlation under that noise, means over 12 pictures on the four networks: Grad-CAM, FEM and LRP 0.99 and 1, gradients 0.89 to 0.97, DeconvNet 0.88.
_HOLDS, _BREAKS = 0.8, 0.5


def under_noise(case: Case) -> Finding:
    """Does the map hold under small noise? Correlation of the heat with that of the picture and normal noise of 5 % of its deviation."""
    heat, generator = there(case), torch.Generator().manual_seed(case.seed)
    noise = _NOISE * case.x.std() * torch.randn(case.x.shape, generator=generator).to(case.x)
    with torch.no_grad():
        kept = (case.model(case.x + noise).argmax(dim=1) == case.logits.argmax(dim=1)).double().mean()
    same = alike(heat, heat_of(case, x=case.x + noise))
    if same is None:
        return answer(UNKNOWN, "No picture has a map with the noise and without.", "See whether the map is there at all.")
    numbers = {"correlation": same, "answers_kept": kept}
    if same < _BREAKS:
        return answer(ALARM, "Noise that is hardly to be seen makes another map.", "Average over noise (SmoothGrad), or take a coarser method.", **numbers)
    if same < _HOLDS:
        return answer(DOUBT, "Noise that is hardly to be seen changes the map.", "Do not read its details.", **numbers)
    return answer(FINE, "The map holds under noise that is hardly to be seen.", **numbers)


def with_seeds(case: Case) -> Finding:
    """Does the map hold with another seed? Only of methods that draw something."""
    if not takes(case.method, "seed"):
        return answer(NOT, "The method draws nothing at random.")
    same = alike(heat_of(case, seed=case.seed + 1), heat_of(case, seed=case.seed + 2))
    if same is None:
        return answer(UNKNOWN, "No picture has a map with both seeds.", "See whether the map is there at all.")
    if same < _HOLDS:
        return answer(ALARM if same < _BREAKS else DOUBT, "Another seed makes another map.", "Take more samples, and show several seeds: attribution.over_seeds.",
                      correlation=same)
    return answer(FINE, "The map is the same with another seed.", correlation=same)
