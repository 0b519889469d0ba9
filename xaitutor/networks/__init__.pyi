from . import folders, images, layers, models, rules
