"""Units: what does one channel of a layer look for, and what does it do?

A *unit* is one channel of a layer (or one neuron of a fully connected layer), as in the literature on network dissection.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
