from . import images, layers, layouts, models, rules
