from .basis import Basis, Features, pooled, unit_basis
from .components import components
from .dictionaries import dictionary, train_dictionary
from .meanings import Recovered, common, contributions, recovered
from .probes import accuracy, concept_vector, probes
from .tcav import Draws, Tcav, draws, sensitivity, tcav
