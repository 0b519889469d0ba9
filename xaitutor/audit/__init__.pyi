from . import clever_hans
from .clusters import Clusters, spray
from .contrasts import difference_of_differences, superiority
from .heads import refitted
