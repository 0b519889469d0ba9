from . import environment, exercises, rehearsal, slides, start, versions
