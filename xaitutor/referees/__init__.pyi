from . import judged
from .complexity import entropy, gini
from .curves import area, deletion, deletion_curve, insertion, insertion_curve
from .faithfulness import falls, infidelity, max_sensitivity, missed
from .imputation import imputed
from .randomisation import cascade, efficient_mprt, randomised, stages
from .similarity import auc_borji, auc_judd, dice, iou, kl_divergence, nss, pearson, rank_correlation, similarity, ssim
