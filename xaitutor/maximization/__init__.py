"""Activation maximization: which picture would this unit most like to see?

    from xaitutor import load_model
    from xaitutor.maximization import channel, fourier, jitter, maximize

    model, preprocess, _ = load_model("menagerie_resnet18")
    wanted = channel("layer3.1.conv2", 7)
    result = maximize(model, wanted, preprocess, parameterisation=fourier(), transforms=[jitter(8)])
    result.pictures     # (1, 3, 128, 128) in [0, 1]
    result.activations  # (257, 1)

A regulariser is a function, and there are three moments for one: `transforms` change what the network sees in a step,
`penalties` are subtracted from the objective, `after_step` changes the picture itself. Write your own, too.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
