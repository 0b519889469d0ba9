"""Foundations: what neurons, convolutions and receptive fields compute, written out.

`neurons` learns (Part I's perceptron, gradient descent, backpropagation), `convolution` slides a filter over a picture, and
`receptive_field` says how much of the picture one neuron sees. The first two are NumPy alone.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
