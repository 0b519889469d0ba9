from . import stage, truths
from .backward import WithGradient
