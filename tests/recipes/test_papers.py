"""The numbers of the papers, and which recipe belongs to which network."""

import pytest

from canon.errors import InputError
from canon.models import model_info, names
from canon.recipes import modern, paper
from canon.recipes.modern import has_batch_norm
from canon.training.optimizers import SGD, AdamW, RMSprop
from canon.training.schedules import Exponential

UNTRAINED = ("lenet5-modern", "prototype", "encoder-decoder")

FIELDS = {"optimizer", "lr", "batch", "epochs", "decay", "momentum"}

# fmt: off
PRINTED = {  # by the paper, in the section that the source of the recipe names
    "lenet5": {"lr": 5e-4, "batch": 1, "epochs": 20},
    "alexnet": {"optimizer": "sgd", "lr": 0.01, "batch": 128, "epochs": 90, "decay": 5e-4,
                "momentum": 0.9},
    "zfnet": {"optimizer": "sgd", "lr": 0.01, "batch": 128, "epochs": 70, "momentum": 0.9},
    "vgg11": {"optimizer": "sgd", "lr": 0.01, "batch": 256, "epochs": 74, "decay": 5e-4,
              "momentum": 0.9},
    "vgg16": {"optimizer": "sgd", "lr": 0.01, "batch": 256, "epochs": 74, "decay": 5e-4,
              "momentum": 0.9},
    "googlenet": {"optimizer": "sgd", "momentum": 0.9, "rate": 0.96, "every": 8},
    "bn-inception": {"optimizer": "sgd", "lr": 0.045, "batch": 32},
    "inception-v3": {"optimizer": "rmsprop", "lr": 0.045, "batch": 32, "epochs": 100,
                     "alpha": 0.9, "eps": 1.0, "rate": 0.94, "every": 2, "smoothing": 0.1,
                     "clip": 2.0},
    "inception-v4": {"optimizer": "rmsprop", "lr": 0.045, "alpha": 0.9, "eps": 1.0,
                     "rate": 0.94, "every": 2},
    "inception-resnet-v2": {"optimizer": "rmsprop", "lr": 0.045, "alpha": 0.9, "eps": 1.0,
                            "rate": 0.94, "every": 2},
    "xception": {"optimizer": "sgd", "lr": 0.045, "decay": 1e-5, "momentum": 0.9,
                 "rate": 0.94, "every": 2},
    "resnet50": {"optimizer": "sgd", "lr": 0.1, "batch": 256, "decay": 1e-4, "momentum": 0.9},
    "plain34": {"optimizer": "sgd", "lr": 0.1, "batch": 256, "decay": 1e-4, "momentum": 0.9},
    "resnet56": {"optimizer": "sgd", "lr": 0.1, "batch": 128, "decay": 1e-4, "momentum": 0.9},
    "preact-resnet164": {"optimizer": "sgd", "lr": 0.1, "batch": 128, "decay": 1e-4,
                         "momentum": 0.9},
    "preact-resnet1001": {"optimizer": "sgd", "lr": 0.1, "batch": 64, "decay": 1e-4,
                          "momentum": 0.9},
    "preact-resnet200": {"optimizer": "sgd", "lr": 0.1, "batch": 256, "decay": 1e-4,
                         "momentum": 0.9},
    "wrn-28-10": {"optimizer": "sgd", "lr": 0.1, "batch": 128, "epochs": 200, "decay": 5e-4,
                  "momentum": 0.9, "nesterov": True},
    "wrn-16-4-dropout": {"optimizer": "sgd", "lr": 0.1, "batch": 128, "epochs": 200,
                         "decay": 5e-4, "momentum": 0.9, "nesterov": True},
    "wide-resnet50-2": {},
    "se-resnet50": {"optimizer": "sgd", "lr": 0.6, "batch": 1024, "epochs": 100, "momentum": 0.9},
    "se-bn-inception": {"optimizer": "sgd", "lr": 0.6, "batch": 1024, "epochs": 100,
                        "momentum": 0.9},
    "senet154": {"optimizer": "sgd", "lr": 1.0, "batch": 2048, "epochs": 100, "momentum": 0.9},
    "fcn32s": {"optimizer": "sgd", "lr": 1e-4, "batch": 20, "decay": 5e-4, "momentum": 0.9},
    "fcn16s-fixed": {"optimizer": "sgd", "lr": 1e-4 / 100, "batch": 20, "decay": 5e-4,
                     "momentum": 0.9},
    "fcn8s": {"optimizer": "sgd", "lr": 1e-4 / 100, "batch": 20, "decay": 5e-4, "momentum": 0.9},
    "fcn8s-at-once": {"optimizer": "sgd", "lr": 1e-4, "batch": 20, "decay": 5e-4,
                      "momentum": 0.9},
    "fcn32s-alexnet": {"optimizer": "sgd", "lr": 1e-3, "batch": 20, "decay": 5e-4,
                       "momentum": 0.9},
    "fcn32s-googlenet": {"optimizer": "sgd", "lr": 5e-5, "batch": 20, "decay": 5e-4,
                         "momentum": 0.9},
    "segnet-basic": {"optimizer": "sgd", "lr": 0.1, "batch": 12, "momentum": 0.9},
    "deconvnet": {"optimizer": "sgd", "lr": 0.01, "batch": 64, "decay": 5e-4, "momentum": 0.9},
    "unet": {"optimizer": "sgd", "batch": 1, "momentum": 0.99},
    "unet-same": {"optimizer": "sgd", "batch": 1, "momentum": 0.99},
}
OURS = {  # in no paper, or derived from what one prints; the comments beside the recipes say how
    "lenet5": {"optimizer": "diagonal-lm", "decay": 0.0, "mu": 0.5},
    "zfnet": {"decay": 5e-4},
    "googlenet": {"lr": 0.01, "batch": 32, "epochs": 60, "decay": 2e-4},
    "bn-inception": {"epochs": 150, "decay": 4e-5, "momentum": 0.9},
    "inception-v3": {"decay": 4e-5, "momentum": 0.9},
    "inception-v4": {"batch": 32, "epochs": 100, "decay": 4e-5, "momentum": 0.9},
    "inception-resnet-v2": {"batch": 32, "epochs": 100, "decay": 4e-5, "momentum": 0.9},
    "xception": {"batch": 32, "epochs": 100},
    "resnet50": {"epochs": 120}, "plain34": {"epochs": 120},
    "resnet56": {"epochs": 182}, "preact-resnet164": {"epochs": 182},
    "preact-resnet1001": {"epochs": 182}, "preact-resnet200": {"epochs": 90},
    "wide-resnet50-2": {"optimizer": "sgd", "nesterov": True, "lr": 0.1, "batch": 256, "epochs": 90,
                        "decay": 1e-4, "momentum": 0.9},
    "se-resnet50": {"decay": 1e-4}, "se-bn-inception": {"decay": 1e-4}, "senet154": {"decay": 1e-4},
    "fcn32s": {"epochs": 12}, "fcn16s-fixed": {"epochs": 12}, "fcn8s": {"epochs": 12},
    "fcn8s-at-once": {"epochs": 12}, "fcn32s-alexnet": {"epochs": 12},
    "fcn32s-googlenet": {"epochs": 12},
    "segnet-basic": {"epochs": 100, "decay": 0.0}, "deconvnet": {"epochs": 100},
    "unet": {"lr": 1e-3, "epochs": 200, "decay": 0.0},
    "unet-same": {"lr": 1e-3, "epochs": 200, "decay": 0.0},
}
PROTOCOLS = {
    "lenet5": "1-crop", "alexnet": "10-crop", "zfnet": "10-crop", "vgg16": "dense",
    "googlenet": "multi-crop", "resnet50": "10-crop", "resnet20": "1-crop",
    "inception-v3": "1-crop", "se-resnet50": "1-crop",
}
# fmt: on


