from . import images, layers, models, rules
