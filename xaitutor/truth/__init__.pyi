from . import doubts, drawing, given, networks, scoreboard, situations
from .agreement import bootstrap, pooled_agreement, rank_agreement
from .coalitions import coalition_values
from .controls import CONTROLS
from .given import relevance
from .localisation import pointing_game, relevance_mass, relevance_rank
from .scores import Score, score
from .shapley import left_out, merged, shapley_values