def numbers(recipe):
    """The numbers of a recipe and its parts by name; the optimizer by its kind."""
    parts = vars(recipe.optimizer) | vars(recipe.schedule) | vars(recipe.images)
    return vars(recipe) | parts | {"optimizer": recipe.optimizer.kind}


@pytest.mark.parametrize("name", PRINTED)
def test_numbers_that_a_paper_prints_are_in_its_recipe(name):
    recipe, printed = numbers(paper(name)), PRINTED[name]
    assert {field: recipe[field] for field in printed} == printed


@pytest.mark.parametrize("name", PRINTED)
def test_numbers_that_no_paper_prints_have_not_changed(name):
    """A lock: there is nothing to compare them with."""
    recipe, ours = numbers(paper(name)), OURS.get(name, {})
    assert {field: recipe[field] for field in ours} == ours
    assert {*PRINTED[name], *ours} >= FIELDS & recipe.keys()


@pytest.mark.parametrize("name", [name for name in names() if name not in UNTRAINED])
def test_every_network_but_three_has_a_recipe_from_its_paper(name):
    # The network of Trimps-Soushen has no paper: it is trained as the wide residual networks are.
    origin = model_info("wide-resnet50-2" if name == "wide-resnet68-2" else name).paper
    source = paper(name).source
    assert source.startswith(origin.authors.split(",")[0])
    assert str(origin.year) in source


