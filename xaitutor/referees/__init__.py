"""Referees: how the field judges explanations where nobody knows the truth, and (`judged`) how far each referee agrees with it.

    deletion, insertion            does the answer change where the map is hottest?             (`curves`)
    infidelity, max_sensitivity    does the map foresee the answer? does it hold under noise?    (`faithfulness`)
    cascade, efficient_mprt        does the map change with the weights?                         (`randomisation`)
    gini, entropy                  is it simple?                                                 (`complexity`)
    pearson, …, nss, iou           is it like another map, or like a mask?                       (`similarity`)

The pointing game and the share of heat on the object, which need a mask but no network, are in `truth`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
