from . import folders, images, layers, layouts, models, neighbours, rules
