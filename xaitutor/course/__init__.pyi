from . import environment, exercises, versions
