from . import hiding, regions, relevance, stand_ins
from .class_activation import cam, grad_cam, guided_grad_cam
from .class_names import class_index
from .class_scores import reading
from .differences import deep_shap, deeplift
from .feature_explanation import fem
from .gradients import gradient, gradient_x_input
from .heatmaps import box, heatmap, iou, overlay, signed_heatmap
from .hiding import occlusion, rise
from .last_maps import last_feature_map
from .masks import meaningful_perturbation
from .methods import METHODS, methods_table
from .paths import gap, integrated_gradients
from .relevance import conservation, deep_taylor, lrp
from .relu_rules import deconvnet, guided_backprop
from .seeds import over_seeds
from .smoothing import smoothgrad
from .stand_ins import kernel_shap, lime
