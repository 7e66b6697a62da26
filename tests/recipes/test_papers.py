"""Which recipe belongs to which network; the numbers are in `test_recipe_oracles.py`."""

import pytest

from canon.errors import InputError
from canon.models import model_info, names
from canon.recipes import modern, paper
from canon.recipes.modern import has_batch_norm
from canon.training.optimizers import SGD, AdamW, RMSprop
from canon.training.schedules import Exponential

UNTRAINED = {
    "lenet5-modern": "lenet5", "prototype": "alexnet", "encoder-decoder": "unet",
    "dec-ae": "idec-ae", "adc": "lenet5", "adc-thin": "lenet5",
    "chairs": "cae", "chairs-deep": "cae", "chairs-64": "cae",
}  # fmt: skip

# fmt: off
PROTOCOLS = {
    "lenet5": "1-crop", "alexnet": "10-crop", "zfnet": "10-crop", "vgg16": "dense",
    "googlenet": "multi-crop", "resnet50": "10-crop", "resnet20": "1-crop",
    "inception-v3": "1-crop", "se-resnet50": "1-crop",
}
# fmt: on


@pytest.mark.parametrize("name", [name for name in names() if name not in UNTRAINED])
def test_every_network_but_nine_has_a_recipe_from_its_paper(name):
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


@pytest.mark.parametrize(("name", "other"), UNTRAINED.items())
def test_networks_without_a_paper_that_trains_them_are_refused(name, other):
    with pytest.raises(InputError, match=f"{name} has no paper recipe: it .*--recipe modern") as e:
        paper(name)
    assert f"Train {other}, or" in str(e.value)


def test_deviating_forms_take_the_recipe_of_their_original():
    pairs = (("alexnet-tv", "alexnet"), ("vgg16-bn", "vgg19"), ("vgg13-bn", "vgg11-lrn"),
             ("googlenet-naive", "googlenet"), ("resnet50-tv", "resnet50"), ("zfnet-b", "zfnet"),
             ("xception-elu", "xception"), ("preact-resnet50-timm", "preact-resnet200"),
             ("wide-resnet50-2", "wide-resnet68-2"), ("wrn-28-10-dropout", "wrn-40-1"),
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
