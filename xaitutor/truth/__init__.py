"""The truth about a decision, and how near explanations come to it.

A scene's regions are its parts and its background. What each is worth to a network is known exactly (`coalitions`, `shapley`); a
method is judged by whether its explanation changes as the truth does (`contrasts`). `scoreboard` has the
results, `doubts` says how far to trust them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
