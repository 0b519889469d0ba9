"""An audit where nobody knows the truth: is it the network, the pictures, or the method? And does the network cheat?

    spray                               explanations of many pictures, sorted into kinds              (`clusters`)
    difference_of_differences, superiority   a suspicion beside its control                           (`contrasts`)
    clever_hans                         a blind search on drawn scenes, and its proof
    refitted                            a last layer fitted anew, on fair pictures                    (`heads`)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
