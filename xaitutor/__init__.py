"""xaitutor: look inside convolutional networks, explain what they decide, and doubt the explanation.

The names a notebook uses, and nothing else (`__init__.pyi` says where they live). Each is loaded when it is first used, so that
``import xaitutor`` takes milliseconds; torch comes with the first function that needs it.
"""

from importlib.metadata import version

import lazy_loader

__version__ = version("xaitutor")
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
