"""What training batches look like, by kind of images and by flag."""

import numpy as np
import pytest
import torch

import canon
from canon.data import Preprocessing
from canon.data.augment.image_batches import ImageBatches
from canon.data.packs.images import ImagePack
from canon.errors import InputError
from canon.models import model_info, names
from canon.recipes import modern, paper
from canon.recipes.images import AugmentFlags
from canon.training.events import Step
from canon.workflows.train import Note, train_events
from tests.helpers.image_files import photos
from tests.helpers.synthetic import shape_folder
from tests.models.networks import every_network

RANDOM = np.random.default_rng(0)
CPU = {"device": "cpu", "epochs": 1}


def batches(augmentation, stored=64, side=56):
    """A batch of noise of 16 images, augmented and plain."""
    pixels = torch.from_numpy(RANDOM.integers(0, 255, (16, stored, stored, 3), np.uint8))
    pack = ImagePack(pixels, torch.zeros(16, dtype=torch.long))
    data = ImageBatches(pack, Preprocessing(side, 3, crop=side / stored), augmentation)
    return data.training(torch.arange(16), 0)[0], data.evaluation(torch.arange(16))[0]


PHOTOS = [n for n in names("classify") if model_info(n).published.image > 32]


@pytest.mark.parametrize("name", every_network({"alexnet", "resnet18"}, PHOTOS))
def test_a_photo_is_changed_by_more_than_a_mirror(name):
    """Of the networks for photos, whose modern recipe enlarges parts of them."""
    images = modern(name).images.augmented(AugmentFlags(), color=True)
    augmented, plain = batches(images.augmentation)
    kept = (augmented == plain).flatten(1).all(1) | (augmented == plain.flip(3)).flatten(1).all(1)
    assert int(kept.sum()) == 0


def levels(recipe, level, color=True, **flags):
    return recipe.images.augmented(AugmentFlags(level, **flags), color=color)


def test_levels_of_classifiers_do_what_their_names_say():
    recipe = modern("resnet18")
    still, plain = batches(levels(recipe, "none").augmentation)
    assert torch.equal(still, plain)
    light, plain = batches(levels(recipe, "light").augmentation, side=64)
    mirrored = (light == plain.flip(3)).flatten(1).all(1)
    assert 0 < int(mirrored.sum()) < 16
    assert bool(((light == plain).flatten(1).all(1) | mirrored).all())
    turned = levels(recipe, "any-way-up").augmentation
    assert (turned.flip, turned.upright) == (True, False)
    assert not levels(recipe, "auto", color=False).augmentation.flip
    assert levels(recipe, "photo", color=False).augmentation.flip  # asked for


def test_any_way_up_draws_all_eight_orientations():
    augmentation = levels(modern("resnet18"), "any-way-up", zoom=1.0).augmentation
    pixels = torch.from_numpy(RANDOM.integers(0, 255, (1, 8, 8, 3), np.uint8)).repeat(200, 1, 1, 1)
    pack = ImagePack(pixels, torch.zeros(200, dtype=torch.long))
    data = ImageBatches(pack, Preprocessing(8, 3), augmentation)
    found, plain = data.training(torch.arange(200), 0)[0], data.evaluation(torch.arange(1))[0][0]
    turns = [torch.rot90(one, k, (1, 2)) for one in (plain, plain.flip(2)) for k in range(4)]
    seen = {k for k, turn in enumerate(turns)
            for one in found if torch.allclose(one, turn, atol=1e-3)}  # fmt: skip
    assert seen == set(range(8))


@pytest.mark.parametrize("name", ["inception-v3", "lenet5", "alexnet"])
def test_rotation_and_zoom_change_images_whatever_the_recipe_does_else(name):
    for flags in ({"rotate": 30.0}, {"zoom": 1.5}):
        changed, plain = batches(levels(paper(name), "none", **flags).augmentation)
        assert not bool((changed == plain).flatten(1).all(1).any())
        own = levels(paper(name), "auto", **flags).augmentation
        assert (own.crop, own.area) == (True, None)


def test_rotation_and_zoom_are_switched_off_without_other_changes():
    still = levels(modern("resnet18"), "none", rotate=0.0, zoom=1.0).augmentation
    assert (still.crop, still.scale, still.random) == (False, None, False)
    inception = levels(paper("googlenet"), "auto", rotate=0.0).augmentation
    assert inception.area == (0.08, 1.0)
    assert levels(modern("resnet18"), "photo", zoom=1.0).augmentation.scale is None


