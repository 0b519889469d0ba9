from .inputs import class_index
from .gradients import gradient, gradient_x_input
from .smoothing import smoothgrad
from .relu_rules import deconvnet, guided_backprop
from .paths import integrated_gradients
from .last_maps import last_feature_map
from .class_activation import cam, grad_cam, guided_grad_cam
from .feature_explanation import fem
from .heatmaps import heatmap, signed_heatmap, overlay, box, iou
from .methods import METHODS, methods_table
