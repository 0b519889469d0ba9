"""Checks of notebook 22: heat behind the animal, a difference beside its control, how many kinds there are, and who loses an answer."""

from __future__ import annotations

import numpy as np
import torch

from xaitutor.checks.answers import shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check


@check
def share_behind(function) -> str:
    """Exercise 22.1: `function(heat, mask)`: of each map (N, H, W) the share that lies outside the object, whose mask (N, H, W) is in [0, 1]: (N,)."""
    generator = torch.Generator().manual_seed(22)
    heat, mask = torch.rand(3, 5, 6, generator=generator), (torch.rand(3, 5, 6, generator=generator) < 0.4).float()
    mask[:, 2] = 0.5  # edge pixels
    answer = shaped(call(function, heat.clone(), mask.clone()), (3,), "one share for each picture")
    on, total = (heat * mask).sum(dim=(1, 2)), heat.sum(dim=(1, 2))
    compare(answer, 1 - on / total, {
        "that is the share on the animal; asked is the rest": on / total,
        "that is the share of the area, without any heat": (1 - mask).mean(dim=(1, 2)),
        "divide by all heat of the picture, not by the number of pixels": (heat * (1 - mask)).mean(dim=(1, 2)),
        "divide each picture's heat by its own sum, not by that of all pictures": (total - on) / total.sum(),
        "that is how much heat lies there, not which share": total - on,
        "a pixel that is half the animal's counts half: multiply by 1 − mask": (heat * (mask == 0)).sum(dim=(1, 2)) / total,
        "that is heat behind against heat on the animal; asked is its share of all heat": (total - on) / on,
    })
    return "the share behind the animal, with half of what lies on its edge"


@check
def with_control(function) -> str:
    """Exercise 22.2: `function(here, there, control_here, control_there)`: how much more the suspect differs than its control, a number."""
    here, there, first, second = (torch.tensor(values) for values in ([5.0, 7.0, 9.0], [1.0, 2.0], [4.0, 4.5], [3.0, 1.0, 2.0, 2.0]))
    answer = shaped(call(function, here, there, first, second), (), "one number")
    compare(answer, (here.mean() - there.mean()) - (first.mean() - second.mean()), {
        "the control is missing: that is the suspect's own difference": here.mean() - there.mean(),
        "that is the control's own difference": first.mean() - second.mean(),
        "both differences added; the control's is taken away": (here.mean() - there.mean()) + (first.mean() - second.mean()),
        "the sign: the suspect's difference comes first": (first.mean() - second.mean()) - (here.mean() - there.mean()),
        "elsewhere is compared with nothing: take away both means of elsewhere": here.mean() - first.mean(),
        "means, not sums: the groups have different sizes": (here.sum() - there.sum()) - (first.sum() - second.sum()),
    })
    return "what the place does to everybody has cancelled"


@check
def kinds(function) -> str:
    """Exercise 22.3: `function(eigenvalues)`: the number of kinds, from the smallest eigenvalues in order, the first of which is 0."""
    cases = {(0, 0.01, 0.02, 0.5, 0.6, 0.65): 3, (0, 0.03, 0.4, 0.5, 0.55): 2, (0, 0.1, 0.2, 0.3, 0.9, 0.95): 4}
    for values, right in cases.items():
        found = call(function, np.array(values))
        if int(found) == right:
            continue
        advice = {right - 1: "one too few: the jump after the k-th eigenvalue says k kinds", right + 1: "one too many: k eigenvalues are small, and k kinds there are"}
        if int(found) == int(np.argmax(values)):
            raise Wrong("that is where the largest eigenvalue stands; look for the largest *jump* from one to the next")
        raise Wrong(f"for {', '.join(f'{value:g}' for value in values)}: you say {int(found)}, it is {right}; "
                    + advice.get(int(found), "how far is it from each eigenvalue to the next?"))
    return "as many kinds as there are eigenvalues before the largest jump"


@check
def lost(function) -> str:
    """Exercise 22.4: `function(here, elsewhere)`: of the animals recognised here the share that is not recognised elsewhere, both (N,) of True and False."""
    here = torch.tensor([True, True, True, True, False, False, True, False])
    elsewhere = torch.tensor([True, False, False, True, False, True, False, True])
    answer = shaped(torch.as_tensor(call(function, here.clone(), elsewhere.clone()), dtype=torch.float64), (), "one number")
    compare(answer, (here & ~elsewhere).sum() / here.sum(), {
        "that is a share of all animals; ask only those that are recognised here": (here & ~elsewhere).double().mean(),
        "that is the difference of two accuracies: animals gained elsewhere hide those that are lost": here.double().mean() - elsewhere.double().mean(),
        "animals that are recognised nowhere have lost nothing": (~elsewhere).double().mean(),
        "that is how many stay; asked is how many are lost": (here & elsewhere).sum() / here.sum(),
        "gained elsewhere is not lost": (here != elsewhere).double().mean(),
        "that is a number of animals, not a share": (here & ~elsewhere).sum(),
    })
    return "three of five: the answer hung on the place"
