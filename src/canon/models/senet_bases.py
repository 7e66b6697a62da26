"""SENet's gates in VGG-16 and BN-Inception: Hu, Shen, Sun, CVPR 2018; see PAPER.

Differences from the paper: none. The gate is after each rectifier of VGG, and after a whole
inception module. `se-vgg16-bn` keeps the biases of VGG's convolutions; BN-Inception is the Caffe
network that the authors started from, without biases.
"""

from dataclasses import replace

from torch import nn

from canon.layers import init
from canon.layers.inception import Kernel, conv_bn_relu
from canon.layers.squeeze_excite import SqueezeExcite
from canon.models import vgg
from canon.models.bn_inception import CAFFE, BNInception
from canon.models.senet import PAPER
from canon.registry import Errors, Printed, Published, register


def _vgg_conv(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    return vgg.conv_bn(c_in, c_out, kernel).append(SqueezeExcite(c_out))


@register(
    "se-vgg16-bn", paper=PAPER, column=vgg.D, conv=_vgg_conv,
    published=Published(138_596_784, 15_470_490_624, layers=16,
                        printed_macs=Printed(15.48e9, 0.035e9, "Table 2"),
                        errors=Errors(0.2522, 0.0770, "ILSVRC-2012 val, one crop, Table 2")),
)  # fmt: skip
class SEVGG(vgg.VGG):
    """VGG-16 with batch normalisation and a gate after each rectifier.

    Takes what VGG takes.

    Shape: (N, 3, 224, 224) -> (N, K); any square from 32 pixels when built with `image`.
    """

    start = staticmethod(init.he)  # as all nets of this paper


def _conv_bn_relu(c_in: int, c_out: int, kernel: Kernel, *window: int) -> nn.Sequential:
    block = conv_bn_relu(c_in, c_out, kernel, *window)
    block[1] = nn.BatchNorm2d(c_out)  # with Caffe's epsilon
    return block


def _first(channels: int) -> nn.Sequential:
    return _conv_bn_relu(channels, 64, 7, 2)


SE_PARTS = replace(CAFFE, first=_first, conv=_conv_bn_relu, after=SqueezeExcite)


@register(
    "se-bn-inception", paper=PAPER, parts=SE_PARTS,
    published=Published(11_931_622, 2_033_239_424,
                        printed_macs=Printed(2.04e9, 0.035e9, "Table 2"),
                        errors=Errors(0.2423, 0.0714, "ILSVRC-2012 val, one crop, Table 2")),
)  # fmt: skip
class SEBNInception(BNInception):
    """The Caffe BN-Inception without biases, and with a gate after each module.

    Takes what BNInception takes.

    Shape: (N, 3, 224, 224) -> (N, K); any square from 33 pixels.
    """
