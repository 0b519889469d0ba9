"""Networks for tests: one of each family of torchvision, formulas, and what can be said about any of them."""

import copy
import functools
import zlib

import torch
import torchvision
from torch import nn

# One of each family of torchvision's classifiers, the smallest, with the smallest input it takes.
FAMILIES = {
    "alexnet": 64, "convnext_tiny": 32, "densenet121": 32, "efficientnet_b0": 32, "efficientnet_v2_s": 32,
    "googlenet": 32, "inception_v3": 75, "maxvit_t": 64, "mnasnet0_5": 32, "mobilenet_v2": 32,
    "mobilenet_v3_small": 32, "regnet_x_400mf": 32, "regnet_y_400mf": 32, "resnet18": 32, "resnext50_32x4d": 32,
    "shufflenet_v2_x0_5": 32, "squeezenet1_1": 32, "swin_t": 32, "swin_v2_t": 32, "vgg11": 32, "vgg11_bn": 32,
    "vit_b_16": 32, "wide_resnet50_2": 32,
}


WIDTH = 64  # of the hidden layers of AlexNet and the VGGs, instead of 4,096


def small(name):
    """A network of that family, as torchvision builds it, with random weights; wide heads and transformers are narrowed: what they are made of stays."""
    model, drawn = _built(name)
    torch.set_rng_state(drawn)  # as if it had been built now
    return copy.deepcopy(model)


@functools.lru_cache(4)  # some are large
def _built(name):
    torch.manual_seed(0)
    return _narrow(name).eval(), torch.get_rng_state()


def _narrow(name):
    if name == "vit_b_16":
        return torchvision.models.VisionTransformer(FAMILIES[name], patch_size=16, num_layers=3, num_heads=4, hidden_dim=64, mlp_dim=128)
    if name == "maxvit_t":
        return torchvision.models.MaxVit((FAMILIES[name],) * 2, 64, 2, [64, 128, 256, 512], [2, 2, 5, 2], 32, 0.2)
    options = {"init_weights": False} if name.startswith(("vgg", "goog", "incep")) else {}
    if name not in ("alexnet", "vgg11", "vgg11_bn"):
        return torchvision.models.get_model(name, weights=None, **options)
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None, **options)
    steps = [i for i, module in enumerate(model.classifier) if isinstance(module, nn.Linear)]
    for i, outputs in zip(steps, (WIDTH, WIDTH, 10)):
        model.classifier[i] = nn.Linear(model.classifier[i].in_features if i == steps[0] else WIDTH, outputs)
    model.to_empty(device="cpu")
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return model


def calibrated(model, size):
    """The model in eval mode, its batch norms with the statistics of some noise, so that activations are neither dead nor huge."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in norms:
        module.reset_running_stats()
        module.train().momentum = None  # the plain average, here of one batch
    noise = torch.randn(8, 3, size, size, dtype=next(model.parameters()).dtype, generator=torch.Generator().manual_seed(1))
    if norms:
        with torch.no_grad():
            model(noise)
    return model.eval()


def close(result, reference, tolerance=1e-5):
    """Do two computations of one thing agree? No value differs by `tolerance` of the reference's largest, which must not be 0.

    Bits are compared only where nothing was computed twice: the same pass, done again by the same program, may add its
    numbers in another order, since oneDNN chooses its way by where in memory they lie.
    """
    size = reference.abs().max()
    return result.shape == reference.shape and (size > 0 and ((result - reference).abs().max() < tolerance * size).item())


def fingerprint(model):
    """Everything that a trace could be left in, to the bit."""
    def hooks(module):
        return sum(len(value) for key, value in vars(module).items() if "hooks" in key)

    modules = [(name, module.training, set(vars(module)), hooks(module)) for name, module in model.named_modules()]
    parameters = [(name, p.requires_grad, p.grad is None) for name, p in model.named_parameters()]
    state = [(name, value.data_ptr(), zlib.crc32(value.numpy())) for name, value in model.state_dict().items()]
    return modules, parameters, state


class Formula(nn.Module):
    """Takes x (N, C, 1, 1) for C numbers; `formula(*numbers)` gives one logit, or a tuple of them."""

    def __init__(self, formula):
        super().__init__()
        self.formula = formula
        self.eval()

    def forward(self, x):
        logits = self.formula(*x[:, :, 0, 0].unbind(dim=1))
        return torch.stack(logits if isinstance(logits, tuple) else (logits,), dim=1)


def point(*numbers):
    """The numbers as an image of one pixel, (1, C, 1, 1), in double precision."""
    return torch.tensor(numbers, dtype=torch.float64).reshape(1, -1, 1, 1)
