from . import attributions, grids, planes, plots, trees, widgets
