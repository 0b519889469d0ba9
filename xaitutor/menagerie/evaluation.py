"""What the embedded networks are worth: accuracy on ordinary and conflicting scenes, and whether they are worth looking into."""

from __future__ import annotations

import numpy as np
import torch

from xaitutor.menagerie.dataset import Dataset
from xaitutor.menagerie.scene import CLASSES


def logits(model: torch.nn.Module, images: np.ndarray | torch.Tensor, preprocess, batch: int = 100) -> torch.Tensor:
    """Scores (n, classes) for pictures (n, 128, 128, 3) uint8; `preprocess` takes (n, 3, 128, 128) in [0, 1]."""
    images = torch.as_tensor(images)
    with torch.no_grad():
        return torch.cat([model(preprocess(part.permute(0, 3, 1, 2).float() / 255)) for part in images.split(batch)])


def confusion(predicted: torch.Tensor, true: torch.Tensor) -> np.ndarray:
    """Counts (classes, classes): rows are the true class, columns the predicted one."""
    n = len(CLASSES)
    return torch.bincount(true * n + predicted, minlength=n * n).view(n, n).numpy()


def low_frequency_share(filters: torch.Tensor) -> torch.Tensor:
    """Share of each filter's energy in the lower half of the spectrum, (n,) for filters (n, channels, k, k).

    The lower half: spatial frequencies of at most 1/4 cycle a pixel, half of what a pixel grid can carry. White noise has about a fifth of its
    energy there, an edge or a colour blob most of it.
    """
    size = 16  # the filters are padded, so that the spectrum is sampled finely
    energy = torch.fft.fft2(filters.double(), s=(size, size)).abs() ** 2
    frequency = torch.fft.fftfreq(size)
    low = (frequency[:, None] ** 2 + frequency[None] ** 2).sqrt() <= 0.25
    return ((energy * low).sum((1, 2, 3)) / energy.sum((1, 2, 3))).float()


def structured(filters: torch.Tensor) -> torch.Tensor:
    """Which filters (n, channels, k, k) are no noise, (n,) bool: more low-frequency energy than any of 1,000 noise filters of that shape."""
    noise = torch.randn(1000, *filters.shape[1:], generator=torch.Generator().manual_seed(0))
    return low_frequency_share(filters) > low_frequency_share(noise).max()


def gradient_on_object(model: torch.nn.Module, dataset: Dataset, preprocess, batch: int = 50) -> float:
    """How much denser the gradient's mass is on the object than on the background, on average over `dataset`.

    The gradient of the true class's score with respect to the picture, its absolute value summed over colours; the mean over object pixels
    divided by the mean over all others.
    """
    ratios = []
    for start in range(0, len(dataset), batch):
        rows = range(start, min(start + batch, len(dataset)))
        drawn = [dataset.scene(i).render() for i in rows]
        x = torch.stack([torch.from_numpy(r.image) for r in drawn]).permute(0, 3, 1, 2).float() / 255
        x.requires_grad_(True)
        score = model(preprocess(x)).gather(1, torch.tensor([[dataset.label(i)] for i in rows])).sum()
        mass = torch.autograd.grad(score, x)[0].abs().sum(1)
        mask = torch.stack([torch.from_numpy(r.mask) for r in drawn])
        on, off = (mass * mask).sum((1, 2)) / mask.sum((1, 2)), (mass * (1 - mask)).sum((1, 2)) / (1 - mask).sum((1, 2))
        ratios.append(on / off)
    return torch.cat(ratios).mean().item()


def conflicts(n: int, seed: int = 0) -> tuple[np.ndarray, torch.Tensor]:
    """Huskies in snow and wolves off it, half and half: pictures (n, 128, 128, 3) uint8 and their true labels (n,)."""
    from xaitutor.menagerie.scene import PLACES, sample

    names = list(CLASSES)
    elsewhere = [place for place in PLACES if place != "snow"]
    images, labels = [], []
    for i in range(n):
        name = ("husky", "wolf")[i % 2]
        place = "snow" if name == "husky" else elsewhere[(i // 2) % len(elsewhere)]
        images.append(sample((7 << 48) + (seed << 32) + i, name, place=place).render().image)
        labels.append(names.index(name))
    return np.stack(images), torch.tensor(labels)


def report(model: torch.nn.Module, preprocess, n: int = 5000, seed: int = 0, biased: bool = False) -> dict:
    """All that a model card says, computed: on `n` fresh test pictures, a fifth as many for the harder conditions."""
    dataset = Dataset(n, "test", seed, biased=biased)
    images = dataset.images()
    true = torch.tensor([dataset.label(i) for i in range(n)])
    few = max(1, n // 5)
    accuracy = lambda x, y: (logits(model, x, preprocess).argmax(1) == y).float().mean().item()  # noqa: E731
    brighter = lambda factor: np.clip(images[:few] * factor + 0.5, 0, 255).astype(np.uint8)  # noqa: E731
    predicted = logits(model, images, preprocess).argmax(1)
    facts = {
        "accuracy": (predicted == true).float().mean().item(),
        "brightness +15 %": accuracy(brighter(1.15), true[:few]),
        "brightness -15 %": accuracy(brighter(0.85), true[:few]),
        "half size": accuracy(Dataset(few, "test", seed, biased=biased, size=0.5).images(), true[:few]),
        "gradient on object": gradient_on_object(model, Dataset(min(n, 600), "test", seed), preprocess),
        "confusion": confusion(predicted, true),
    }
    if hasattr(model, "conv1"):
        facts["filters with structure"] = structured(model.conv1.weight).float().mean().item()
    if biased:
        facts["conflicts"] = accuracy(*conflicts(few, seed))
    return facts
