from . import environment, exercises, start, versions
