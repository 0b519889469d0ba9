from .distillation import balance_penalty, soft_tree, tree_loss
from .factor_trees import FactorTree, factor_table, factor_tree, rules
from .imitation import Answers, Fidelity, ask, fidelity
from .soft_trees import Path, SoftTree
