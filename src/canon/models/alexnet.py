"""AlexNet: Krizhevsky, Sutskever, Hinton, NIPS 2012; see PAPER.

Differences from the paper: none in the function. The authors' published code differs from their
text: response normalisation stays within each GPU, divides alpha by n, and precedes pooling and
rectifier; a second one, within each map, follows conv2; conv3 to conv5 start with a standard
deviation of 0.03. The text says 224 pixels, but 55 x 55 maps need 227, and its 253,440 neurons of
layer one should be 55 x 55 x 96 = 290,400. The two GPUs of 2012 are two groups of a convolution.
`alexnet-tv` is the network that torchvision calls AlexNet: the single column of "One weird trick
for parallelizing convolutional neural networks" (arXiv:1404.5997), without normalisation and
groups, and with dropout before instead of after the linear layers.
"""

import torch
from torch import nn

from canon.layers import LocalResponseNorm, init, stages
from canon.layers.conv_arithmetic import side_after
from canon.registry import Errors, Paper, Printed, Published, register
from canon.types import Images, Logits

PAPER = Paper(
    authors="Krizhevsky, Sutskever, Hinton",
    title="ImageNet Classification with Deep Convolutional Neural Networks",
    venue="NIPS",
    year=2012,
    identifier="doi:10.1145/3065386",
)


@register(
    "alexnet",
    paper=PAPER,
    published=Published(
        params=60_965_224,
        macs=724_406_816,
        image=227,
        layers=8,
        printed_params=Printed(60e6, 1e6, "abstract"),
        errors=Errors(0.407, 0.182, "ILSVRC-2012 val, one CNN, ten crops, Table 2"),
    ),
)
class AlexNet(nn.Module):
    """Five convolutions and three linear layers, half of the kernels on each of two towers.

    Args:
        classes: number of outputs.
        channels: of the input.
        image: side of the input in pixels.
        seed: of the initial weights: N(0, 0.01), biases 1 in conv2, conv4, conv5, fc6 and fc7.

    Shape: (N, 3, 227, 227) -> (N, K); any square from 67 pixels when built with `image`.

    Raises:
        InputError: an image too small for the three poolings.
    """

    def __init__(
        self, classes: int = 1000, channels: int = 3, image: int = 227, seed: int = 0
    ) -> None:
        super().__init__()
        self.image = image
        self.features = stages(
            conv1=conv(channels, 96, 11, stride=4),  # 96 x 55 x 55
            norm1=LocalResponseNorm(),  # 96 x 55 x 55
            pool1=nn.MaxPool2d(3, 2),  # 96 x 27 x 27
            conv2=conv(96, 256, 5, padding=2, groups=2),  # 256 x 27 x 27
            norm2=LocalResponseNorm(),  # 256 x 27 x 27
            pool2=nn.MaxPool2d(3, 2),  # 256 x 13 x 13
            conv3=conv(256, 384, 3, padding=1),  # 384 x 13 x 13
            conv4=conv(384, 384, 3, padding=1, groups=2),  # 384 x 13 x 13
            conv5=conv(384, 256, 3, padding=1, groups=2),  # 256 x 13 x 13
            pool5=nn.MaxPool2d(3, 2),  # 256 x 6 x 6
        )
        side = side_after(image, (11, 4), (3, 2), (3, 2), (3, 2))
        self.head = stages(
            flatten=nn.Flatten(),
            fc6=nn.Sequential(nn.Linear(256 * side**2, 4096), nn.ReLU(), nn.Dropout(0.5)),
            fc7=nn.Sequential(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
            fc8=nn.Linear(4096, classes),
        )
        init.gaussian(self, std=0.01, seed=seed)
        with torch.no_grad():  # section 5: ones give the rectifiers positive inputs early on
            for layer in ("features.conv2", "features.conv4", "features.conv5"):
                self.get_parameter(f"{layer}.0.bias").fill_(1)
            for layer in ("head.fc6", "head.fc7"):
                self.get_parameter(f"{layer}.0.bias").fill_(1)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


@register(
    "alexnet-tv",
    paper=PAPER,
    published=Published(params=61_100_840, macs=714_188_480),
)
class AlexNetTV(nn.Module):
    """AlexNet as torchvision's weights compute it.

    Args:
        classes: number of outputs.
        channels: of the input.
        seed: of the initial weights, N(0, 0.01).

    Shape: (N, 3, 224, 224) -> (N, K); any square from 63 pixels, by adaptive pooling.
    """

    def __init__(self, classes: int = 1000, channels: int = 3, seed: int = 0) -> None:
        super().__init__()
        self.features = stages(
            conv1=conv(channels, 64, 11, stride=4, padding=2),  # 64 x 55 x 55
            pool1=nn.MaxPool2d(3, 2),  # 64 x 27 x 27
            conv2=conv(64, 192, 5, padding=2),  # 192 x 27 x 27
            pool2=nn.MaxPool2d(3, 2),  # 192 x 13 x 13
            conv3=conv(192, 384, 3, padding=1),  # 384 x 13 x 13
            conv4=conv(384, 256, 3, padding=1),  # 256 x 13 x 13
            conv5=conv(256, 256, 3, padding=1),  # 256 x 13 x 13
            pool5=nn.MaxPool2d(3, 2),  # 256 x 6 x 6
        )
        self.head = stages(
            pool=nn.AdaptiveAvgPool2d(6),
            flatten=nn.Flatten(),
            fc6=nn.Sequential(nn.Dropout(0.5), nn.Linear(256 * 6 * 6, 4096), nn.ReLU()),
            fc7=nn.Sequential(nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU()),
            fc8=nn.Linear(4096, classes),
        )
        init.gaussian(self, std=0.01, seed=seed)

    def forward(self, x: Images) -> Logits:
        return self.head(self.features(x))


def conv(
    c_in: int, c_out: int, kernel: int, stride: int = 1, padding: int = 0, groups: int = 1
) -> nn.Sequential:
    """A convolution and its rectifier."""
    layer = nn.Conv2d(c_in, c_out, kernel, stride, padding, groups=groups)
    return nn.Sequential(layer, nn.ReLU())
