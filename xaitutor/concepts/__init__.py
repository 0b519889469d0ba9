"""Concepts: what a layer knows as a direction in its activations, where no single unit knows it.

A *basis* is a set of directions with the activation of each: of the units themselves, of probes, of components, of a sparse dictionary.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
