"""The way up over any classifier, and what the names of dense networks leave open."""

import re

import pytest
import torch

from canon.analysis.layer_table import describe
from canon.errors import InputError
from canon.models import build, model_info, names


@pytest.mark.parametrize(
    ("backbone", "params"), [("resnet34", 24_436_369), ("resnet50-tv", 32_521_105)]
)
def test_an_encoder_decoder_has_the_parameters_of_the_libraries_u_net(backbone, params):
    table = describe("encoder-decoder", 224, channels=3, classes=1, backbone=backbone, up="nearest")
    assert table.params == params


@pytest.mark.parametrize(
    "backbone",
    ["alexnet", "vgg16-bn", "googlenet", "inception-v3", "resnet18", "resnet20", "wrn-16-4",
     "preact-resnet50", "xception", "se-resnet50", "zfnet", "bn-inception", "inception-resnet-v2"],
)  # fmt: skip
def test_an_encoder_decoder_stands_on_any_backbone(backbone):
    with torch.device("meta"):
        net = build("encoder-decoder", backbone=backbone, classes=4).eval()
        for size in ((224, 224), (150, 333)):
            assert net(torch.empty(1, 3, *size)).shape == (1, 4, *size)


@pytest.mark.parametrize(
    "backbone", [n for n in names("classify") if not re.search(r"1202|1001|110|15[24]|200|101", n)]
)
def test_an_encoder_decoder_s_maps_lie_on_each_other_pixel_for_pixel(backbone):
    """The jump of its scores is one pixel, and its step that of the classifier's last map."""
    table = describe(
        "encoder-decoder", backbone=backbone, image=model_info(backbone).published.image
    )
    with torch.device("meta"):
        net = build("encoder-decoder", backbone=backbone)
    assert table.field.height.jump == 1
    assert net.step == describe(backbone).field.height.jump


@pytest.mark.parametrize("up", ["nearest", "bilinear", "bicubic", "transposed", "nails", "unpool"])
def test_one_word_chooses_the_upsampling_everywhere(up):
    for name in ("unet-same", "segnet", "segnet-basic", "deconvnet", "encoder-decoder", "fcn8s"):
        if up == "unpool" and name in ("encoder-decoder", "fcn8s"):
            continue
        with torch.device("meta"):
            net = build(name, up=up).eval()
            published = model_info(name).published
            x = torch.empty(1, published.channels, *published.size)
            assert net(x).shape == (1, published.classes, *published.size)


def test_unpooling_without_switches_is_refused():
    with pytest.raises(InputError, match="Use unet-same"):
        build("unet", up="unpool")
    with pytest.raises(InputError, match="Pass --up bilinear"):
        build("encoder-decoder", up="unpool")
    with torch.device("meta"), pytest.raises(InputError, match="needs the switches"):
        build("fcn32s", up="unpool")(torch.empty(1, 3, 64, 64))


def test_what_a_name_leaves_open_is_told():
    with pytest.raises(InputError, match="resnet20 leaves no width open; expected nothing but"):
        build("resnet20", width=3)
    with pytest.raises(InputError, match=r"segnet leaves no depth open; expected --up\."):
        build("segnet", depth=3)
    with pytest.raises(InputError, match="wrn-28-10 leaves no width open"):
        build("wrn-28-10", width=3)
    with pytest.raises(InputError, match="unet is no classifier"):
        build("encoder-decoder", backbone="unet")
