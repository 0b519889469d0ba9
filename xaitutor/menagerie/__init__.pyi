from .dataset import Dataset
from .scene import CLASSES, COATS, COLOURS, PLACES, SHAPES, Scene, sample
