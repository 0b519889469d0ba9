from . import clever_hans, strangers
from .auditing import QUESTIONS, audit
from .clusters import Clusters, spray
from .contrasts import difference_of_differences, superiority
from .findings import Finding, as_dicts, report, worst
from .heads import refitted
from .planted import FAULTS, planted
