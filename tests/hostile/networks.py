"""Odd networks: torchvision's families with few channels, and what people write themselves. Each takes pictures of `CHANNELS[name]` channels and tells 5 classes apart."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import (
    convnext,
    densenet,
    efficientnet,
    inception,
    maxvit,
    mnasnet,
    mobilenetv2,
    mobilenetv3,
    regnet,
    resnet,
    shufflenetv2,
    squeezenet,
    swin_transformer,
    vgg,
    vision_transformer,
)
from torchvision.models.alexnet import AlexNet
from torchvision.models.googlenet import GoogLeNet
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

CLASSES = 5


def _slim(build, name):
    """A network with the classifier of thousands of neurons left out: its forward is torchvision's."""
    with torch.device("meta"):
        model = build()
    kind = next(module for module in reversed(list(model.classifier)) if isinstance(module, nn.Linear))
    places = model.avgpool.output_size[0] ** 2
    model.classifier = nn.Sequential(nn.Flatten(), nn.Linear(places * (256 if name == "alexnet" else 512), CLASSES))
    assert kind.out_features == CLASSES
    model.to_empty(device="cpu")
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            nn.init.ones_(module.weight)
    return model


def _residual(block, **options):
    return resnet.ResNet(block, [1, 1, 1, 1], num_classes=CLASSES, **options)


def _moves(kernel, exp, out, stride=1, squeeze=True, activation="HS"):
    return mobilenetv3.InvertedResidualConfig(8, kernel, exp, out, squeeze, activation, stride, 1, 1)


def _expanded():
    block = efficientnet.MBConvConfig
    return [block(1, 3, 1, 8, 8, 1, 1, 1), block(4, 3, 2, 8, 16, 1, 1, 1)]


TORCHVISION = {  # each with the least side of its pictures
    "alexnet": (64, lambda: _slim(lambda: AlexNet(num_classes=CLASSES), "alexnet")),
    "convnext": (32, lambda: convnext.ConvNeXt([convnext.CNBlockConfig(8, 16, 1), convnext.CNBlockConfig(16, None, 1)], num_classes=CLASSES, layer_scale=1.0)),
    "densenet": (32, lambda: densenet.DenseNet(growth_rate=4, block_config=(2, 2), num_init_features=8, num_classes=CLASSES)),
    "efficientnet": (32, lambda: efficientnet.EfficientNet(_expanded(), dropout=0.2, num_classes=CLASSES, last_channel=16)),
    "efficientnet_v2": (32, lambda: efficientnet.EfficientNet([efficientnet.FusedMBConvConfig(2, 3, 2, 8, 8, 1)], dropout=0.2, num_classes=CLASSES, last_channel=16)),
    "googlenet": (32, lambda: GoogLeNet(CLASSES, aux_logits=False, init_weights=False, transform_input=True)),
    "inception": (75, lambda: inception.Inception3(CLASSES, aux_logits=False, init_weights=False, transform_input=True)),
    "maxvit": (32, lambda: maxvit.MaxVit((32, 32), 8, 2, [8, 16], [1, 1], 4, 0.0, num_classes=CLASSES)),
    "mnasnet": (32, lambda: mnasnet.MNASNet(0.25, CLASSES)),
    "mobilenet_v2": (32, lambda: mobilenetv2.MobileNetV2(CLASSES, 0.25, [[1, 8, 1, 1], [4, 8, 2, 2]])),
    "mobilenet_v3": (32, lambda: mobilenetv3.MobileNetV3([_moves(3, 8, 8), _moves(3, 16, 8, 2, True, "RE")], 16, CLASSES)),
    "regnet_x": (32, lambda: regnet.RegNet(regnet.BlockParams([1, 1], [8, 16], [8, 8], [1.0, 1.0], [2, 2], None), CLASSES, stem_width=8)),
    "regnet_y": (32, lambda: regnet.RegNet(regnet.BlockParams([1, 1], [8, 16], [8, 8], [1.0, 1.0], [2, 2], 0.25), CLASSES, stem_width=8)),
    "resnet": (32, lambda: _residual(resnet.BasicBlock)),
    "resnext": (32, lambda: _residual(resnet.Bottleneck, groups=8, width_per_group=1)),
    "shufflenet": (32, lambda: shufflenetv2.ShuffleNetV2([1, 1, 1], [8, 16, 16, 16, 16], CLASSES)),
    "squeezenet": (32, lambda: squeezenet.SqueezeNet("1_1", CLASSES)),
    "swin": (32, lambda: swin_transformer.SwinTransformer([2, 2], 8, [1, 1], [1, 2], [4, 4], num_classes=CLASSES)),
    "swin_v2": (32, lambda: swin_transformer.SwinTransformer([2, 2], 8, [1, 1], [1, 2], [4, 4], num_classes=CLASSES, block=swin_transformer.SwinTransformerBlockV2,
                                                             downsample_layer=swin_transformer.PatchMergingV2)),
    "vgg": (32, lambda: _slim(lambda: vgg.VGG(vgg.make_layers([8, "M", 512, "M"]), CLASSES, init_weights=False), "vgg")),
    "vgg_bn": (32, lambda: _slim(lambda: vgg.VGG(vgg.make_layers([8, "M", 512, "M"], batch_norm=True), CLASSES, init_weights=False), "vgg")),
    "vit": (32, lambda: vision_transformer.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=CLASSES)),
    "wide_resnet": (32, lambda: _residual(resnet.Bottleneck, width_per_group=8)),
}


