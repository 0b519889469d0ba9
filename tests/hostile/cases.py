"""Odd calls: a seed draws a function, a network, pictures, a class and options, most of them usual and one or two of them not.

Each call is "right" (its own reference agrees), "refused" (our own error, in one line, that says what was given), or a failure: "silent" (an answer that is
wrong, or to a question that has none), "raw" (somebody else's error), or "trace" (a network, a picture or torch's state that is not what it was).
"""

import random
import re
import traceback
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tests.hostile.networks import CHANNELS, CLASSES, MADE, ODD, REFUSED, TORCHVISION, network
from tests.hostile.right import CHECKS, Unknown

PACKAGE = str(Path(__file__).parents[2] / "xaitutor")
OURS = (ValueError, TypeError, IndexError, FileNotFoundError)
VERDICTS = ("right", "refused", "silent", "raw", "trace", "no such call")
CONVERTING = ("survey", "prototypes", "measure")  # pictures to what the network takes
USUAL = 0.8  # the share of parts of a call in which nothing is odd


@dataclass
class Call:
    """One call, and why it must be refused, where it must."""

    seed: int
    function: str
    network: str
    made: str = "as it is"
    x: object = None
    target: object = None
    options: dict = field(default_factory=dict)
    must_refuse: list = field(default_factory=list)
    odd: list = field(default_factory=list)

    def __str__(self):
        return f"{self.seed}: {self.function}({self.network}, {self.made}; {', '.join(self.odd) or 'nothing odd'}; target {self.target!r}, {self.options})"


def call(seed: int) -> Call:
    draw = random.Random(seed)
    found = Call(seed, draw.choice(sorted(CHECKS)), draw.choice([*sorted(TORCHVISION), *ODD]))
    if draw.random() > USUAL:
        found.made = draw.choice(MADE)
    found.x = _picture(draw, found)
    found.target, targeted = _target(draw, found)
    found.must_refuse += targeted if CHECKS[found.function].targets else []
    if found.function == "fem":  # which explains no class
        found.target = None
    _odd_options(draw, found)
    if found.made == "training" and CHECKS[found.function].passes:
        found.must_refuse.append("training mode")
    if found.network in REFUSED and CHECKS[found.function].logits and (found.network != "infinite" or CHECKS[found.function].targets):
        found.must_refuse.append("no logits")
    return found


def _picture(draw: random.Random, of: Call):
    least = TORCHVISION.get(of.network, (0,))[0]
    side = lambda: least if least else draw.choice([1, 2, 3, 5, 8, 12, 17, 20, 33])  # noqa: E731
    channels, generator = CHANNELS.get(of.network, 3), torch.Generator().manual_seed(of.seed)
    height = side()
    width = height if draw.random() < 0.5 else side()
    count = draw.choice([1, 1, 2, 3])
    if draw.random() > 0.9:
        channels = draw.choice([1, 2, 3, 4, 5])
        of.odd.append(f"{channels} channels")
    x = torch.randn(count, channels, height, width, generator=generator)
    x = x.to({"double": torch.float64, "bfloat16": torch.bfloat16, "half": torch.float16}.get(of.made, torch.float32))
    of.odd.append(f"{tuple(x.shape)}")
    if draw.random() < USUAL:
        return x
    kind = draw.choice(sorted(_KINDS))
    of.odd.append(kind)
    change, why = _KINDS[kind]
    check = CHECKS[of.function]
    of.must_refuse += [kind] if why and check.pictures and not (
        kind in ("other numbers", "a list") and of.function in CONVERTING or kind == "other numbers" and not check.passes) else []
    return change(x)


class Marked(Tensor):
    """A tensor that somebody has made a class of."""


_KINDS = {  # how a picture is odd, and whether that must be refused
    "transposed": (lambda x: x.transpose(2, 3).contiguous().transpose(2, 3), False), "channels last in memory": (lambda x: x.contiguous(memory_format=torch.channels_last), False),
    "expanded": (lambda x: x[:1].expand(2, *x.shape[1:]), False), "a view": (lambda x: torch.cat([x, x])[::2][: len(x)], False),
    "a subclass": (lambda x: x.as_subclass(Marked), False), "a parameter": (nn.Parameter, False), "in a graph": (lambda x: (x.clone().requires_grad_() * 1), False),
    "of inference mode": (lambda x: _inference(x), False), "large": (lambda x: 255 * x.abs(), False), "zeros": (torch.zeros_like, False),
    "nan": (lambda x: x.clone().flatten().index_fill(0, torch.tensor([0]), torch.nan).view(x.shape), True), "infinite": (lambda x: x / 0, True),
    "bytes": (lambda x: x.to(torch.uint8), True), "complex": (lambda x: x.float().to(torch.complex64), True), "one picture": (lambda x: x[0], True),
    "a volume": (lambda x: x[:, :, None], True), "empty": (lambda x: x[:0], True), "a list": (lambda x: list(x), True), "an array": (lambda x: x.float().numpy(), True),
    "None": (lambda x: None, True), "other numbers": (lambda x: x.to(torch.float32 if x.dtype == torch.float64 else torch.float64), True),
}


