"""The contact sheet of the README: ``python -m xaitutor.menagerie.sheet`` draws it anew.

It is stored without loss, so that it is also the reference against which other platforms are compared.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from xaitutor.menagerie.scene import CLASSES, Scene, sample

COLUMNS = 12


def sheet_scenes(rows: int = 5) -> list[Scene]:
    """`rows` scenes of each class, a column a class."""
    return [sample(100 * row + column, name) for row in range(rows) for column, name in enumerate(CLASSES)]


def sheet(scenes: list[Scene], columns: int = COLUMNS) -> Image.Image:
    """The pictures of `scenes` side by side, `columns` in a row, without gaps."""
    images = [scene.render().image for scene in scenes]
    images += [np.full_like(images[0], 255)] * (-len(images) % columns)
    rows = [np.concatenate(images[i : i + columns], axis=1) for i in range(0, len(images), columns)]
    return Image.fromarray(np.concatenate(rows))


if __name__ == "__main__":
    from xaitutor.files import new_files
    from xaitutor.files.data_files import DATA, write_sums

    with new_files.whole(DATA / "menagerie_sheet.png") as own:
        sheet(sheet_scenes()).save(own, optimize=True)
    write_sums()
