"""The sizes in the margins of the models are those of their maps at the paper's image size."""

import inspect
import re

import pytest
import torch

from canon.layers import taps
from canon.models import (
    adc,
    alexnet,
    bn_inception,
    build,
    cae,
    deconvnet,
    fcn,
    googlenet,
    inception_resnet_v2,
    inception_v3,
    inception_v4,
    lenet5,
    preact_resnet,
    prototype,
    resnet,
    segnet,
    senet,
    unet,
    vgg,
    wide_resnet,
    xception,
    zfnet,
)
from tests.models.networks import published_input

MARGIN = re.compile(r"^\s+(\w+)=.*# (\d+) x (\d+) x (\d+)$", re.MULTILINE)
FIGURE1 = re.compile(r"(\w+) +(\d+) x (\d+) x (\d+)")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (vgg.VGG, "vgg16"), (resnet.ResNet, "resnet50"), (resnet.CifarResNet, "resnet20"),
        (alexnet.AlexNet, "alexnet"), (alexnet.AlexNetTV, "alexnet-tv"), (lenet5.LeNet5, "lenet5"),
        (lenet5.LeNet5Modern, "lenet5-modern"), (prototype.Prototype, "prototype"),
        (zfnet.ZFNet, "zfnet"), (googlenet.GoogLeNet, "googlenet"),
        (googlenet.GoogLeNetNaive, "googlenet-naive"),
        (bn_inception.BNInception, "bn-inception"),
        (inception_v3.InceptionV3, "inception-v3"), (inception_v4.InceptionV4, "inception-v4"),
        (inception_resnet_v2.InceptionResNetV2, "inception-resnet-v2"),
        (xception.Xception, "xception"), (senet._features, "se-resnet50"),
        (preact_resnet.CifarPreActResNet, "preact-resnet164"),
        (preact_resnet.PreActResNet, "preact-resnet50"), (wide_resnet.WideResNet, "wrn-28-10"),
        (segnet.SegNet, "segnet"), (segnet.SegNetBasic, "segnet-basic"),
        (deconvnet.DeconvNet, "deconvnet"),
        (cae.CAE, "cae"), (cae.CAECoil, "cae-coil"), (adc.ADC, "adc"),
        (fcn.vgg16, "fcn8s"), (fcn.alexnet, "fcn32s-alexnet"),
    ],
)  # fmt: skip
def test_the_margins_have_the_sizes_of_the_maps(source, name):
    written = {
        stage: tuple(map(int, chw)) for stage, *chw in MARGIN.findall(inspect.getsource(source))
    }
    with torch.device("meta"):
        maps = taps(build(name).eval().features, published_input(name))
    assert written == {stage: tuple(y.shape[1:]) for stage, y in maps.items()}


def test_the_figure_of_unet_has_the_sizes_and_the_crops_of_its_maps():
    source = inspect.getsource(unet.UNet)
    written = {stage: tuple(map(int, chw)) for stage, *chw in FIGURE1.findall(source)}
    crops = dict(re.findall(r"(up\d) .*crop (\d+)", source))
    real: dict[str, tuple[int, ...]] = {}
    with torch.device("meta"):
        net = build("unet")
        for name, part in (*net.features.named_children(), *net.decoder.named_children()):
            part.register_forward_hook(lambda _m, _x, y, n=name: real.update({n: y.shape[1:]}))
        net(published_input("unet"))
    assert len(written) == 9
    assert written == {name: tuple(chw) for name, chw in real.items() if "pool" not in name}
    assert {name: int(crop) for name, crop in crops.items()} == {
        name: ascent.crop.offset for name, ascent in net.decoder.items()
    }
