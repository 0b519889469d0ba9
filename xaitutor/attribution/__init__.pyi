from .class_activation import cam, grad_cam, guided_grad_cam
from .feature_explanation import fem
from .gradients import gradient, gradient_x_input
from .heatmaps import box, heatmap, iou, overlay, signed_heatmap
from .inputs import class_index
from .last_maps import last_feature_map
from .methods import METHODS, methods_table
from .paths import integrated_gradients
from .relu_rules import deconvnet, guided_backprop
from .smoothing import smoothgrad