class Layers(nn.Module):
    """conv1 … head, and in between what `forward` does with them."""

    def __init__(self, run, channels=3, classes=CLASSES):
        super().__init__()
        self.conv1, self.norm, self.relu = nn.Conv2d(channels, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()
        self.conv2, self.head, self.run = nn.Conv2d(6, 6, 3, padding=1), nn.Linear(6, classes), run

    def forward(self, x):
        return self.run(self, x)


def _pooled(net, a):
    return net.head(a.mean(dim=(2, 3)))


def _plain(net, x):
    return _pooled(net, net.relu(net.conv2(net.relu(net.norm(net.conv1(x))))))


def _overwriting(net, x):
    a = F.relu_(net.conv1(x.sub_(0.1)))
    return _pooled(net, F.relu(net.conv2(a), inplace=True).add_(a))


def _reusing(net, x):
    a = net.relu(net.conv1(x))
    for _ in range(3):
        a = net.relu(net.conv2(a))
    return _pooled(net, a)


def _last(net, x):
    a = F.layer_norm(net.conv1(x).permute(0, 2, 3, 1), (6,))
    return net.head(F.gelu(a).mean(dim=(1, 2)))


def _flat(net, x):
    a = F.adaptive_max_pool2d(net.relu(net.conv1(x)), 1)
    return net.head(torch.flatten(a, 1))


def _centred(net, x):
    return _plain(net, x - x.mean(dim=0) / 2)


def _gated(net, x):
    a = net.conv1(x)
    return _pooled(net, a.sigmoid() * a.tanh() + F.silu(net.conv2(a)))


ODD = {
    "plain": lambda: Layers(_plain), "overwrites": lambda: Layers(_overwriting), "reuses": lambda: Layers(_reusing), "channels last": lambda: Layers(_last),
    "flattens": lambda: Layers(_flat), "gates": lambda: Layers(_gated), "depends on neighbours": lambda: Layers(_centred),
    "sequence": lambda: nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True), nn.AvgPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                                      nn.Linear(6, CLASSES)),
    "linear": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, CLASSES)),
    "no statistics": lambda: nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6, track_running_stats=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                                           nn.Linear(6, CLASSES)),
    "group norm": lambda: nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.GroupNorm(2, 6), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, CLASSES)),
    "one channel": lambda: Layers(_plain, channels=1), "five channels": lambda: Layers(_plain, channels=5), "one logit": lambda: Layers(_plain, classes=1),
    "one number": lambda: Layers(lambda net, x: _plain(net, x)[:, 0], classes=1), "softmax": lambda: Layers(lambda net, x: _plain(net, x).softmax(1)),
    "log-softmax": lambda: Layers(lambda net, x: _plain(net, x).log_softmax(1)), "sigmoid": lambda: Layers(lambda net, x: _plain(net, x).sigmoid()),
    "table": lambda: Layers(lambda net, x: {"logits": _plain(net, x)}), "named out": lambda: Layers(lambda net, x: {"out": _plain(net, x)}),
    "tuple": lambda: Layers(lambda net, x: (_plain(net, x), x)), "list": lambda: Layers(lambda net, x: [_plain(net, x)]), "none": lambda: Layers(lambda net, x: None),
    "map": lambda: Layers(lambda net, x: net.conv2(net.conv1(x))), "pixel": lambda: Layers(lambda net, x: net.conv2(net.relu(net.conv1(x)))[:, :5, 0, 0]),
    "three axes": lambda: Layers(lambda net, x: _plain(net, x)[:, None]), "whole numbers": lambda: Layers(lambda net, x: _plain(net, x).round().long()),
    "detached": lambda: Layers(lambda net, x: _plain(net, x).detach()), "constant": lambda: Layers(lambda net, x: torch.ones(len(x), CLASSES)),
    "rounded": lambda: Layers(lambda net, x: _plain(net, x.round())), "infinite": lambda: Layers(lambda net, x: _plain(net, x) / 0),
    "without gradients": lambda: Layers(torch.no_grad()(_plain)), "segmentation": lambda: lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=CLASSES),
}
CHANNELS = {"one channel": 1, "five channels": 5}
MADE = ("as it is", "double", "bfloat16", "half", "inference", "scripted", "compiled", "training", "frozen")
REFUSED = {"tuple", "list", "none", "map", "three axes", "whole numbers", "infinite", "segmentation"}  # by whatever asks for logits


def _never(graph, inputs):
    raise AssertionError("compiled")


@cache
def network(name, made="as it is"):
    """The network, in eval mode, always the same; "inference", "scripted" and so on: how it was made."""
    if made == "inference":
        with torch.inference_mode():
            return _drawn(name)
    model = _drawn(name)
    if made in ("double", "bfloat16", "half"):
        return model.to({"double": torch.float64, "bfloat16": torch.bfloat16, "half": torch.float16}[made])
    if made == "scripted":
        return torch.jit.trace(model, torch.rand(2, CHANNELS.get(name, 3), 32, 32), check_trace=False)
    if made == "compiled":
        return torch.compile(model, backend=_never)
    return model.train() if made == "training" else model.requires_grad_(False) if made == "frozen" else model


def _drawn(name):
    torch.manual_seed(0)
    model = (TORCHVISION[name][1] if name in TORCHVISION else ODD[name])().eval()
    with torch.no_grad():  # so that classes differ, and activations stay of one size
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, (1.5 / parameter[0].numel()) ** 0.5)
            elif name in ("alexnet", "vgg", "vgg_bn"):  # which hold whatever was in memory
                parameter.fill_(0.1)
    return model
