"""Each public function on a graphics card gives what it gives on the CPU, to 1e-4 of the largest value; and where there is no card, on one of paper.

The card of paper (`Elsewhere`) computes on the CPU, and refuses, as a card does, to mix its tensors with the CPU's or to hand them to NumPy: it
finds a tensor that was made on the wrong device, on any machine. It cannot find what a card computes otherwise, so that the same cases run on
`cuda` or `mps` where there is one.
"""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from tests import paper
from xaitutor import adversarial, attribution, audit, concepts, maximization, referees, surrogates, truth, units
from xaitutor.attribution import METHODS
from xaitutor.audit.findings import VERDICTS
from xaitutor.foundations import receptive_field
from xaitutor.networks import images
from xaitutor.truth import coalitions

TOLERANCE = 1e-4
REAL = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else None


def network(channels=3):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(),
                          nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5))
    for parameter in model.parameters():  # so that classes differ
        parameter.data *= 2
    return model.eval()


def pictures(n=2):
    return torch.randn(n, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def colours(n=2):
    return torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(2))


def heat():
    return torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(3))


REGIONS = {"samples": 8, "regions": torch.arange(256).reshape(16, 16) // 86}
FEW = {"smoothgrad": {"samples": 3}, "integrated_gradients": {"steps": 3}, "occlusion": {"window": 8, "stride": 4}, "rise": {"samples": 5},
       "meaningful_perturbation": {"steps": 3, "size": 4}, "lime": REGIONS, "kernel_shap": REGIONS, "lrp": {"rule": "epsilon_plus"}}


class Preprocess:
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)

    def __call__(self, x):
        return images.normalise(x, self.mean, self.std)


def of_a_method(name):
    return lambda to: METHODS[name].function(to(network()), to(pictures()), 1, **FEW.get(name, {}))


def maximized(objective, **options):
    def run(to):
        given = dict(size=16, steps=3, progress=False, n=2) | options
        return maximization.maximize(to(network()), objective, Preprocess(), **given)
    return run


def survey(to):
    model, found = to(network()), []
    for by in ("mean", "max"):
        seen = units.survey(model, "4", colours(7), 3, by, Preprocess(), batch_size=3, progress=False)
        found += [seen[:3], units.examples(seen, 2, model, colours(7), Preprocess(), field="effective")]
    return found, units.prototypes(model, "4", 1, colours(7), 2, preprocess=Preprocess(), progress=False)


def ablated(to):
    model, x = to(network()), to(pictures())
    with units.ablate(model, "4", [1, 3]), torch.no_grad():
        return model(x), units.class_losses(model, "0", 2, x, torch.tensor([1, 1]))


def pearson_and_others(to):
    first, second, mask = to(heat()), to(heat().flip(2)), to(heat() > 0.8)
    two = [getattr(referees, name)(first, second) for name in ("pearson", "rank_correlation", "ssim", "similarity", "kl_divergence", "dice", "iou")]
    return two, [getattr(referees, name)(first, mask) for name in ("auc_judd", "auc_borji", "nss")], referees.gini(first), referees.entropy(first)


def same_answer(to):
    model = adversarial.of_pixels(to(network()), Preprocess.mean, Preprocess.std)
    return adversarial.same_answer(model, to(colours()), attribution.gradient, steps=2)[1]


def one_pixel(to):
    model = adversarial.of_pixels(to(network()), Preprocess.mean, Preprocess.std)
    return adversarial.one_pixel(model, to(colours(1)), population=8, generations=2)


def a_tree(to):
    x, targets = to(colours(20)), to(torch.rand(20, 3, generator=torch.Generator().manual_seed(4)).softmax(dim=1))
    tree = surrogates.soft_tree(x, targets, depth=2, epochs=2, batch_size=10, progress=False)
    return tree(to(colours(20)))


def audited(to):
    found = audit.audit(to(network()), to(pictures(4)), method="grad_cam", labels=[0, 1, 2, 3], preprocess=Preprocess())
    return [VERDICTS.index(finding.verdict) for finding in found]  # a question that fails is one that does not apply


def refitted(to):
    labels = to(torch.arange(20) % 5)
    return audit.refitted(to(network()), to(colours(20)), labels)(to(colours(4)))


