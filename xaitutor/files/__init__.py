"""Files: those that come with the course (`data_files`), and those that are written for people (`new_files`)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
