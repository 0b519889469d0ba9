"""What does it take to change the answer, or the explanation?

Attacks on the answer (`fgsm`, `deepfool`, `one_pixel`), on the explanation (`same_answer`), and generators that change the answer so that what
they changed explains it (`repaint`). All count in pixels in [0, 1]: `of_pixels` makes a network that takes them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
