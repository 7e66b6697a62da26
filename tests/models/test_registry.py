"""Names, options and sizes: what is built, and what is refused."""

import inspect
import re

import pytest
import torch

from canon.errors import InputError
from canon.models import build, model_info, names
from canon.registry import register, smallest_image
from tests.models.networks import THOUSANDS, every_network


@pytest.mark.parametrize(
    "name",
    ["alexnet", "vgg16", "resnet18", "resnet20", "lenet5", "lenet5-modern", "googlenet-tv"],
)
def test_the_smallest_legal_image_passes_and_one_pixel_less_is_refused(name):
    smallest = smallest_image(name)
    with torch.device("meta"):
        build(name, image=smallest)
    with pytest.raises(InputError, match=rf"and takes {smallest} or more\..*--image"):
        build(name, image=smallest - 1)


CLASSES = {model_info(name).build: name for name in reversed(names("classify"))}  # the cheapest


@pytest.mark.parametrize("name", ["googlenet", *every_network(among=CLASSES.values())])
def test_the_documented_smallest_image_is_the_real_one(name):
    documentation = inspect.getdoc(model_info(name).build)
    if name == "googlenet-tv":
        documented = re.search(r"from (\d+) with torchvision's parts", documentation)
    else:
        documented = re.search(r"any square from (\d+) pixels", documentation)
    assert int(documented[1]) == smallest_image(name)


SMALL = [name for name in names("classify") if model_info(name).published.image <= 32]
SHALLOW = {model_info(name).build: name for name in reversed(SMALL)}


@pytest.mark.parametrize("name", every_network(among=sorted(set(SMALL) - THOUSANDS)))
def test_depth_does_not_change_the_smallest_side_of_networks_for_small_images(name):
    """`build` relies on it where it names the networks that fit."""
    assert smallest_image(name) == smallest_image(SHALLOW[model_info(name).build])


def test_an_imagenet_stem_on_small_images_names_the_networks_that_fit():
    with pytest.raises(InputError, match=r"conv5_x.*use resnet20, resnet32.*--image 224"):
        build("resnet34", image=32)


@pytest.mark.parametrize("option", ["classes", "channels", "image"])
def test_sizes_below_one_are_refused(option):
    with pytest.raises(InputError, match=rf"--{option} is 0; expected 1 or more"):
        build("resnet20", **{option: 0})


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match=r"no model is named 'resnet5o'\. Did you mean 'resnet50'"):
        build("resnet5o")


def test_an_ensemble_is_not_built_as_a_network():
    with pytest.raises(InputError, match=r"is an ensemble of inception-v3, .*`canon ensemble`"):
        build("trimps-soushen")


def test_a_name_cannot_be_registered_twice():
    model = model_info("vgg16")
    with pytest.raises(InputError, match="'vgg16' is registered already"):
        register("vgg16", paper=model.paper, published=model.published)(model.build)


def test_an_option_that_a_network_does_not_have_is_answered_with_a_network_that_has_it():
    rest = "Remove it, or choose a network that has one, such as"
    for name, option, other in (
        ("resnet20", "width", "unet-same"), ("wrn-28-10", "width", "unet-same"),
        ("segnet", "depth", "unet-same"), ("vgg16", "backbone", "encoder-decoder"),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            build(name, **{option: 3})
        assert str(caught.value) == f"{name} has no --{option} option. {rest} {other}."


@pytest.mark.parametrize(
    ("name", "side"), [("alexnet", 224), ("vgg11", 64), ("lenet5", 28), ("lenet5-modern", 40)]
)
def test_fully_connected_heads_follow_the_image(name, side):
    with torch.device("meta"):
        channels = model_info(name).published.channels
        assert build(name, image=side)(torch.empty(1, channels, side, side)).shape[0] == 1
