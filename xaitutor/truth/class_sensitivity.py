"""How much a heatmap changes with the class that is asked about: whether a method tells classes apart at all.

That says nothing of whether it is right (for this there are the contrasts), only whether it can be: a map that is the same for every
class answers no question about one.
"""

from __future__ import annotations

import numpy as np
import torch

from xaitutor.attribution import heatmap
from xaitutor.truth.given import Contestant
from xaitutor.truth.networks import Network
from xaitutor.truth.scores import strongest_other
from xaitutor.truth.situations import pictures, situations

SCENES = 24  # two of each class


def alike(who: Contestant, network: Network, scenes: int = SCENES) -> np.ndarray:
    """Pearson's correlation over the pixels, for each scene, (scenes,), of the heatmap for its class and that for the strongest other.

    1 for a method that does not look at the class. NaN where a logit is not positive: relevance of less than nothing is a map of nothing.
    """
    cast = situations(range(scenes))
    x, labels = network.inputs(pictures([s.scene for s in cast]).images), np.array([s.label for s in cast])
    with torch.no_grad():
        logits = network.model(x).cpu().numpy()
    others = strongest_other(logits, labels)
    maps = [heatmap(who.function(network.model, x, torch.from_numpy(targets)), who.reduce, size=x.shape[2:]).flatten(1).double()
            for targets in (labels, others)]
    centred = [one - one.mean(dim=1, keepdim=True) for one in maps]
    norms = centred[0].norm(dim=1) * centred[1].norm(dim=1)
    correlation = ((centred[0] * centred[1]).sum(dim=1) / norms).numpy()
    return np.where(np.take_along_axis(logits, np.stack([labels, others], axis=1), axis=1).min(axis=1) > 0, correlation, np.nan)
