from .weights import filters, as_pictures
from .maps import feature_maps
from .top_examples import prototypes, examples, Example
from .surveys import survey, Survey
from .counterfactuals import responses, crossing, Responses, Crossing
from .verdicts import selectivity, judge, census, Selectivity, Conjunction
from .circuits import circuit, Circuit
from .ablation import ablate, class_losses
