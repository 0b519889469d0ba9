"""Checks of notebook 10: a gradient on paper, from a gradient to a picture, SmoothGrad, the probabilities of two classes."""

from __future__ import annotations

import torch

from xaitutor.checks.answers import pair, right, shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check


@check
def by_hand(answer) -> str:
    """Exercise 10.1: the gradient of f(x, y) = x²y + 3y at (2, −1), a pair."""
    found = pair(answer, {-7: "that is the value of f there; asked is how it changes with x, and how with y"})
    advice = {
        (7, -4): "the right numbers, swapped: first the derivative with respect to x, then to y",
        (4, 7): "∂f/∂x = 2xy: do not lose y, it is −1",
        (-2, 7): "the derivative of x² is 2x: a 2 is missing in ∂f/∂x",
        (-1, 7): "3y does not change with x: it adds nothing to ∂f/∂x",
        (-7, 7): "3y does not change with x: it adds nothing to ∂f/∂x",
        (-4, 4): "∂f/∂y = x² + 3 at x = 2: is the 3 there, and is x the 2?",
        (-4, 3): "the first term, x²y, changes with y, too",
        (-8, -7): "that is the gradient times (x, y), the next notebook; here the gradient alone",
        (4, -7): "all signs are turned round: the gradient points uphill",
    }
    right(found, (-4, 7), advice)
    return "a little more of x and the score falls, a little more of y and it rises faster"


@check
def recipe(function) -> str:
    """Exercise 10.2: `function(attribution, q)`: max |a| over channels, over its q-quantile, in [0, 1], (N, H, W)."""
    draw = torch.Generator().manual_seed(10)
    q, a = 0.9, torch.randn(2, 3, 3, 7, generator=draw) * torch.tensor([1.0, 4.0]).reshape(2, 1, 1, 1)
    answer = shaped(call(function, a.clone(), q), (2, 3, 7), "one value a pixel, no channels")
    top = a.abs().amax(1)
    low, high, own = top.amin((1, 2), keepdim=True), top.amax((1, 2), keepdim=True), _quantile(top, q)
    expected = _cut(top, own)
    compare(answer, expected, {
        "each picture has its own quantile; yours is one for the whole batch": _cut(top, top.quantile(q)),
        "one quantile a picture, not one a row": _cut(top, top.quantile(q, dim=2, keepdim=True)),
        "take the strongest channel; in yours all channels add up (a mean is a sum, scaled)":
            _cut_own(a.abs().sum(1), q),
        "in your sum the channels cancel: first |a|, then the strongest channel": _cut_own(a.sum(1).abs(), q),
        "absolute values first, then the maximum: the strongest channel may be a negative one":
            _cut_own(a.amax(1).abs(), q),
        "negative values are strong, too: take |a| before the maximum": _cut_own(a.amax(1), q),
        "that is the quantile of all channels; take the map's own, after the maximum over channels":
            _cut(top, _quantile(a.abs(), q)),
        "you cut at the quantile; divide by it, too, so that 1 is the brightest": top.minimum(own),
        "a quantile, not the maximum: one outlier would leave all else dark": top / high,
        "nothing is subtracted: stretched from minimum to maximum, zero is no longer dark": (top - low) / (high - low),
        "divide by the quantile, subtract nothing: zero has to stay zero": _cut(top - low, own - low),
        "that is the quantile 1 − q; q = 0.9 leaves a tenth of the pixels above it": _cut_own(top, 1 - q),
        "some values are above 1: cut them, `.clamp(0, 1)`": top / own,
        "what is above the quantile becomes 1, not 0: these are the strongest pixels":
            torch.where(top <= own, expected, 0),
    })
    return "strong is bright, in each picture by its own measure; the sign is gone"


