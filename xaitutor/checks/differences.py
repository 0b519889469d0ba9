"""Checks of notebook 16: multipliers of a ReLU, by Rescale and RevealCancel, of max pooling, and the mean over references."""

from __future__ import annotations

import torch

from xaitutor.checks.answers import pair, right, shaped
from xaitutor.checks.comparison import compare
from xaitutor.checks.verdict import Wrong, call, check


@check
def rescale(function) -> str:
    """Exercise 16.1: `function(z, reference)`: the multipliers (n,) of a ReLU, and its gradient where z is the reference."""
    both = torch.tensor([[2.0, -1.0, 3.0, -2.0, 1.5, -0.5, 0], [-1.0, 2.0, 1.0, -1.0, 1.5, -0.5, 0]])
    for count in (6, 7):  # the last one is at 0
        z, reference = both[:, :count]
        answer = shaped(call(function, z.clone(), reference.clone()), z.shape, "one multiplier for each z")
        if not answer.isfinite().all():
            raise Wrong(f"where z is the reference you divide 0 by 0: {answer.tolist()}; take the gradient there, 1 above 0, else 0")
        change = (z - reference).where(z != reference, torch.ones(()))
        slope = (z > 0).float()
        expected = ((z.relu() - reference.relu()) / change).where(z != reference, slope)
        compare(answer, expected, {
            "that is the gradient at z; the multiplier is Δy / Δz": slope,
            "that is the gradient at the reference": (reference > 0).float(),
            "the gradient at 0 itself is 0": expected.where((z != reference) | (z != 0), torch.ones(())),
            "where z is the reference the multiplier is the gradient, 1 above 0": expected.where(z != reference, torch.zeros(())),
            "the gradient where z is the reference is 0 below 0": expected.where(z != reference, torch.ones(())),
            "that is Δy; the multiplier is Δy / Δz": z.relu() - reference.relu(),
            "the sign: Δ is z − reference, above and below": -expected,
            "it is the change of the output above, that of the input below": 1 / expected.where(expected != 0, torch.ones(())),
            "the ReLU of the difference is not the difference of the ReLUs": (z - reference).relu() / change,
        })
    return "the slope from the reference to z, and no jump between"


@check
def reveal_cancel(function) -> str:
    """Exercise 16.2: `function(start, up, down)`: (Δy⁺, Δy⁻) of a ReLU whose input goes from `start` to start + up + down."""
    def f(z):
        return max(z, 0.0)

    names = "Δy⁺", "Δy⁻"
    for start, up, down in ((-2.0, 6.0, -1.0), (1.0, 6.0, -4.0)):
        change = f(start + up + down) - f(start)
        found = pair(call(function, start, up, down), {change: "that is both together; asked are two numbers"}, names)
        first = f(start + up) - f(start), f(start + down) - f(start)
        second = f(start + up + down) - f(start + down), f(start + up + down) - f(start + up)
        expected = (first[0] + second[0]) / 2, (first[1] + second[1]) / 2
        advice = {
            first: "that is what each does alone; take the mean with what it does after the other",
            second: "that is what each does after the other; take the mean with what it does alone",
            (first[0], second[1]): "that is one order, up before down; take the mean with the other order",
            (second[0], first[1]): "that is one order, down before up; take the mean with the other order",
            (change * up / (up + down), change * down / (up + down)): "that shares Δy in proportion, as Rescale does; what does each part do, with the other and without?",
            (first[0] + second[0], first[1] + second[1]): "the mean of the two ways, not their sum",
            (up, down): "those are the changes of z; asked is what the ReLU makes of them",
            expected[::-1]: "the positive part comes first",
            ((f(start + up) + second[0]) / 2, (f(start + down) + second[1]) / 2): "subtract what was there before, f(start)",
            (f(up), f(down)): "the way begins at `start`, not at 0",
        }
        right(found, tuple(round(value, 4) for value in expected), {tuple(round(v, 4) for v in wrong): text for wrong, text in advice.items()
                                                                  if tuple(round(v, 4) for v in wrong) != expected}, names)
    return "Shapley's mean over two orders, for the two parts of one neuron"


@check
def max_pool(function) -> str:
    """Exercise 16.3: `function(x, reference)`: contributions (n,) of the n values of one window to max x − max reference."""
    for x, reference in (([1.0, 4.0, 2.0, 0.0], [3.0, 0.0, 1.0, 2.0]), ([2.0, 1.0, 0.5, 0.0], [0.0, 1.0, 6.0, 2.0])):
        x, reference = torch.tensor(x), torch.tensor(reference)
        answer = shaped(call(function, x.clone(), reference.clone()), (4,), "one number for each value of the window")
        won, lost, most = x.argmax(), reference.argmax(), torch.maximum(x.max(), reference.max())
        expected = torch.zeros(4)
        expected[won] += most - reference.max()
        expected[lost] += x.max() - most
        all_to_winner, slope = torch.zeros(4), torch.zeros(4)
        all_to_winner[won], slope[won] = x.max() - reference.max(), x[won] - reference[won]
        compare(answer, expected, {
            "that adds up, but the one who was the largest in the reference has gone and gets nothing, or the new one is blamed for it":
                all_to_winner,
            "that is the gradient times Δx: it does not add up to the difference of the maxima": slope,
            "the sign: x − reference": -expected,
            "that is Δx of all values; only the winners count": x - reference,
            "those are multipliers; multiply them by Δx": lambda: expected / (x - reference).where(x != reference, torch.ones(())),  # noqa: B023
        })
    return "the new winner if it rises, the old one if it falls, and it adds up"


@check
def deep_shap(function) -> str:
    """Exercise 16.4: `function(explain, x, references)`: the mean of `explain(x, reference)` over references (M, C, H, W)."""
    draw = torch.Generator().manual_seed(24)
    x, references = torch.randn(1, 2, 3, 3, generator=draw), torch.randn(4, 2, 3, 3, generator=draw)

    def explain(x, reference):
        if reference.shape[-3:] != x.shape[-3:] or reference.numel() != x[:1].numel():
            raise ValueError(f"explain takes one reference at a time, of the shape {tuple(x.shape)}; you give {tuple(reference.shape)}")
        reference = reference.reshape(1, *x.shape[1:])
        return (x - reference) * (x + reference) / 2  # of f(x) = ½ Σ x²

    answer = call(function, explain, x.clone(), references.clone())
    answer = shaped(answer, (1, 2, 3, 3), "one attribution, with the axes of x")
    each = torch.cat([explain(x, one[None]) for one in references])
    compare(answer, each.mean(0, keepdim=True), {
        "that explains with the mean of the references; asked is the mean of the explanations": explain(x, references.mean(0, keepdim=True)),
        "the mean, not the sum": each.sum(0, keepdim=True),
        "that is the first reference alone": each[:1],
        "that is the last reference alone": each[-1:],
        "no absolute values: it has to add up": each.abs().mean(0, keepdim=True),
    })
    return "the mean of the explanations, which adds up to the score less the mean score of the references"
