"""Units: what does one channel of a layer look for, and what does it do?

A *unit* is one channel of a layer (or one neuron of a fully connected layer), as in the literature on network dissection.
"""

from xaitutor import lazy

_HOME: dict[str, str] = {
    "filters": "weights",
    "as_pictures": "weights",
    "feature_maps": "maps",
    "prototypes": "top_examples",
    "examples": "top_examples",
    "survey": "surveys",
    "Example": "top_examples",
    "Survey": "surveys",
    "responses": "counterfactuals",
    "crossing": "counterfactuals",
    "Responses": "counterfactuals",
    "Crossing": "counterfactuals",
    "selectivity": "verdicts",
    "judge": "verdicts",
    "census": "verdicts",
    "Selectivity": "verdicts",
    "Conjunction": "verdicts",
    "circuit": "circuits",
    "Circuit": "circuits",
    "ablate": "ablation",
    "class_losses": "ablation",
}

__getattr__, __all__ = lazy.names(__name__, _HOME)
