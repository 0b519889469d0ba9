from .nearest_boundary import deepfool
from .other_heatmap import SameAnswer, same_answer
from .pixels import of_pixels
from .sign_step import fgsm
from .similarity import dice, top_k_intersection
from .single_pixel import OnePixel, one_pixel
from .through_explanations import keeping_track
from .two_generators import Repainted, load_generators, repaint
