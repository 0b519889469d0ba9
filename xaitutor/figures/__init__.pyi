from . import attributions, grids, planes, plots, widgets