def test_zoom_magnifies_the_image_and_not_its_padding():
    """A square of 16 pixels on black, in images padded by 4, is never smaller."""
    pixels = torch.zeros(64, 32, 32, 1, dtype=torch.uint8)
    pixels[:, 8:24, 8:24] = 255
    pack = ImagePack(pixels, torch.zeros(64, dtype=torch.long))
    chosen = levels(modern("resnet20"), "light", color=False, zoom=1.2).augmentation
    assert chosen.pad == 4
    batch, _ = ImageBatches(pack, Preprocessing(32, 1), chosen).training(torch.arange(64), 0)
    areas = batch.sum((1, 2, 3))
    assert float(areas.min()) >= 16**2 - 1
    assert 1.3 * 16**2 < float(areas.max()) < 1.5 * 16**2


def test_a_process_without_samples_in_a_batch_has_an_empty_one():
    for level in ("none", "light", "photo", "any-way-up"):
        chosen = levels(modern("resnet18"), level).augmentation
        pixels = torch.zeros(4, 64, 64, 3, dtype=torch.uint8)
        pack = ImagePack(pixels, torch.zeros(4, dtype=torch.long))
        data = ImageBatches(pack, Preprocessing(56, 3, crop=56 / 64), chosen)
        assert data.training(torch.arange(0), 0)[0].shape == (0, 3, 56, 56)


def test_single_flags_change_a_level():
    one = levels(modern("resnet18"), "none", rotate=30.0, zoom=2.0, flip="on").augmentation
    assert (one.rotate, one.scale, one.flip, one.color) == (30.0, (1.0, 2.0), True, 0.0)
    mask = levels(modern("fcn32s"), "none", rotate=30.0, zoom=2.0).deformation
    assert (mask.rotate, mask.scale, mask.flip, mask.elastic) == (30.0, (0.5, 2.0), False, 0.0)


@pytest.mark.parametrize("name", names("segment"))
def test_colour_images_stay_upright_in_segmentation(name):
    colour = levels(modern(name), "auto").deformation
    assert (colour.upright, colour.elastic) == (True, 0.0)
    assert colour.rotate <= 10
    assert not levels(modern(name), "any-way-up").deformation.upright


def test_grey_images_of_microscopy_networks_are_turned_and_those_of_others_are_not():
    assert not levels(modern("unet-same"), "auto", color=False).deformation.upright
    assert levels(modern("segnet"), "auto", color=False).deformation.upright


@pytest.mark.parametrize("name", ["alexnet", "resnet20", "unet", "lenet5"])
def test_auto_leaves_the_recipe_of_a_paper_as_it_is_but_for_flips(name):
    color = name in ("alexnet", "resnet20")
    assert levels(paper(name), "auto", color=color) == paper(name).images


def notes(config):
    """What training says before its first step, and the recipe that run.json records."""
    found = []
    events = train_events(config)
    for event in events:
        if isinstance(event, Note):
            found.append(event.text)
        if isinstance(event, Step):
            break
    events.close()
    return "\n".join(found)


def test_the_augmentation_is_named_before_the_first_epoch(tmp_path):
    data = str(photos(tmp_path / "p", {".": {"a": 6, "b": 6}}))
    text = notes(canon.TrainConfig("resnet18", data, image=33, out=tmp_path / "1", **CPU))
    assert (
        "augmentation: crops at 1 to 1.6 times the input's side, horizontal flips, shifts" in text
    )
    still = {"image": 33, "augment": "none", "out": tmp_path / "2", **CPU}
    assert "augmentation: none" in notes(canon.TrainConfig("resnet18", data, **still))
    shapes = str(shape_folder(tmp_path / "s", count=8, side=32))
    text = notes(
        canon.TrainConfig("unet-same", shapes, width=2, depth=1, out=tmp_path / "3", **CPU)
    )
    assert "augmentation: crops, " in text
    assert "(--augment changes it)" in text


def test_a_zoom_below_one_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"--zoom is 0\.5; expected the largest magnification"):
        canon.train("lenet5-modern", zoom=0.5, out=tmp_path / "r", **CPU)
