"""The papers' numbers, and which recipe belongs to which network."""

import pytest

from canon.errors import InputError
from canon.models import model_info, names
from canon.recipes import modern, paper
from canon.recipes.modern import normalises

UNTRAINED = ("lenet5-modern", "prototype", "encoder-decoder")

# fmt: off
NUMBERS = {  # optimiser, rate, batch, epochs, weight decay, momentum
    "lenet5": ("levenberg", 5e-4, 1, 20, 0.0, 0.9),
    "alexnet": ("sgd", 0.01, 128, 90, 5e-4, 0.9),
    "zfnet": ("sgd", 0.01, 128, 70, 5e-4, 0.9),
    "vgg11": ("sgd", 0.01, 256, 74, 5e-4, 0.9),
    "vgg16": ("sgd", 0.01, 256, 74, 5e-4, 0.9),
    "googlenet": ("sgd", 0.01, 32, 60, 2e-4, 0.9),
    "bn-inception": ("sgd", 0.045, 32, 150, 4e-5, 0.9),
    "inception-v3": ("rmsprop", 0.045, 32, 100, 4e-5, 0.9),
    "inception-v4": ("rmsprop", 0.045, 32, 100, 4e-5, 0.9),
    "inception-resnet-v2": ("rmsprop", 0.045, 32, 100, 4e-5, 0.9),
    "xception": ("sgd", 0.045, 32, 100, 1e-5, 0.9),
    "resnet50": ("sgd", 0.1, 256, 120, 1e-4, 0.9),
    "plain34": ("sgd", 0.1, 256, 120, 1e-4, 0.9),
    "resnet56": ("sgd", 0.1, 128, 182, 1e-4, 0.9),
    "preact-resnet164": ("sgd", 0.1, 128, 182, 1e-4, 0.9),
    "preact-resnet1001": ("sgd", 0.1, 64, 182, 1e-4, 0.9),
    "preact-resnet200": ("sgd", 0.1, 256, 90, 1e-4, 0.9),
    "wrn-28-10": ("nesterov", 0.1, 128, 200, 5e-4, 0.9),
    "wrn-16-4-dropout": ("nesterov", 0.1, 128, 200, 5e-4, 0.9),
    "wide-resnet50-2": ("nesterov", 0.1, 256, 90, 1e-4, 0.9),
    "se-resnet50": ("sgd", 0.6, 1024, 100, 1e-4, 0.9),
    "se-bn-inception": ("sgd", 0.6, 1024, 100, 1e-4, 0.9),
    "senet154": ("sgd", 1.0, 2048, 100, 1e-4, 0.9),
    "fcn32s": ("sgd", 1e-4, 20, 12, 5e-4, 0.9),
    "fcn16s-fixed": ("sgd", 1e-6, 20, 12, 5e-4, 0.9),
    "fcn8s": ("sgd", 1e-6, 20, 12, 5e-4, 0.9),
    "fcn8s-at-once": ("sgd", 1e-4, 20, 12, 5e-4, 0.9),
    "fcn32s-alexnet": ("sgd", 1e-3, 20, 12, 5e-4, 0.9),
    "fcn32s-googlenet": ("sgd", 5e-5, 20, 12, 5e-4, 0.9),
    "segnet-basic": ("sgd", 0.1, 12, 100, 0.0, 0.9),
    "deconvnet": ("sgd", 0.01, 64, 100, 5e-4, 0.9),
    "unet-same": ("sgd", 1e-3, 1, 200, 0.0, 0.99),
}
PROTOCOLS = {
    "lenet5": "1-crop", "alexnet": "10-crop", "zfnet": "10-crop", "vgg16": "dense",
    "googlenet": "multi-crop", "resnet50": "10-crop", "resnet20": "1-crop",
    "inception-v3": "1-crop", "se-resnet50": "1-crop",
}
# fmt: on


@pytest.mark.parametrize("name", NUMBERS)
def test_the_numbers_are_the_paper_s(name):
    r = paper(name)
    assert (r.optimiser, r.lr, r.batch, r.epochs, r.decay, r.momentum) == NUMBERS[name]


@pytest.mark.parametrize("name", names())
def test_every_network_has_a_modern_recipe_and_all_but_three_a_paper_s(name):
    assert modern(name).name == "modern"
    if name not in UNTRAINED:
        assert paper(name).name == "paper"


@pytest.mark.parametrize("name", UNTRAINED)
def test_networks_without_a_paper_that_trains_them_are_refused(name):
    with pytest.raises(InputError, match=f"{name} has no paper's recipe, it is .*--recipe modern"):
        paper(name)


def test_deviating_forms_take_the_recipe_of_their_original():
    pairs = (("alexnet-tv", "alexnet"), ("vgg16-bn", "vgg19"), ("vgg13-bn", "vgg11-lrn"),
             ("googlenet-naive", "googlenet"), ("resnet50-tv", "resnet50"), ("zfnet-b", "zfnet"),
             ("xception-elu", "xception"), ("preact-resnet50-timm", "preact-resnet200"),
             ("wide-resnet50-2-tv", "wide-resnet68-2"), ("wrn-28-10-dropout", "wrn-40-1"),
             ("se-resnet50-r8", "se-vgg16-bn"),
             ("preact-resnet110", "preact-resnet164"))  # fmt: skip
    assert all(paper(a) is paper(b) for a, b in pairs)


def test_the_papers_protocols():
    assert {name: paper(name).protocol for name in PROTOCOLS} == PROTOCOLS


def test_scales_are_those_of_the_papers_for_224_pixels():
    sides = {name: [round(224 * s) for s in paper(name).scales] for name in names("classify")
             if name not in UNTRAINED}  # fmt: skip
    assert sides["vgg11"] == [224, 256, 288]
    assert sides["vgg16"] == sides["vgg19-bn"] == [256, 384, 512]
    assert sides["resnet152"] == [224, 256, 384, 480, 640]
    low, high = paper("resnet50").augmentation.scale
    assert (224 * low, 224 * high) == pytest.approx((256, 480))
    low, high = paper("vgg19").augmentation.scale
    assert (224 * low, 224 * high) == pytest.approx((256, 512))
    assert paper("vgg13").augmentation.scale is None


def test_inception_s_patches_smoothing_clipping_and_averages():
    assert paper("googlenet").augmentation.area == (0.08, 1.0)
    v3 = paper("inception-v3")
    assert (v3.alpha, v3.eps, v3.smoothing, v3.clip, v3.average) == (0.9, 1.0, 0.1, 2.0, 0.9999)
    assert (v3.factor, v3.every) == (0.94, 2)
    assert paper("wrn-28-10").augmentation.fill == "reflect"
    assert paper("zfnet").filters == 0.1


def test_modern_recipes_are_chosen_by_batch_normalisation():
    assert [normalises(n) for n in ("vgg16", "vgg16-bn", "googlenet", "resnet50")] == [
        False, True, False, True
    ]  # fmt: skip
    assert modern("vgg16").optimiser == modern("prototype").optimiser == "adamw"
    assert modern("se-resnet50").optimiser == modern("wrn-16-4").optimiser == "nesterov"
    assert modern("wrn-16-4").augmentation.pad == modern("prototype").augmentation.pad == 4
    assert model_info("prototype").published.image == 32


def test_u_net_bends_balances_and_separates_and_segnet_balances():
    r = paper("unet")
    assert (r.warping.elastic, r.warping.grid, r.separation, r.weighting) == (10, 3, 10, "median")
    assert paper("segnet").weighting == "median"
    assert not paper("fcn8s").warping.random
