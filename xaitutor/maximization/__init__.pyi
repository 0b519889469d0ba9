from .ascent import Result, maximize, measure
from .class_pictures import near_a_guess, one_per_class, pictures_by_class
from .lucent_route import lucent_transforms, maximize_lucent
from .objectives import channel, direction, diversity, target, unit
from .parameterisations import fourier, pixels
from .smoothness import blur, total_variation
from .starts import guess, within
from .transforms import jitter, rotation, scaling
