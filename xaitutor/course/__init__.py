"""The course as a course: its exercises, the versions made from its notebooks, and the machine that it runs on."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