class Scenes(nn.Module):
    """Twelve logits, for pictures of scenes of 128 × 128."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Conv2d(3, 6, 8, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 12))

    def forward(self, x):
        return self.net(x)


def scored(to):
    found = truth.score(attribution.gradient_x_input, to(Scenes()), scenes=2)
    return [getattr(found, name) for name in ("rank", "class_contrast", "picture_contrast", "pointing", "mass", "passes")]


def explained(to):
    """What scoring asks of a network, without the hundred pictures for the truth."""
    mine = truth.networks.Network("mine", to(Scenes().eval()), Preprocess(), None)
    drawn = truth.situations.pictures([one.scene for one in truth.situations.situations(range(2))])
    given = truth.given.explain(truth.given.contestant(attribution.gradient), mine, drawn, np.array([1, 2]), ["first", "second"])
    return given[:5], coalitions._logits(mine, drawn.images[None])


def responses(to):
    model = to(Scenes().eval())
    preprocess = Preprocess()
    return [found.values for found in units.responses(model, "net.0", preprocess, 2, progress=False).values()], \
        [found.values for found in units.crossing(model, "net.0", preprocess, 2, progress=False).values()]


def curves(to):
    model, x, hot = to(network()), to(pictures()), to(heat())
    return [referees.deletion(model, x, 1, hot, steps=4), referees.insertion(model, x, None, hot, steps=4), referees.deletion_curve(model, x, 1, hot, steps=3, fill="imputed")]


def faithful(to):
    model, x = to(network()), to(pictures())
    given = attribution.gradient(model, x, 1)
    return referees.infidelity(model, x, 1, given, samples=4), referees.max_sensitivity(model, x, 1, attribution.gradient, samples=2)


def random_weights(to):
    model, x = to(network()), to(pictures())
    return referees.efficient_mprt(model, x, 1, attribution.gradient).shape, referees.cascade(model, x, None, attribution.gradient).shape


def concept(to):
    rows = torch.randn(40, 6, generator=torch.Generator().manual_seed(6))
    rows[:20, 2] += 2
    drawn = concepts.draws(to(rows[:20]), to(rows[20:]), repeats=2)
    return [concepts.concept_vector(to(rows[:20]), to(rows[20:])), concepts.accuracy(to(rows[:20]), to(rows[20:])), list(concepts.tcav(to(rows), drawn))]


def parts(to):
    a = to(torch.rand(6, 5, 4, 4, generator=torch.Generator().manual_seed(7)))
    found = concepts.components(a, 2)
    return [found.directions, found.encode(a)]


def a_dictionary(to):
    a = to(torch.rand(6, 5, 4, 4, generator=torch.Generator().manual_seed(7)))
    found = concepts.dictionary(concepts.train_dictionary(a, 8, 2, steps=3, progress=False))
    return [found.directions, found.encode(a)]


CASES = {
    **{name: of_a_method(name) for name in METHODS},
    "predicted class": lambda to: attribution.gradient(to(network()), to(pictures())),
    "one class each": lambda to: attribution.grad_cam(to(network()), to(pictures()), torch.tensor([1, 3])),
    "superpixels": lambda to: attribution.lime(to(network()), to(torch.nn.functional.interpolate(colours()[:, :, :3, :3], (48, 48))), 1, samples=30, regions=20),
    "fillings": lambda to: [attribution.occlusion(to(network()), to(pictures()), 1, window=8, stride=8, fill=fill) for fill in ("black", "mean", "blur", 0.5)],
    "last map": lambda to: attribution.last_feature_map(to(network()), to(pictures())),
    "named layer": lambda to: attribution.grad_cam(to(network()), to(pictures()), 1, layer="0"),
    "conservation": lambda to: attribution.conservation(to(network()), to(pictures()), 1, rule="epsilon"),
    "RevealCancel": lambda to: attribution.deeplift(to(network()), to(pictures()), 1, rule="reveal_cancel"),
    "rules": lambda to: [attribution.lrp(to(network()), to(pictures()), 1, rule=rule) for rule in ("zero", "epsilon", "gamma", "alpha2_beta1")],
    "seeds": lambda to: attribution.over_seeds(attribution.rise, to(network()), to(pictures()), 1, seeds=2, samples=3),
    "heatmaps": lambda to: [attribution.heatmap(to(pictures()), sigma=1, size=(20, 20)), attribution.signed_heatmap(to(pictures())),
                            attribution.overlay(to(colours()), to(heat())), attribution.box(to(heat()[0]))],
    "feature maps": lambda to: units.feature_maps(to(network()), ["0", "8"], to(pictures())),
    "survey": survey,
    "ablation": ablated,
    "circuit": lambda to: units.circuit(to(network()), "4", 2, to(pictures())),
    "filters": lambda to: units.as_pictures(units.filters(to(network()), "0")),
    "responses": responses,
    "maximize channel": maximized(maximization.channel("4", 3)),
    "maximize class": maximized(maximization.target(2), parameterisation=maximization.fourier(decorrelated=True), transforms=[
        maximization.jitter(2), maximization.rotation(5), maximization.scaling([0.9, 1.1])], penalties=[maximization.total_variation(0.1)]),
    "maximize direction": maximized(maximization.direction("4", torch.arange(12.0)) + maximization.diversity("4") + maximization.unit("0", 1),
                                    after_step=[maximization.blur(0.5)]),
    "maximize from": lambda to: maximized(maximization.channel("4", 3), n=1, start=colours(1), size=16)(to),
    "measure": lambda to: maximization.measure(to(network()), maximization.channel("4", 3), colours(), Preprocess()),
    "effective field": lambda to: receptive_field.effective(to(network()), "4", to(pictures())),
    "field": lambda to: receptive_field.field(to(network()), "4", 16),
    "normalise": lambda to: images.denormalise(images.normalise(to(colours()), Preprocess.mean, Preprocess.std), Preprocess.mean, Preprocess.std),
    "picture": lambda to: np.asarray(images.to_picture(to(colours(1)))),
    "agreement": pearson_and_others,
    "curves": curves,
    "faithfulness": faithful,
    "random weights": random_weights,
    "imputation": lambda to: referees.imputed(to(colours(1)[0]), to(heat()[0] > 0.7), noise=0),
    "fgsm": lambda to: adversarial.fgsm(adversarial.of_pixels(to(network()), Preprocess.mean, Preprocess.std), to(colours()), size=0.1),
    "deepfool": lambda to: adversarial.deepfool(adversarial.of_pixels(to(network()), Preprocess.mean, Preprocess.std), to(colours()), steps=3),
    "one pixel": one_pixel,
    "same answer": same_answer,
    "top k": lambda to: adversarial.top_k_intersection(to(heat()), to(heat().flip(1))),
    "soft tree": a_tree,
    "ask": lambda to: surrogates.ask(to(network()), Preprocess(), (255 * colours(4)).byte().permute(0, 2, 3, 1).numpy(), size=4),
    "fidelity": lambda to: surrogates.fidelity(to(colours(9)[:, :, 0, 0]), to(colours(9)[:, :, 1, 1]), to(torch.arange(9) % 3)),
    "localisation": lambda to: [getattr(truth, name)(to(heat()), to(heat() > 0.6)) for name in ("pointing_game", "relevance_mass", "relevance_rank")],
    "explained": explained, "score": scored,
    "spray": lambda to: audit.spray(to(torch.rand(12, 8, 8, generator=torch.Generator().manual_seed(5))), 3).labels,
    "audit": audited,
    "refitted": refitted,
    "pooled": lambda to: concepts.pooled(to(network()), "2", to(pictures())),
    "sensitivity": lambda to: concepts.sensitivity(to(network()), "2", to(pictures()), 1),
    "concept": concept, "components": parts, "dictionary": a_dictionary,
    "guess": lambda to: maximization.guess(to(colours(4))),
}


def numbers(found):
    """All numbers in what a function gave, as one NumPy array of doubles each."""
    if isinstance(found, torch.Tensor):
        return [np.asarray(found.detach().cpu().double())]
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, (list, tuple)):
        return [one for part in found for one in numbers(part)]
    return [np.asarray(found, dtype=float)] if isinstance(found, (int, float, np.ndarray, np.generic)) else []


def agree(here, there):
    assert len(here) == len(there) > 0
    for one, other in zip(here, there):
        assert one.shape == other.shape and np.isfinite(other).all()
        assert np.abs(one - other).max(initial=0) <= TOLERANCE * max(np.abs(one).max(initial=0), 1e-3)


@pytest.fixture
def exact():
    """Cards round the factors of convolutions to ten bits, unless they are told not to."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def quietly(case, to):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return numbers(case(to))


@pytest.mark.parametrize("name", [name for name in CASES if name != "score"])  # which takes seconds
def test_on_a_card_of_paper(name):
    here = quietly(CASES[name], copy.deepcopy)
    with paper.card() as to:
        there = quietly(CASES[name], to)
    agree(here, there)


def test_the_card_of_paper_refuses_what_a_card_refuses():
    with paper.card() as to:
        x = to(torch.ones(3))
        assert x.device != torch.ones(3).device and (x + 1).device == x.device and (x + 1).cpu().tolist() == [2, 2, 2]
        for wrong in (lambda: x + torch.ones(3), lambda: x.numpy(), lambda: torch.stack([x, torch.ones(3)])):
            with pytest.raises(RuntimeError, match="same device|not supported"):
                wrong()


@pytest.mark.skipif(REAL is None, reason="this machine has no graphics card that torch can use (cuda or mps)")
@pytest.mark.parametrize("name", CASES)
def test_on_a_card(name, exact):
    agree(quietly(CASES[name], copy.deepcopy), quietly(CASES[name], lambda what: copy.deepcopy(what).to(REAL)))
