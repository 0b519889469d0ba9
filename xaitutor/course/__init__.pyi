from . import environment, exercises, rehearsal, start, versions
