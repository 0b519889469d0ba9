"""An audit where nobody knows the truth: is it the network, the pictures, or the method? And does the network cheat?

    audit(model, x, method="grad_cam")  one `Finding` for each question: what was measured, what it means, what to do
    report(findings)                    as text; `as_dicts` for JSON; `figures.audits.page` draws them
    planted("BGR", network)             a network of the menagerie with one known fault, to try it on
    spray                               explanations of many pictures, sorted into kinds              (`clusters`)
    difference_of_differences, superiority   a suspicion beside its control                           (`contrasts`)
    clever_hans                         a blind search on drawn scenes, and its proof
    refitted                            a last layer fitted anew, on fair pictures                    (`heads`)

Nothing here proves an explanation right. An alarm says that something is wrong; where there is none, the usual mistakes were looked for and not
found. The questions of `audit` are about the pictures (`pictures`), the network (`networks`, `weights`, `answers`), and the map (`maps`, `stability`,
`deleting`, `agreement`); their thresholds come from the menagerie's four networks, and stand with each of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
