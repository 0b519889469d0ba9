"""The two architectures of the embedded networks, small enough to train on a laptop."""

from __future__ import annotations

from torch import nn

from xaitutor.vision import torchvision

BasicBlock, ResNet = torchvision.models.resnet.BasicBlock, torchvision.models.resnet.ResNet

WIDTH = 16  # channels of the first layer; torchvision's ResNet-18 has 64


def build(architecture: str, classes: int) -> nn.Module:
    """A freshly initialised network, "resnet18" or "vgg", for pictures (N, 3, 128, 128) and `classes` classes."""
    if architecture not in _BUILDERS:
        raise ValueError(f"no architecture is called {architecture!r}; there is {', '.join(_BUILDERS)}")
    return _BUILDERS[architecture](classes)


def _resnet18(classes: int) -> ResNet:
    """torchvision's ResNet-18, a quarter as wide, every module under its own name.

    `layer4` keeps its resolution: at 128 pixels the last feature map is 8 x 8, about what ImageNet's networks have (7 x 7).
    """
    model = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=classes)
    model.inplanes = WIDTH
    model.conv1 = nn.Conv2d(3, WIDTH, kernel_size=7, stride=2, padding=3, bias=False)
    model.bn1 = nn.BatchNorm2d(WIDTH)
    for number, stride in ((1, 1), (2, 2), (3, 2), (4, 1)):
        setattr(model, f"layer{number}", model._make_layer(BasicBlock, WIDTH * 2 ** (number - 1), 2, stride=stride))
    model.fc = nn.Linear(8 * WIDTH, classes)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


class VGG(nn.Module):
    """Convolutions, pooling, and fully connected layers on the flattened map: no batch norm, no global average pooling."""

    def __init__(self, classes: int):
        super().__init__()
        channels = (3, 16, 32, 64, 64, 96, 96)
        pooled = (True, True, False, True, False, True)
        layers: list[nn.Module] = []
        for before, after, pool in zip(channels, channels[1:], pooled):
            layers += [nn.Conv2d(before, after, kernel_size=3, padding=1), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(kernel_size=2, stride=2)] if pool else []
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(96 * 8 * 8, 64), nn.ReLU(inplace=True), nn.Dropout(0.3), nn.Linear(64, classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


_BUILDERS = {"resnet18": _resnet18, "vgg": VGG}
