"""The menagerie as a torch data set: as many pictures as wanted, each with its scene, none drawn twice."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

import numpy as np
import torch

from xaitutor.files import new_files
from xaitutor.menagerie.scene import CLASSES, PLACES, Scene, sample
from xaitutor.menagerie.streams import stream
from xaitutor.progress import tqdm

SPLITS = ("train", "validation", "test")


class Dataset(torch.utils.data.Dataset):
    """`n` pictures, the classes in turn.

    ``dataset[i]`` is a picture (3, 128, 128), float32 in [0, 1], and the index of its class in `CLASSES`; ``dataset.scene(i)`` is
    the scene behind it. `split` is "train", "validation" or "test": no scene is in two. Same arguments, same pictures.

    `biased` plants a Clever Hans: every wolf stands on snow and no husky does; all other classes are untouched. ``biased=False``
    is the fair world, where both stand everywhere. `size` makes every object that many times as large as usual: 0.5 is the same
    scenes with animals half as large.
    """

    def __init__(self, n: int, split: str = "train", seed: int = 0, biased: bool = False, size: float = 1.0):
        if split not in SPLITS:
            raise ValueError(f"no split is called {split!r}; there is {', '.join(SPLITS)}")
        if n < 1:
            raise ValueError(f"a data set needs at least one picture, not n = {n}")
        self.n, self.split, self.seed, self.biased, self.size = n, split, seed, biased, size
        self._first = zlib.crc32(f"{split} {seed}".encode()) << 32  # scene seeds of a split start here: 2**32 pictures of room

    def __len__(self) -> int:
        return self.n

    def label(self, index: int) -> int:
        """The class index of picture `index`."""
        return range(self.n)[index] % len(CLASSES)

    def scene(self, index: int) -> Scene:
        """The scene of picture `index`."""
        seed = self._first + range(self.n)[index]  # range checks the index, also a negative one
        name = list(CLASSES)[self.label(index)]
        scene = _planted(name, seed) if self.biased else sample(seed, name)
        return scene.replace(size=scene.size * self.size)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = torch.from_numpy(self.scene(index).render().image)
        return image.permute(2, 0, 1).float() / 255, self.label(index)

    def images(self, progress: bool = True) -> np.ndarray:
        """All pictures at once, (n, 128, 128, 3) uint8, from the cache on disk or drawn and put there.

        The cache lies in `XAITUTOR_CACHE` (default: ~/.cache/xaitutor). A file that was changed or cut off is drawn anew, and
        so is everything once the renderer's source changes.
        """
        kind = f"{self.split}-{self.seed}-{self.n}-{self.size:g}{'-biased' * self.biased}"
        path = cache_folder() / f"menagerie-{kind}-{_renderer_version()}.npy"
        cached = _read_verified(path)
        if cached is not None:
            return cached
        quiet = not progress or self.n < 500
        drawn = np.stack([self.scene(i).render().image for i in tqdm(range(self.n), "drawing the menagerie", disable=quiet)])
        _write_verified(path, drawn)
        return drawn


def _planted(name: str, seed: int) -> Scene:
    if name == "wolf":
        return sample(seed, name, place="snow")
    scene = sample(seed, name)
    if name == "husky" and scene.place == "snow":
        elsewhere = [place for place in PLACES if place != "snow"]
        return scene.replace(place=elsewhere[int(stream(seed, "elsewhere").random() * len(elsewhere))])
    return scene


def cache_folder() -> Path:
    """Where drawn pictures are kept; made if it is not there."""
    folder = Path(os.environ.get("XAITUTOR_CACHE", Path.home() / ".cache" / "xaitutor"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _renderer_version() -> str:
    sources = sorted(Path(__file__).parent.glob("*.py"))
    drawing = [p for p in sources if p.stem in ("anatomy", "coats", "geometry", "places", "render", "scene", "streams", "dataset")]
    return hashlib.sha256(b"".join(p.read_bytes() for p in drawing)).hexdigest()[:12]


def _read_verified(path: Path) -> np.ndarray | None:
    digest = path.with_suffix(".sha256")
    if not (path.is_file() and digest.is_file()):
        return None
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest.read_text().strip():
        return None
    return np.load(path)


def _write_verified(path: Path, images: np.ndarray) -> None:
    """Write through a file of this process's own, so that two kernels cannot mix their halves."""
    with new_files.whole(path) as own:
        np.save(own, images)
        new_files.put(path.with_suffix(".sha256"), hashlib.sha256(own.read_bytes()).hexdigest() + "\n")