@pytest.mark.parametrize("name", names("classify"))
def test_modern_recipes_of_classifiers_are_those_that_the_documentation_lists(name):
    """docs/training.md: the table of `--recipe modern`."""
    recipe, published = modern(name), model_info(name).published
    grey, small = published.channels == 1, published.image == 32
    nesterov = not grey and has_batch_norm(name)
    assert (recipe.schedule.kind, recipe.average) == ("cosine", 0.998)
    assert recipe.optimizer == (SGD(0.9, nesterov=True) if nesterov else AdamW())
    assert recipe.clip == (0.0 if nesterov or grey else 1.0)
    assert recipe.images.augmentation.pad == (2 if grey else 4 if small else 0)
    assert recipe.images.augmentation.flip != grey


@pytest.mark.parametrize("name", names("segment"))
def test_modern_recipes_of_segmentation_networks_deform_and_average(name):
    """docs/segmentation.md: AdamW with a cosine schedule, averaged weights and deformations."""
    recipe = modern(name)
    assert (recipe.optimizer, recipe.schedule.kind, recipe.average) == (AdamW(), "cosine", 0.99)
    assert recipe.images.deformation.scale != (1.0, 1.0)
    cells = model_info(name).published.channels == 1
    assert recipe.images.deformation.upright != cells  # cells have no up


@pytest.mark.parametrize("name", UNTRAINED)
def test_networks_without_a_paper_that_trains_them_are_refused(name):
    with pytest.raises(InputError, match=f"{name} has no paper recipe: it .*--recipe modern"):
        paper(name)


def test_deviating_forms_take_the_recipe_of_their_original():
    pairs = (("alexnet-tv", "alexnet"), ("vgg16-bn", "vgg19"), ("vgg13-bn", "vgg11-lrn"),
             ("googlenet-naive", "googlenet"), ("resnet50-tv", "resnet50"), ("zfnet-b", "zfnet"),
             ("xception-elu", "xception"), ("preact-resnet50-timm", "preact-resnet200"),
             ("wide-resnet50-2-tv", "wide-resnet68-2"), ("wrn-28-10-dropout", "wrn-40-1"),
             ("se-resnet50-r8", "se-vgg16-bn"),
             ("preact-resnet110", "preact-resnet164"))  # fmt: skip
    assert all(paper(a) is paper(b) for a, b in pairs)


def test_protocols_are_those_of_the_papers():
    assert {name: paper(name).images.protocol for name in PROTOCOLS} == PROTOCOLS


def test_scales_are_those_of_the_papers_for_224_pixels():
    sides = {name: [round(224 * s) for s in paper(name).images.scales] for name in names("classify")
             if name not in UNTRAINED}  # fmt: skip
    assert sides["vgg11"] == [224, 256, 288]
    assert sides["vgg16"] == sides["vgg19-bn"] == [256, 384, 512]
    assert sides["resnet152"] == [224, 256, 384, 480, 640]
    low, high = paper("resnet50").images.augmentation.scale
    assert (224 * low, 224 * high) == pytest.approx((256, 480))
    low, high = paper("vgg19").images.augmentation.scale
    assert (224 * low, 224 * high) == pytest.approx((256, 512))
    assert paper("vgg13").images.augmentation.scale is None


def test_inception_recipes_have_patches_smoothing_clipping_and_averages():
    assert paper("googlenet").images.augmentation.area == (0.08, 1.0)
    v3 = paper("inception-v3")
    assert v3.optimizer == RMSprop(alpha=0.9, eps=1.0, momentum=0.9)
    assert (v3.images.smoothing, v3.clip, v3.average) == (0.1, 2.0, 0.9999)
    assert v3.schedule == Exponential(0.94, every=2)
    assert paper("wrn-28-10").images.augmentation.fill == "reflect"
    assert paper("zfnet").filters == 0.1


def test_modern_recipes_are_chosen_by_batch_normalisation():
    assert [has_batch_norm(n) for n in ("vgg16", "vgg16-bn", "googlenet", "resnet50")] == [
        False, True, False, True
    ]  # fmt: skip
    assert modern("vgg16").optimizer == modern("prototype").optimizer == AdamW()
    assert modern("se-resnet50").optimizer == modern("wrn-16-4").optimizer == SGD(nesterov=True)
    assert modern("wrn-16-4").images == modern("prototype").images
    assert modern("prototype").images.augmentation.pad == 4
    assert model_info("prototype").published.image == 32


def test_unet_deforms_balances_and_separates_and_segnet_balances():
    unet = paper("unet").images
    assert (unet.deformation.elastic, unet.deformation.grid, unet.border_weight) == (10, 3, 10)
    assert unet.class_weights == paper("segnet").images.class_weights == "median"
    assert not paper("fcn8s").images.deformation.random
