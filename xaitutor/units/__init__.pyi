from .ablation import ablate, class_losses
from .circuits import Circuit, circuit
from .counterfactuals import Crossing, Responses, crossing, responses
from .maps import feature_maps
from .surveys import Survey, survey
from .top_examples import Example, examples, prototypes
from .verdicts import Conjunction, Selectivity, census, judge, selectivity
from .weights import as_pictures, filters
