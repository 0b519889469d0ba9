"""Networks: what goes into one, how it is loaded, how its pass is watched, and how its way back is changed.

`images` leads from a photo to a tensor and back, `models` loads a network with its preprocessing, `layers` records what its
layers output, `rules` gives functions another backward pass.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