@check
def smooth(function) -> str:
    """Exercise 10.3: `function(gradient, x, sigma, noise)`: mean gradient(x + sigma · e), e in noise (n, C, H, W)."""
    draw = torch.Generator().manual_seed(11)
    x, noise, sigma = torch.randn(1, 2, 3, 4, generator=draw), torch.randn(5, 2, 3, 4, generator=draw), 0.4

    def mean(maps):
        return maps.mean(0, keepdim=True)

    answer = call(function, cubic, x.clone(), sigma, noise.clone())
    answer = shaped(answer, (1, 2, 3, 4), "one average, with the axes of x")
    all_of_them = cubic(x + sigma * noise)
    expected = mean(all_of_them)
    compare(answer, expected, {
        "divide by the number of noisy pictures: the mean, not the sum": all_of_them.sum(0, keepdim=True),
        "you average the noise, then take one gradient; take all gradients, then average":
            cubic(x + sigma * mean(noise)),
        "sigma is the standard deviation: multiply the noise by it, not by its square":
            mean(cubic(x + sigma**2 * noise)),
        "multiply the noise by sigma": mean(cubic(x + noise)),
        "each noisy copy starts from x itself; in yours the noise piles up": mean(cubic(x + sigma * noise.cumsum(0))),
        "no absolute values: gradients that disagree in sign are to cancel": mean(all_of_them.abs()),
        "no absolute values: the average keeps its sign": expected.abs(),
        "no squares: the gradients themselves are averaged": mean(all_of_them.square()),
        "that is the gradient of x alone: where is the noise?": cubic(x),
        "the noise goes into the picture, not onto the gradient": cubic(x) + sigma * mean(noise),
        "that is the gradient of the noise alone: add it to x": mean(cubic(sigma * noise)),
        "add the noise; do not multiply x by it": mean(cubic(x * (1 + sigma * noise))),
        "add the noise, x + sigma · e; yours is subtracted": mean(cubic(x - sigma * noise)),
        "that is one noisy picture; average over all": all_of_them[:1],
    })
    return "what all noisy copies agree on stays, the rest cancels"


def cubic(pictures: torch.Tensor) -> torch.Tensor:
    """A gradient (n, C, H, W) that is no straight line: of Σ p⁴/4 − p · p', where p' is p mirrored."""
    if pictures.ndim != 4:
        raise ValueError(f"gradient takes pictures (n, C, H, W), not {tuple(pictures.shape)}")
    return pictures**3 - 2 * pictures.flip(3)


@check
def two_classes(with_signs, without_signs) -> str:
    """Exercise 10.4: how the gradients of the two probabilities of a network with two classes correlate."""
    found = float(with_signs), float(without_signs)

    def are(*pair: float, within: float = 1e-3) -> bool:
        return all(abs(one - other) < within for one, other in zip(found, pair, strict=True))

    if not all(abs(one) < 1.001 for one in found):
        raise Wrong(f"a correlation lies between −1 and 1; these are {found[0]:g} and {found[1]:g}")
    if are(-0.34, 0.63, within=0.01):
        raise Wrong("these are the logits, of twelve classes; take the softmax of the two alone")
    if are(1, 1):
        raise Wrong("p₂ = 1 − p₁: when one rises, the other falls, and only one of your numbers shows it")
    if are(-1, -1):
        raise Wrong("−1 with signs, yes. Without them nothing is left of the minus")
    if are(1, -1):
        raise Wrong("swapped: first with signs, then without")
    if abs(found[0]) < 0.05:
        raise Wrong("the two are not independent: they add up to one, so their derivatives add up to …?")
    if not are(-1, 1):
        raise Wrong(f"not {found[0]:.2f} and {found[1]:.2f}: the softmax of two logits, the gradient of each probability, for one picture")
    return "with two classes a heatmap of the probability without its sign cannot say which of the two it explains"


def _quantile(maps: torch.Tensor, q: float) -> torch.Tensor:
    """Each picture's own, (N, 1, 1)."""
    return maps.flatten(1).quantile(q, dim=1)[:, None, None]


def _cut(maps: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    return (maps / by).clamp(0, 1)


def _cut_own(maps: torch.Tensor, q: float) -> torch.Tensor:
    return _cut(maps, _quantile(maps, q))
