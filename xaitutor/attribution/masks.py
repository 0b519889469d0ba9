"""The meaningful perturbation: the smallest mask that, laid over the picture, changes the answer, found by gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from xaitutor.attribution.class_scores import class_scores, decide, differentiate
from xaitutor.attribution.inputs import at_least_one, explaining
from xaitutor.attribution.regions import filling
from xaitutor.progress import tqdm


def meaningful_perturbation(
    model: nn.Module, x: Tensor, target: int | Sequence[int] | Tensor | None = None, *,
    mode: str = "delete", size: int = 28, steps: int = 300, rate: float = 0.1, sparsity: float = 1e-4, smoothness: float = 1e-2, beta: float = 3,
    jitter: int = 4, fill: str | float | Tensor | Callable = "blur", score: str = "probability", seed: int = 0, batch_size: int = 16,
    history: list | None = None, progress: bool = True,
) -> Tensor:
    """How much of each place a mask takes away ("delete") or keeps ("preserve"), 0 to 1: (N, 1, size, size), coarser than x.

    With the mask m, 1 where x is to be seen, enlarged (bilinear), and Φ(m) = m x + (1 − m) fill, Adam seeks in `steps` steps of `rate` the least

        delete     sparsity · Σ |1 − m| + smoothness · Σ |∇m|^β + S_c(Φ(m))
        preserve   sparsity · Σ |m|     + smoothness · Σ |∇m|^β − S_c(Φ(m))

    with picture and fill shifted against the mask by up to `jitter` pixels in each step, so that it cannot rely on single pixels. Without
    smoothness and jitter it finds what fools the network, not what it looks at. fill, score as for `occlusion`; but the probability is what the
    paper's weights are meant for. history: a list, to which each step adds the scores (N,) of its masked pictures. The same `seed` gives the
    same bits on the same machine.

    Cost: `steps` forward and backward passes. Fong and Vedaldi, Interpretable Explanations of Black Boxes by Meaningful Perturbation, ICCV 2017.
    """
    at_least_one(size=size, steps=steps, batch_size=batch_size)
    if mode not in ("delete", "preserve"):
        raise ValueError(f"mode must be 'delete' or 'preserve', not {mode!r}")
    if isinstance(jitter, bool) or not isinstance(jitter, int) or jitter < 0:
        raise ValueError(f"jitter must be a whole number of pixels, 0 for none, not {jitter!r}")
    with explaining(model, x) as x:
        x = x.detach()
        target, behind, told = decide(model, x, target, batch_size), filling(x, fill), []
        sign = 1 if mode == "delete" else -1

        def slope(parts: tuple, mask: Tensor, shift: list[int]) -> tuple[Tensor, Tensor]:
            image, hidden, classes = parts
            seen = interpolate(mask, size=image.shape[2:], mode="bilinear", align_corners=False).to(image)
            scores = class_scores(model, torch.lerp(hidden.roll(shift, (2, 3)), image.roll(shift, (2, 3)), seen), classes, score)
            own = sign * (sparsity * (1 - mask).sum()) + smoothness * variation(mask, beta)
            return sign * differentiate(scores, mask) + torch.autograd.grad(own, mask)[0], scores.detach()

        parts = zip(x.split(batch_size), behind.split(batch_size), target.split(batch_size))
        masks = [_search(lambda *given, some=some: slope(some, *given), len(some[0]), x, size, steps, rate, jitter, seed, told, progress) for some in parts]
        if history is not None:
            history += [torch.cat(told[step::steps]) for step in range(steps)]
        mask = torch.cat(masks)
        return 1 - mask if mode == "delete" else mask


def variation(mask: Tensor, beta: float) -> Tensor:
    """Σ |∇m|^β over all neighbours, down and to the right."""
    return sum((mask.diff(dim=dim).abs() ** beta).sum() for dim in (2, 3))


def _search(slope: Callable, n: int, x: Tensor, size: int, steps: int, rate: float, jitter: int, seed: int, told: list, progress: bool) -> Tensor:
    """The mask (n, 1, size, size) that following the slope down leads to, from 1 everywhere."""
    wide = torch.promote_types(x.dtype, torch.float32)  # the steps are too small for half precision
    mask = torch.ones(n, 1, size, size, dtype=wide, device=x.device, requires_grad=True)
    adam = torch.optim.Adam([mask], lr=rate)
    generator = torch.Generator().manual_seed(seed)
    for _ in tqdm(range(steps), delay=3, leave=False, disable=not progress):
        shift = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
        mask.grad, scores = slope(mask, shift)
        adam.step()
        mask.data.clamp_(0, 1)
        told.append(scores)
    return mask.detach().to(x)
