from . import (
    adversarial,
    attribution,
    audit,
    checks,
    concepts,
    course,
    figures,
    files,
    foundations,
    homework,
    maximization,
    menagerie,
    networks,
    referees,
    studio,
    surrogates,
    truth,
    units,
)
from .course import environment, versions
from .figures import grids, planes, plots, widgets
from .foundations import convolution, neurons, receptive_field
from .networks import folders, images, layers, models, rules
from .networks.images import load_image
from .networks.models import load_model

__version__: str
