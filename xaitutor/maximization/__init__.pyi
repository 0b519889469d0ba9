from .ascent import Result, maximize, measure
from .lucent_route import lucent_transforms, maximize_lucent
from .objectives import channel, direction, diversity, target, unit
from .parameterisations import fourier, pixels
from .smoothness import blur, total_variation
from .transforms import jitter, rotation, scaling
