"""The student's own photo, whatever it is called."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
UNREADABLE = (".heic", ".heif", ".avif", ".dng", ".raw")  # what telephones write, and Pillow does not read by itself


def find_photo(default: str, folder: str | Path = ".") -> str:
    """The path of a picture in the folder, or `default`; which it is gets printed, also why none is.

    Of several, one whose name begins with my_photo, else the first by name; capitals do not count. What `xaitutor.load_image` takes.
    """
    files = sorted(path for path in Path(folder).iterdir() if path.is_file() and not path.name.startswith("."))
    found = [path for path in files if path.suffix.lower() in SUFFIXES]
    other = [path.name for path in files if path.suffix.lower() in UNREADABLE]
    for name in other:
        print(f"{name} cannot be read: save it as JPEG, under the name my_photo.jpg")
    if not found:
        print(f"There is no photo in this folder, so {default} is taken.")
        return default
    chosen = min(found, key=lambda path: (not path.name.lower().startswith("my_photo"), path.name))
    more = f", of {len(found)} pictures" if len(found) > 1 else ""
    print(f"Your photo: {chosen.name}{more}")
    return str(chosen)
