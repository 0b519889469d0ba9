"""The methods of the course in one table: who published them, what they explain, and what they cost.

    METHODS["grad_cam"].function(model, x, target)

All are local: they explain one picture's decision, not the network's knowledge of a class. Most are specific, and look inside the network, at
its gradients, its ReLUs or its feature maps; agnostic ones ask for answers alone.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple


class Paper(NamedTuple):
    """Where a method was published."""

    authors: str
    title: str
    venue: str
    year: int


class Method(NamedTuple):
    """One method, and what is to be known about it.

    name: of the function in `xaitutor.attribution`; title: what people call it; family: methods of one idea.
    scope: "local" or "global"; access: model "specific" or "agnostic".
    class_discriminative: whether the maps of two classes differ in where they are strong (Selvaraju et al. 2017), as measured
    over scenes on `menagerie_resnet18` (`truth.class_sensitivity`): whether they correlate by less than 0.9.
    forward, backward: how many passes through the whole network one picture costs with a class given; "n" is the
    number of samples, steps or references, and a reference is a picture, too. A backward pass that ends at the last feature map
    counts as none.
    reduce: the `reduce` of `heatmap` that shows it as it is usually shown.
    needs: what a network must have for it, or nothing: "linear head" is one linear layer on the averages of the last
    feature map, "pixels" a first layer that gets the pixels of x themselves.
    """

    name: str
    title: str
    family: str
    scope: str
    access: str
    class_discriminative: bool
    forward: int | str
    backward: int | str
    reduce: str
    paper: Paper
    needs: str = ""

    @property
    def function(self) -> Callable:
        """`function(model, x, target=None, *, …) -> Tensor`."""
        return getattr(import_module("xaitutor.attribution"), self.name)


_GRAD_CAM = Paper("Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra",
                  "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", "ICCV", 2017)
_LOCAL, _AGNOSTIC = ("local", "specific"), ("local", "agnostic")

METHODS: dict[str, Method] = {method.name: method for method in (
    Method("gradient", "Gradient", "gradients", *_LOCAL, True, 1, 1, "max_abs", Paper(
        "Simonyan, Vedaldi and Zisserman", "Deep Inside Convolutional Networks: Visualising Image Classification "
        "Models and Saliency Maps", "ICLR workshop", 2014)),
    Method("gradient_x_input", "Gradient × Input", "gradients", *_LOCAL, True, 1, 1, "abs_sum", Paper(
        "Shrikumar, Greenside, Shcherbina and Kundaje", "Not Just a Black Box: Learning Important Features Through "
        "Propagating Activation Differences", "arXiv", 2016)),
    Method("smoothgrad", "SmoothGrad", "gradients", *_LOCAL, True, "n", "n", "max_abs", Paper(
        "Smilkov, Thorat, Kim, Viégas and Wattenberg", "SmoothGrad: removing noise by adding noise", "arXiv", 2017)),
    Method("deconvnet", "DeconvNet", "ReLU rules", *_LOCAL, False, 1, 1, "max_abs", Paper(
        "Zeiler and Fergus", "Visualizing and Understanding Convolutional Networks", "ECCV", 2014)),
    Method("guided_backprop", "Guided backpropagation", "ReLU rules", *_LOCAL, False, 1, 1, "max_abs", Paper(
        "Springenberg, Dosovitskiy, Brox and Riedmiller", "Striving for Simplicity: The All Convolutional Net",
        "ICLR workshop", 2015)),
    Method("cam", "CAM", "class activation maps", *_LOCAL, True, 1, 0, "positive", Paper(
        "Zhou, Khosla, Lapedriza, Oliva and Torralba", "Learning Deep Features for Discriminative Localization",
        "CVPR", 2016), needs="linear head"),
    Method("grad_cam", "Grad-CAM", "class activation maps", *_LOCAL, True, 1, 0, "positive", _GRAD_CAM),
    Method("guided_grad_cam", "Guided Grad-CAM", "class activation maps", *_LOCAL, True, 2, 1, "max_abs", _GRAD_CAM),
    Method("fem", "FEM", "feature statistics", *_LOCAL, False, 1, 0, "positive", Paper(
        "Fuad, Martin, Giot, Bourqui, Benois-Pineau and Zemmari", "Features Understanding in 3D CNNs for Actions "
        "Recognition in Video", "IPTA", 2020)),
    Method("integrated_gradients", "Integrated Gradients", "path integrals", *_LOCAL, True, "n", "n", "abs_sum", Paper(
        "Sundararajan, Taly and Yan", "Axiomatic Attribution for Deep Networks", "ICML", 2017)),
    Method("lrp", "LRP", "relevance", *_LOCAL, True, 1, 1, "positive", Paper(
        "Bach, Binder, Montavon, Klauschen, Müller and Samek", "On Pixel-Wise Explanations for Non-Linear Classifier "
        "Decisions by Layer-Wise Relevance Propagation", "PLoS ONE", 2015), needs="pixels"),
    Method("deep_taylor", "Deep Taylor", "relevance", *_LOCAL, False, 1, 1, "positive", Paper(
        "Montavon, Lapuschkin, Binder, Samek and Müller", "Explaining NonLinear Classification Decisions with Deep "
        "Taylor Decomposition", "Pattern Recognition", 2017), needs="pixels"),
    Method("deeplift", "DeepLIFT", "differences", *_LOCAL, True, 2, 2, "abs_sum", Paper(
        "Shrikumar, Greenside and Kundaje", "Learning Important Features Through Propagating Activation Differences",
        "ICML", 2017)),
    Method("deep_shap", "Deep SHAP", "differences", *_LOCAL, True, "2 n", "2 n", "abs_sum", Paper(
        "Lundberg and Lee", "A Unified Approach to Interpreting Model Predictions", "NeurIPS", 2017)),
    Method("occlusion", "Occlusion", "hiding", *_AGNOSTIC, True, "n", 0, "positive", Paper(
        "Zeiler and Fergus", "Visualizing and Understanding Convolutional Networks", "ECCV", 2014)),
    Method("rise", "RISE", "hiding", *_AGNOSTIC, True, "n", 0, "positive", Paper(
        "Petsiuk, Das and Saenko", "RISE: Randomized Input Sampling for Explanation of Black-box Models", "BMVC", 2018)),
    Method("meaningful_perturbation", "Meaningful perturbation", "hiding", *_LOCAL, True, "n", "n", "positive", Paper(
        "Fong and Vedaldi", "Interpretable Explanations of Black Boxes by Meaningful Perturbation", "ICCV", 2017)),
    Method("lime", "LIME", "stand-ins", *_AGNOSTIC, True, "n", 0, "positive", Paper(
        "Ribeiro, Singh and Guestrin", "“Why Should I Trust You?”: Explaining the Predictions of Any Classifier", "KDD", 2016)),
    Method("kernel_shap", "Kernel SHAP", "stand-ins", *_AGNOSTIC, True, "n", 0, "positive", Paper(
        "Lundberg and Lee", "A Unified Approach to Interpreting Model Predictions", "NeurIPS", 2017)),
)}


def methods_table() -> str:
    """`METHODS` as a table in Markdown, one row a method."""
    rows = [("method", "family", "local or global", "specific or agnostic", "tells classes apart", "forward",
             "backward", "paper"), ("---",) * 8]
    for m in METHODS.values():
        source = f"{m.paper.authors}, *{m.paper.title}*, {m.paper.venue} {m.paper.year}"
        apart = "yes" if m.class_discriminative else "no"
        rows.append((m.title, m.family, m.scope, m.access, apart, str(m.forward), str(m.backward), source))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
