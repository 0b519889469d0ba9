from .assignments import names
from .releasing import release
from .grading import grade, maximum, Result
from .expectations import expect
