"""What checks do with an answer of numbers: is it the right one, or one of the mistakes that have their own advice?"""

from __future__ import annotations

import torch

from xaitutor.checks.verdict import Wrong


def recognise(answer: torch.Tensor, mistakes: dict[str, torch.Tensor], rtol: float = 1e-5, atol: float = 1e-5) -> None:
    """Raise `Wrong` with its advice where the answer is one of the mistakes."""
    for advice, mistake in mistakes.items():
        if torch.allclose(answer, mistake, rtol=rtol, atol=atol):
            raise Wrong(advice)


def numbers(values: torch.Tensor) -> str:
    """The first three values, to be read."""
    return ", ".join(f"{value:.3f}" for value in values.flatten()[:3].tolist())


def pair(answer, alone: dict[float, str], names: tuple[str, str] = ("x", "y")) -> tuple[float, float]:
    """The answer as two numbers; for a number alone, what is `alone` known about it."""
    values = torch.as_tensor(answer).detach().double().flatten().round(decimals=4).tolist()
    if len(values) == 1 and values[0] in alone:
        raise Wrong(alone[values[0]])
    if len(values) != 2:
        raise Wrong(f"expected a pair, one number for {names[0]} and one for {names[1]}; this is {answer!r}")
    return values[0], values[1]


def right(found: tuple[float, float], expected: tuple[float, float], mistakes: dict[tuple[float, float], str],
          names: tuple[str, str] = ("x", "y")) -> None:
    """Raise `Wrong` for a pair that is not the expected one. names: of its two numbers."""
    first, second = names
    for mistake, advice in mistakes.items():
        if found == mistake:
            raise Wrong(advice)
    if found[0] != expected[0] and found[1] != expected[1]:
        raise Wrong(f"both numbers are wrong: for {first} not {found[0]:g}, for {second} not {found[1]:g}")
    if found[0] != expected[0]:
        raise Wrong(f"the number for {second} is right, the one for {first} is not {found[0]:g}")
    if found[1] != expected[1]:
        raise Wrong(f"the number for {first} is right, the one for {second} is not {found[1]:g}")


def shaped(answer, shape: tuple[int, ...], why: str) -> torch.Tensor:
    """The answer as a tensor of that shape; `Wrong`, with the reason for it, where it has another one or is several tensors."""
    if isinstance(answer, (list, tuple)) and any(isinstance(part, torch.Tensor) and part.numel() != 1 for part in answer):
        raise Wrong(f"the answer is a {type(answer).__name__} of {len(answer)}, and should be one tensor of shape {shape}: {why}. "
                    "torch.stack makes one of several")
    answer = torch.as_tensor(answer).detach()
    if answer.shape != shape:
        raise Wrong(f"the answer has the shape {tuple(answer.shape)}, expected {shape}: {why}")
    return answer
