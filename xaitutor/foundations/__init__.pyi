from . import convolution, neurons, receptive_field
