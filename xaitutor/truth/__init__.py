"""The truth about a decision, and how near explanations come to it.

A scene's regions are its parts and its background. What each is worth to a network is known exactly (`coalitions`, `shapley`); a
method is judged by whether its explanation changes as the truth does (`contrasts`).
"""

from xaitutor import lazy

_HOME = {
    "shapley_values": "shapley", "left_out": "shapley", "merged": "shapley",
    "coalition_values": "coalitions",
    "rank_agreement": "agreement", "pooled_agreement": "agreement", "bootstrap": "agreement",
    "pointing_game": "localisation", "relevance_mass": "localisation", "relevance_rank": "localisation",
    "relevance": "given",
    "CONTROLS": "controls",
    "score": "scores", "Score": "scores",
}

__getattr__, __all__ = lazy.names(__name__, _HOME)
