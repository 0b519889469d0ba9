"""Attribution: which parts of this picture made the network say what it says?

Every method is a function `method(model, x, target=None, *, …) -> Tensor`, signed, and nothing is drawn here.
"""

from xaitutor import lazy

_HOME = {
    "class_index": "inputs",
    "gradient": "gradients", "gradient_x_input": "gradients",
    "smoothgrad": "smoothing",
    "deconvnet": "relu_rules", "guided_backprop": "relu_rules",
    "integrated_gradients": "paths",
    "last_feature_map": "last_maps",
    "cam": "class_activation", "grad_cam": "class_activation", "guided_grad_cam": "class_activation",
    "fem": "feature_explanation",
    "heatmap": "pictures", "signed_heatmap": "pictures", "overlay": "pictures", "box": "pictures", "iou": "pictures",
    "METHODS": "methods", "methods_table": "methods",
}

__getattr__, __all__ = lazy.names(__name__, _HOME)
