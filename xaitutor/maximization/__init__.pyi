from .ascent import maximize, measure, Result
from .objectives import unit, channel, target, direction, diversity
from .parameterisations import pixels, fourier
from .transforms import jitter, rotation, scaling
from .smoothness import total_variation, blur
from .lucent_route import maximize_lucent, lucent_transforms
