from . import images, layers, layouts, models, neighbours, rules
