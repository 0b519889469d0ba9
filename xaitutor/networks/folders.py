"""A folder of pictures as a data set, without those that cannot be read.

    pictures = Folder("my_photos", preprocess)
    for x in torch.utils.data.DataLoader(pictures, batch_size=16):
        maps = attribution.grad_cam(model, x)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from xaitutor.networks.images import load_image

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class Folder:
    """The pictures in a folder and in the folders below it, in order of their paths, each as `preprocess` gives it.

    preprocess: from a PIL image in mode RGB to a tensor (C, H, W), the same size for all. What cannot be read is printed, and left out.

    paths: of the pictures, in the order of the data set; paths[i].parent.name is a label, where folders are classes.
    left_out: the others, and why each cannot be read.

    Raises NotADirectoryError where there is no such folder, ValueError where no picture in it can be read.
    """

    def __init__(self, folder: str | os.PathLike, preprocess: Callable):
        if not Path(folder).is_dir():
            raise NotADirectoryError(f"{os.fspath(folder)!r} is not a folder (looked in {Path.cwd()}); give the one that holds the pictures")
        self.preprocess, self.paths, self.left_out = preprocess, [], {}
        for path in sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")):
            self._try(path)
        if not self.paths:
            raise ValueError(f"there is no picture that can be read in {os.fspath(folder)!r}: expected files of the kind {', '.join(SUFFIXES)}")

    def _try(self, path: Path) -> None:
        try:
            load_image(path)
            self.paths.append(path)
        except (ValueError, OSError) as error:
            self.left_out[path] = str(error)
            print(f"left out: {error}")

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int):
        """The picture as the model sees it, (C, H, W)."""
        return self.preprocess(load_image(self.paths[index]))
