"""Attribution: which parts of this picture made the network say what it says?

Every method is a function `method(model, x, target=None, *, …) -> Tensor`, signed, and nothing is drawn here.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
