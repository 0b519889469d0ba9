"""What Sphinx and its theme leave open in their pages: words and sizes of pictures, and names that screen readers can speak."""

from __future__ import annotations

import hashlib
import html
import re
from functools import partial
from pathlib import Path

from PIL import Image

PICTURE = re.compile(r"<img\b[^>]*>")
NAMES = {  # a name that is not what is to be seen is taken away; what shows nothing but an arrow gets one
    '<summary aria-label="Toggle hidden content">': "<summary>",
    '<summary><span class="toctree-toggle"': '<summary aria-label="What is inside"><span class="toctree-toggle"',
}
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


def finish(site: Path, words: dict[str, str]) -> None:
    """Complete every page of `site`. `words`: alternative texts by the SHA-256 of the picture's bytes."""
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        for old, new in NAMES.items():
            text = text.replace(old, new)
        finished = PICTURE.sub(partial(_finished, path.parent, words), text)
        path.write_text(finished, "utf-8", newline="\n")


def _finished(folder: Path, words: dict[str, str], tag: re.Match) -> str:
    return picture(tag[0], folder, words)


def picture(tag: str, folder: Path, words: dict[str, str]) -> str:
    """The tag with the picture's words, and with its width and height, so that a page does not jump while it loads.

    Raises ValueError for a picture without words: a page without them shall not be published.
    """
    has = dict(ATTRIBUTE.findall(tag))
    file = folder / has.get("src", "")
    if not file.is_file():  # data: pictures and theme logos keep what they have
        return tag
    said = words.get(hashlib.sha256(file.read_bytes()).hexdigest()) or html.unescape(has.get("alt", ""))
    if not said or said.endswith(".png"):  # without words Sphinx takes the name of the file
        raise ValueError(f"{file.name} in {folder.name} has no alternative text: say what it shows (plots.show(figure, alt=…))")
    if file.suffix != ".svg":
        with Image.open(file) as image:
            has |= dict(zip(("width", "height"), map(str, image.size)))
    has |= {"alt": html.escape(said), "loading": "lazy"}
    return "<img " + " ".join(f'{name}="{value}"' for name, value in has.items()) + ">"
