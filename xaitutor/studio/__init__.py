"""The studio: scenes, networks and truths as a web page takes them, where there is no Python.

`stage` builds the scenes, `truths` says what their parts are worth, `backward` is a network that gives its own gradient, and `export` writes
all of it as files.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
