"""Figures: all that draws, and nothing else does. Each function returns a figure, or shows one with its text.

`plots` has the style and the grids of images, `grids` numbers in cells, `planes` decision lines, `attributions` heatmaps beside
their picture, `widgets` sliders over all of these.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
