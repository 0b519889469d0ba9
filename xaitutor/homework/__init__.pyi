from .assignments import names
from .expectations import expect
from .grading import Result, grade, graded, maximum
from .releasing import release
