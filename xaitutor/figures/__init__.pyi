from . import attributions, audits, grids, planes, plots, trees, widgets
