"""The menagerie: a world of pictures in which the truth about every pixel is known.

A `Scene` is a frozen description; `sample` draws one at random; `scene.render()` draws the picture with the masks of
the object, its parts and its coat; `Dataset` is a torch data set of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
