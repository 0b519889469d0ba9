"""Checks of notebook 23: a TCAV score, a sparse code, and what a concept is worth to two networks."""

from __future__ import annotations

import torch

from xaitutor.checks.answers import shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check


@check
def score(function) -> str:
    """Exercise 23.1: `function(gradients, vector)`: the share of the pictures whose score grows along the vector, from gradients (N, D) and a vector (D,)."""
    gradients = torch.tensor([[2.0, 0.1], [1.0, 2.0], [-3.0, 1.0], [-1.0, -1.0], [0.5, 0.4], [0.2, 0.0], [0.1, -2.0]])
    vector = torch.tensor([3.0, -1.0])
    answer = shaped(call(function, gradients.clone(), vector.clone()), (), "one number")
    along = gradients @ vector
    compare(answer, (along > 0).float().mean(), {
        "that is how much the score grows, on average; asked is in how many pictures it does": along.mean(),
        "that is how many pictures, not which share": (along > 0).float().sum(),
        "that counts up less down; asked is the share that goes up": along.sign().mean(),
        "that is the share in which it falls": (along < 0).float().mean(),
        "first add up over the channels, then look at the sign": ((gradients * vector) > 0).float().mean(),
        "the vector is missing": (gradients.sum(dim=1) > 0).float().mean(),
    })
    return "five of seven: how much it grows the score does not say"


@check
def sparse(function) -> str:
    """Exercise 23.2: `function(z, k)`: of each row of z (n, features) the k largest values, where they are above 0; all others are 0."""
    z = torch.tensor([[0.5, 3.0, -1.0, 2.0], [-4.0, 0.2, -0.1, -2.0], [1.0, 4.0, 2.0, 3.0]])
    answer = shaped(call(function, z.clone(), 2), (3, 4), "as many rows and features as z")
    kept = torch.zeros_like(z).scatter(1, z.topk(2, dim=1).indices, z.topk(2, dim=1).values)
    of_all = torch.where(z >= z.flatten().topk(6).values[-1], z, 0.0)
    largest = z.abs().topk(2, dim=1).indices
    compare(answer, kept.relu(), {
        "what is below 0 stays off, also where it is among the k largest": kept,
        "that is the ReLU alone; k is missing": z.relu(),
        "each row keeps its own k, not all rows together": of_all.relu(),
        "the largest, not those furthest from 0": torch.zeros_like(z).scatter(1, largest, z.gather(1, largest)),
        "they keep their values; 1 and 0 would say only which": (kept.relu() > 0).float(),
    })
    return "two at a time, and in the second row only one"


@check
def worth(answers) -> str:
    """Exercise 23.3: `answers`: what snow is worth to a wolf, in logits, in the "honest" and in the "biased" network."""
    if not isinstance(answers, dict) or {"honest", "biased"} - set(answers):
        raise Wrong('give a dictionary with two numbers, {"honest": …, "biased": …}')
    honest, biased = (float(shaped(torch.as_tensor(answers[name]), (), f"one number for {name!r}")) for name in ("honest", "biased"))
    if abs(honest) > 2 > abs(biased):
        raise Wrong("the two networks have changed places")
    if biased < -2:
        raise Wrong("the sign: on snow less elsewhere")
    if abs(biased) > 100:
        raise Wrong("that is a sum; take the mean over the wolves")
    if biased <= 1.01 and abs(honest) <= 1.01 and biased > 0:
        raise Wrong("those look like probabilities; take the logit of the wolf")
    if not (abs(honest) < 1 and 2 < biased < 10):
        raise Wrong(f"{honest:.1f} and {biased:.1f} are not what the wolves' logits say: the same wolves on snow and elsewhere, all else as it was")
    return "both scores are 1; only one of the networks would miss the snow"