def _inference(x):
    with torch.inference_mode():
        return x.clone()


def _target(draw: random.Random, of: Call):
    """The class, and whether there is none such."""
    classes, count = 1 if "one" in of.network and of.network != "one channel" else CLASSES, len(of.x) if isinstance(of.x, Tensor) and of.x.ndim else 1
    if draw.random() < USUAL:
        return draw.choice([None, 0, classes - 1, torch.tensor([draw.randrange(classes) for _ in range(count)])]), []
    value, wrong = draw.choice([(np.int64(0), False), (torch.tensor(0), False), ([0] * count, False), (-1, True), (classes, True), (10**9, True), (0.5, True), (True, True),
                                ("zebra", True), ([0] * (count + 1), True), (torch.zeros(count, dtype=torch.bool), True), ([[0]], True)])
    return value, ["target"] if wrong else []


def _odd_options(draw: random.Random, of: Call) -> None:
    for name, values in CHECKS[of.function].options.items():
        if draw.random() > USUAL:
            value, wrong = values(draw, of) if callable(values) else draw.choice(values)
            of.options[name] = value
            of.must_refuse += [name] if wrong else []


# The verdict


def outcome(of: Call) -> tuple[str, str]:
    """What came of the call, and in words how."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model, _ = network(of.network, of.made), network(of.network)
        except Exception as error:  # torch cannot script it: there is no such call
            return "no such call", repr(error)[:200]
        before, state = _traces(model, of.x), (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_rng_state())
        verdict, words = _asked(of, model)
        if _traces(model, of.x) != before or (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) != state[:2] or not torch.equal(torch.get_rng_state(), state[2]):
            network.cache_clear()
            return "trace", f"{words}; something is not what it was"
    return verdict, words


def _asked(of: Call, model: nn.Module) -> tuple[str, str]:
    check = CHECKS[of.function]
    try:
        found = check.ask(model, of.x, of.target, of.options)
    except Unknown as unknown:
        return "no such call", str(unknown)
    except Exception as error:
        return _refusal(error)
    if of.must_refuse:
        return "silent", f"answered in spite of {', '.join(map(str, of.must_refuse))}"
    try:
        wrong = check.wrong(found, of)
    except Unknown as unknown:
        return "right", f"as far as can be told: {unknown}"
    return ("silent", wrong) if wrong else ("right", "")


def _refusal(error: Exception) -> tuple[str, str]:
    frames = traceback.extract_tb(error.__traceback__)
    words = str(error)
    where = f"{type(error).__name__}: {words[:300]} ({Path(frames[-1].filename).name}:{frames[-1].lineno})"
    if type(error) not in OURS or not frames[-1].filename.startswith(PACKAGE):
        return "raw", where
    if "\n" in words or len(words) < 20 or not re.search(r"[a-z]{3}", words):
        return "raw", f"unclear: {where}"
    return "refused", where


def _traces(model: nn.Module, x) -> tuple:
    """Everything that a call could leave behind: weights, modes, hooks, gradients, and the picture."""
    values = [(name, value.data_ptr(), value.grad is None, value.requires_grad, _sum(value)) for name, value in [*model.named_parameters(), *model.named_buffers()]]
    hooks = [sum(len(value) for key, value in vars(module).items() if "hooks" in key and value is not None) for module in model.modules()]
    return values, hooks, [module.training for module in model.modules()], _sum(x) if isinstance(x, Tensor) and not x.is_complex() else None


def _sum(value: Tensor) -> int:
    value = value.detach()
    some = value if value.numel() < 50_000 else value.flatten()[:: value.numel() // 20_000]
    return zlib.crc32(some.float().contiguous().numpy().tobytes())


def tally(seeds, tell=print) -> Counter:
    """The number of calls of each outcome; `tell` is called with each failure."""
    counts = Counter()
    for seed in seeds:
        of = call(seed)
        verdict, words = outcome(of)
        counts[verdict] += 1
        if verdict in ("silent", "raw", "trace"):
            tell(f"{verdict:8}{of}\n        {words}")
    return counts


