"""The menagerie: a world of pictures in which the truth about every pixel is known.

A `Scene` is a frozen description; `sample` draws one at random; `scene.render()` draws the picture with the masks of
the object, its parts and its coat; `Dataset` is a torch data set of them.
"""

from xaitutor.menagerie.scene import CLASSES, COATS, COLOURS, PLACES, SHAPES, Scene, sample

__all__ = ["CLASSES", "COATS", "COLOURS", "PLACES", "SHAPES", "Dataset", "Scene", "sample"]


def __getattr__(name: str):
    if name == "Dataset":  # torch is loaded only by whoever asks for a torch data set
        from xaitutor.menagerie.dataset import Dataset

        return Dataset
    raise AttributeError(f"xaitutor.menagerie has no '{name}'; it has {', '.join(__all__)}")
