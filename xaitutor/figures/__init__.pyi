from . import attributions, audits, grids, planes, plots, studio, trees, widgets
