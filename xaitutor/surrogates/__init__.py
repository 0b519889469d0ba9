"""Surrogates: models one can read that imitate a network as a whole, and how well they do.

A global explanation that looks at answers only: a soft tree on pixels, and a hard tree on what a scene is made of.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
