"""Pictures of explanations: a heatmap as a recipe makes it, a map with and against a class, a point on a path.

Like `plots`, this room computes no explanation itself; each function returns a figure and its alternative text.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from xaitutor.attribution.heatmaps import heatmap, overlay, signed_heatmap
from xaitutor.figures import plots


def recipe(picture: Tensor, attribution: Tensor, reduce: str, clip: float, sigma: float, alpha: float) -> tuple[Figure, str]:
    """The heatmap of an attribution (1, C, H, W), and its overlay on the picture (1, 3, H, W), as `heatmap` and `overlay` make them."""
    heat = heatmap(attribution, reduce, clip, sigma)
    figure = plots.image_grid([picture, heat[0], overlay(picture, heat, alpha)], ["the picture", f"{reduce}, σ = {sigma:g}", "laid over"],
                              columns=3, size=2.2, **plots.HEAT)
    share = (heat > 0.5).float().mean().item()
    return figure, (f"The picture, its heatmap by {reduce}, cut at the {clip:.1%} quantile and smoothed with σ = {sigma:g} pixels, "
                    f"and laid over it at {alpha:.0%}; {share:.0%} of the heatmap is brighter than half.")


def for_and_against(picture: Tensor, attribution: Tensor, title: str, clip: float = 1) -> tuple[Figure, str]:
    """What speaks for a class (red) and against it (blue), enlarged and laid on the picture (1, 3, H, W)."""
    signed = signed_heatmap(attribution, clip=clip, size=picture.shape[2:])
    laid = overlay(picture, (signed + 1) / 2, 0.6, plots.SIGNED)
    figure = plots.image_grid([picture, signed[0], laid], ["the picture", title, "laid over"], columns=3, size=2.2, **plots.SIGNED_HEAT)
    positive, negative = attribution.clamp(min=0).sum().item(), attribution.clamp(max=0).sum().item()
    against = negative / min(negative - positive, -1e-12)
    return figure, f"{title}: the picture, the map, and both. Of the map's weight, {against:.0%} speaks against the class."


def on_the_path(picture: Tensor, gradient: Tensor, alphas, scores, alpha: float, title: str) -> tuple[Figure, str]:
    """A point of the straight path from a baseline to an image: the picture there (1, 3, H, W), its gradient (1, C, H, W), and
    where it lies on the curve of `scores` over `alphas`."""
    figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.5), width_ratios=[1, 1, 1.2])
    axes[0].imshow(plots.to_array(picture))
    axes[1].imshow(heatmap(gradient)[0].numpy(), **plots.HEAT)
    for axis, name in zip(axes, (f"α = {alpha:.2f}", "gradient there")):
        axis.set_title(name)
        axis.axis("off")
    score = scores[min(range(len(alphas)), key=lambda i: abs(alphas[i] - alpha))]
    axes[2].plot(alphas, scores, color=plots.BLUE)
    axes[2].plot([alpha], [score], "o", color=plots.ORANGE, markersize=8)
    axes[2].set(xlabel="α", title=title)
    return figure, (f"{title}: at α = {alpha:.2f} the score is {score:.2f}; the mean size of the gradient there is "
                    f"{gradient.abs().mean():.4f}.")


def compared(reference: Tensor, picture: Tensor, attribution: Tensor, name: str, scores) -> tuple[Figure, str]:
    """A reference and a picture (1, 3, H, W), their two `scores`, and which pixels make the difference: an attribution (1, C, H, W)."""
    total = attribution.sum().item()
    titles = [f"{name}: {scores[0]:.2f}", f"picture: {scores[1]:.2f}", f"sum {total:+.2f}"]
    figure = plots.image_grid([reference, picture, signed_heatmap(attribution)[0]], titles, columns=3, size=2.2, **plots.SIGNED_HEAT)
    return figure, (f"Compared with {name} (score {scores[0]:.2f}) the picture (score {scores[1]:.2f}) has {scores[1] - scores[0]:+.2f}; "
                    f"the map adds up to {total:+.2f}.")


def hidden(picture: Tensor, copy: Tensor, scores, title: str) -> tuple[Figure, str]:
    """A picture and a copy with something hidden (1, 3, H, W), and their two `scores`."""
    titles = [f"score {scores[0]:.2f}", f"score {scores[1]:.2f}"]
    figure = plots.image_grid([picture, copy], titles, columns=2, size=2.4)
    return figure, f"{title}: the score goes from {scores[0]:.2f} to {scores[1]:.2f}, a fall of {scores[0] - scores[1]:.2f}."


def weights(picture: Tensor, attributions: Sequence[Tensor], titles: Sequence[str], text: str) -> tuple[Figure, str]:
    """A picture (1, 3, H, W), and maps (1, 1, H, W) of the weights of its regions, for and against, all in one scale."""
    largest = max(one.abs().max() for one in attributions)
    shown = [one[0, 0] / largest for one in attributions]
    figure = plots.image_grid([picture, *shown], ["picture", *titles], columns=1 + len(shown), size=2.2, **plots.SIGNED_HEAT)
    return figure, text


def attacked(image: Tensor, other: Tensor, says: str, text: str) -> tuple[Figure, str]:
    """An image and what an attack made of it (1, 3, H, W) in [0, 1], and their difference, eight times as strong, around grey."""
    difference = (0.5 + 8 * (other - image)).clamp(0, 1)
    return plots.image_grid([image, other, difference], ["the picture", says, "difference × 8"], columns=3, size=2.2), text
