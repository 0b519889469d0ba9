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

from xaitutor import lazy

_HOME: dict[str, str] = {
    "maximize": "ascent", "measure": "ascent", "Result": "ascent",
    "unit": "objectives", "channel": "objectives", "target": "objectives", "direction": "objectives",
    "diversity": "objectives",
    "pixels": "parameterisations", "fourier": "parameterisations",
    "jitter": "transforms", "rotation": "transforms", "scaling": "transforms",
    "total_variation": "smoothness", "blur": "smoothness",
    "maximize_lucent": "lucent_route", "lucent_transforms": "lucent_route",
}

__getattr__, __all__ = lazy.names(__name__, _HOME)
