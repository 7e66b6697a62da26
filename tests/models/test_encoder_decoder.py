"""The encoder-decoder on any classifier, and the options of segmentation networks."""

import re

import pytest
import torch

from canon.analysis.layer_table import describe
from canon.errors import InputError
from canon.models import build, model_info, names
from canon.models.encoder_decoder import _sized
from tests.models.networks import every_network

SHALLOWER = [n for n in names("classify") if not re.search(r"1202|1001|110|15[24]|200|101", n)]


@pytest.mark.parametrize(
    ("backbone", "params"), [("resnet34", 24_436_369), ("resnet50-tv", 32_521_105)]
)
def test_the_encoder_decoder_has_the_parameters_of_other_libraries(backbone, params):
    table = describe(
        "encoder-decoder", 224, channels=3, classes=1, backbone=backbone, upsampling="nearest"
    )
    assert table.params == params


@pytest.mark.parametrize(
    "backbone",
    ["alexnet", "vgg16-bn", "googlenet", "inception-v3", "resnet18", "resnet20", "wrn-16-4",
     "preact-resnet50", "xception", "se-resnet50", "zfnet", "bn-inception", "inception-resnet-v2"],
)  # fmt: skip
def test_the_encoder_decoder_takes_any_classifier(backbone):
    with torch.device("meta"):
        net = build("encoder-decoder", backbone=backbone, classes=4).eval()
        for size in ((224, 224), (150, 333)):
            assert net(torch.empty(1, 3, *size)).shape == (1, 4, *size)


@pytest.mark.parametrize("backbone", every_network(among=SHALLOWER))
def test_the_maps_of_the_encoder_decoder_are_aligned_pixel_for_pixel(backbone):
    """The jump of its scores is one pixel, and its step that of the classifier's last map."""
    table = describe(
        "encoder-decoder", backbone=backbone, image=model_info(backbone).published.image
    )
    with torch.device("meta"):
        net = build("encoder-decoder", backbone=backbone)
    assert table.field.height.jump == 1
    assert net.step == describe(backbone).field.height.jump


@pytest.mark.parametrize(
    "up", ["nearest", "bilinear", "bicubic", "transposed", "bed-of-nails", "unpool"]
)
def test_the_upsampling_is_an_option_of_all_segmentation_networks(up):
    for name in ("unet-same", "segnet", "segnet-basic", "deconvnet", "encoder-decoder", "fcn8s"):
        if up == "unpool" and name in ("encoder-decoder", "fcn8s"):
            continue
        with torch.device("meta"):
            net = build(name, upsampling=up).eval()
            published = model_info(name).published
            x = torch.empty(1, published.channels, *published.size)
            assert net(x).shape == (1, published.classes, *published.size)


def test_a_map_that_is_too_small_is_padded_on_all_sides_and_a_large_one_cropped_at_the_end():
    y = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert _sized(y, (4, 5))[0, 0].tolist() == [
        [1, 1, 2, 2, 2], [1, 1, 2, 2, 2], [3, 3, 4, 4, 4], [3, 3, 4, 4, 4]
    ]  # fmt: skip
    assert _sized(y, (1, 2)).tolist() == [[[[1, 2]]]]


def test_the_decoder_interpolates_bilinearly_unless_another_way_is_given():
    """docs/segmentation.md"""
    assert build("encoder-decoder").decoder.level0.up.kind == "bilinear"


def test_the_scores_begin_as_the_decoder_does():
    net = build("encoder-decoder", classes=500)
    assert net.head.weight.std().item() == pytest.approx((2 / (16 * 9)) ** 0.5, rel=0.02)
    assert not net.head.bias.any()


def test_unpooling_without_switches_is_refused():
    with pytest.raises(InputError, match="Use unet-same"):
        build("unet", upsampling="unpool")
    with pytest.raises(InputError, match="Pass --upsampling bilinear"):
        build("encoder-decoder", upsampling="unpool")
    with torch.device("meta"), pytest.raises(InputError, match="needs the switches"):
        build("fcn32s", upsampling="unpool")(torch.empty(1, 3, 64, 64))


def test_a_network_that_is_not_a_classifier_is_refused_as_a_backbone():
    with pytest.raises(InputError, match="unet is not a classifier"):
        build("encoder-decoder", backbone="unet")


def test_an_image_that_is_too_small_for_the_backbone_is_refused():
    with pytest.raises(InputError, match=r"32 x 32 images are too small for resnet34: conv5_x"):
        build("encoder-decoder", image=32)
