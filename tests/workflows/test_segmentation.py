"""Whole runs where each pixel has a class: trained, measured, gone on with, predicted."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import canon
from canon.data import open_data
from canon.data.images.region import ArrayReader
from canon.data.targets.mask_codes import MaskCodes
from canon.data.targets.masks import read_mask
from canon.errors import DataError, InputError
from canon.inference.predictor import TorchPredictor
from canon.inference.tiles import tile_rows
from canon.runs.config import TrainConfig
from canon.runs.open import open_run
from canon.tasks.segmentation.evaluate import tiled_logits
from canon.tasks.segmentation.predict import predict_masks
from canon.tasks.segmentation.tile_plan import plan_tiles
from canon.utils.devices import make_accelerator
from canon.utils.progress import Step
from canon.workflows.evaluate import evaluate_rand
from canon.workflows.train import train, train_events
from tests.helpers.synthetic import CLASSES, make_folder, shape_folder

CPU = {"device": "cpu"}
SMALL = {"width": 8, "depth": 2, "image": 64, "batch": 6}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    return shape_folder(tmp_path_factory.mktemp("shapes") / "shapes")


@pytest.fixture(scope="module")
def run(shapes, tmp_path_factory):
    """A small U-Net on shapes; enough epochs to be far above a constant prediction."""
    out = tmp_path_factory.mktemp("runs") / "shapes"
    return train(TrainConfig("unet-same", str(shapes), out=out, epochs=40, lr=5e-3, **SMALL, **CPU))


def test_a_small_u_net_learns_three_classes_with_ignored_rims(run):
    split, scores = canon.evaluate(run, **CPU)
    assert split == "test"
    assert run.classes == CLASSES
    assert scores.mean_iou > scores.constant() + 0.3
    assert scores.pixel_accuracy > 0.9
    lines = run.metrics()
    assert lines[-1]["scores"]["mean_iou"] > lines[0]["scores"]["mean_iou"]
    assert run.facts["result"]["mean_iou"] == scores.mean_iou
    assert open_run(run.path).values == run.values == MaskCodes((0, 1, 2))


def test_ignored_pixels_are_not_counted(run, shapes):
    _, scores = canon.evaluate(run, **CPU)
    part = open_data(str(shapes)).parts["test"]
    masks = [np.asarray(Image.open(file)) for file in part.masks]
    assert scores.pixels.tolist() == [int((mask != 255).sum()) for mask in masks]


def test_the_report_shows_worst_images_and_classes(run):
    page = (run.path / "report.html").read_text()
    for told in ("mean IoU on test", "best constant prediction", "Worst images", *CLASSES):
        assert told in page
    assert page.count('<img alt="') == 3 * 6


def test_masks_are_predicted_in_the_values_of_the_training_masks(run, shapes, tmp_path):
    part = open_data(str(shapes)).parts["test"]
    asked = {"overlay": True, "probabilities": True}
    made = list(predict_masks(run, part.files, tmp_path / "out", **asked, **CPU))
    _, scores = canon.evaluate(run, **CPU)
    right = 0
    for one, truth in zip(made, part.masks, strict=True):
        said = read_mask(one.mask, run.values)
        known = np.asarray(Image.open(truth))
        right += int((said == known)[known != 255].sum())
        assert sum(one.pixels) == said.size
        shares = np.load(one.mask.with_name(f"{one.mask.stem}-probabilities.npy"))
        assert shares.shape == (3, 64, 64)
        assert (shares.argmax(0) == said).mean() > 0.999  # half precision has ties
        with Image.open(one.mask.with_name(f"{one.mask.stem}-overlay.png")) as overlay:
            assert overlay.size == (64, 64)
    assert right == int(scores.confusion.trace())


def test_predicting_again_is_refused_or_leaves_finished_masks_alone(run, shapes, tmp_path):
    files = open_data(str(shapes)).parts["test"].files[:2]
    out = tmp_path / "out"
    list(predict_masks(run, files[:1], out, **CPU))
    with pytest.raises(InputError, match=r"exists already.*--resume"):
        list(predict_masks(run, files, out, **CPU))
    made = list(predict_masks(run, files, out, resume=True, **CPU))
    assert [one.there for one in made] == [True, False]


def test_a_run_goes_on_to_the_same_end(shapes, tmp_path):
    asked = {"epochs": 3, "seed": 1, "class_weights": "median", "dice": 0.5, "separation": 2.0}
    whole = train(
        TrainConfig("unet-same", str(shapes), out=tmp_path / "whole", **asked, **SMALL, **CPU)
    )
    events = train_events(
        TrainConfig("unet-same", str(shapes), out=tmp_path / "cut", **asked, **SMALL, **CPU)
    )
    for event in events:
        if isinstance(event, Step) and event.doing == "train" and event.epoch == 2:
            break
    events.close()
    cut = train(TrainConfig("unet-same", out=tmp_path / "cut", resume=True, **CPU))
    ours, theirs = whole.network().state_dict(), cut.network().state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    assert cut.facts["recipe"]["dice"] == 0.5
    assert cut.facts["numbers"]["width"] == 8


@pytest.mark.parametrize("name", ["unet-same", "segnet-basic", "encoder-decoder", "lenet5"])
def test_tiles_give_what_a_padded_network_says_of_the_whole_image(name):
    numbers = {"unet-same": {"width": 2, "depth": 3}, "segnet-basic": {},
               "encoder-decoder": {"backbone": "resnet20", "width": 4},
               "lenet5": {"backbone": "lenet5", "width": 4}}[name]  # fmt: skip
    name = "encoder-decoder" if name == "lenet5" else name
    numbers = numbers | {"classes": 3, "channels": 1, "image": 64}
    net = canon.create(name, **numbers, seed=1).eval()
    size = (400, 328) if name == "unet-same" else (395, 331)
    image = np.random.default_rng(0).integers(0, 256, (*size, 1), np.uint8)
    how = canon.data.Preprocessing(64, 1, mean=(0.5,), std=(0.25,))
    says = TorchPredictor(net, how, make_accelerator("cpu"))
    cut = plan_tiles(name, numbers, 96)
    with torch.no_grad():
        whole = net(how.normalise(torch.from_numpy(image)[None]))[0].numpy()
    tiled = np.concatenate(
        [band for _, band in tile_rows(ArrayReader(image), cut, says, batch=3)], 1
    )
    assert cut.inner == 96
    assert cut.inside
    assert tiled.shape == (3, *size)
    np.testing.assert_allclose(tiled, whole, rtol=1e-3, atol=1e-4 * np.abs(whole).max())
    alone = tiled_logits(says, image, plan_tiles(name, numbers, 512))
    np.testing.assert_allclose(alone, whole, rtol=1e-3, atol=1e-4 * np.abs(whole).max())


def test_u_net_s_tiles_give_what_it_says_of_the_whole_mirrored_image():
    numbers = {"width": 2, "classes": 3, "channels": 1, "image": 236}
    net = canon.create("unet", **numbers, seed=1).eval()
    image = np.random.default_rng(0).integers(0, 256, (400, 336, 1), np.uint8)
    how = canon.data.Preprocessing(236, 1, mean=(0.5,), std=(0.25,))
    cut = plan_tiles("unet", numbers, 96)
    assert not cut.inside
    framed = torch.from_numpy(np.pad(image, ((94, 94), (94, 94), (0, 0)), mode="reflect"))
    with torch.no_grad():
        whole = net(how.normalise(framed[None]))[0, :, 2:-2, 2:-2].numpy()
    says = TorchPredictor(net, how, make_accelerator("cpu"))
    tiled = np.concatenate([band for _, band in tile_rows(ArrayReader(image), cut, says)], 1)
    np.testing.assert_allclose(tiled, whole, rtol=1e-3, atol=1e-4 * np.abs(whole).max())


def test_an_image_smaller_than_deconvnet_s_least_is_continued_to_it():
    tiling = plan_tiles("deconvnet", {"classes": 2, "channels": 1, "image": 193})
    assert (tiling.step, tiling.multiple, tiling.least) == (32, 1, 193)
    assert tiling.fitted(64, 64).window(0, 64) == (0, 193)


def test_u_net_s_tiles_are_those_of_the_network_itself():
    """The middle of one tile is the network's own output for the mirrored window."""
    numbers = {"width": 2, "classes": 2, "channels": 1, "image": 572}
    tiling = plan_tiles("unet", numbers, 384)
    assert (tiling.inner, tiling.margin, tiling.side) == (384, 94, 572)
    net = canon.create("unet", **numbers).eval()
    image = np.random.default_rng(0).integers(0, 256, (384, 384, 1), np.uint8)
    how = canon.data.Preprocessing(572, 1)
    scores = tiled_logits(TorchPredictor(net, how, make_accelerator("cpu")), image, tiling)
    framed = torch.from_numpy(np.pad(image[..., 0], 94, mode="reflect") / 255.0).float()
    with torch.no_grad():
        own = net(framed[None, None])[0, :, 2:-2, 2:-2]
    np.testing.assert_allclose(scores, own, rtol=1e-4, atol=1e-5)


def test_the_margin_of_padded_networks_is_what_an_output_can_see():
    numbers = {"classes": 2, "channels": 1, "image": 64}
    assert plan_tiles("unet-same", numbers).margin == 112  # 107 pixels, in steps of 16
    one = numbers | {"channels": 3}
    assert plan_tiles("fcn8s", one).margin == 256  # 245 pixels, in steps of 32
    assert plan_tiles("encoder-decoder", one | {"backbone": "se-resnet50"}).margin == 256  # all


def test_data_of_the_other_kind_is_refused(shapes, tmp_path):
    pictures = make_folder(tmp_path / "pictures")
    with pytest.raises(DataError, match=r"each image a class, unet needs one for each pixel"):
        train(TrainConfig("unet", str(pictures), out=tmp_path / "a", **CPU))
    with pytest.raises(DataError, match=r"each pixel a class, resnet20 needs one for each image"):
        train(TrainConfig("resnet20", str(shapes), out=tmp_path / "b", **CPU))
    with pytest.raises(InputError, match="--dice is for networks that give each pixel a class"):
        train(TrainConfig("resnet20", str(pictures), out=tmp_path / "c", dice=1.0, **CPU))
    with pytest.raises(InputError, match=r"188 \+ 16k. Pass --image 188"):
        train(TrainConfig("unet", str(shapes), out=tmp_path / "d", image=100, **CPU))
    with pytest.raises(InputError, match="resnet20 leaves no width open"):
        train(TrainConfig("resnet20", str(pictures), out=tmp_path / "e", width=8, **CPU))
    assert not any((tmp_path / name).exists() for name in "abcde")


def test_a_split_of_ignored_pixels_only_is_told_before_training(tmp_path):
    folder = shape_folder(tmp_path / "void", 8, test=2)
    for name in (folder / "test.txt").read_text().split():
        Image.fromarray(np.full((64, 64), 255, np.uint8)).save(folder / "masks" / f"{name}.png")
    asked = TrainConfig("unet-same", str(folder), out=tmp_path / "run", epochs=1,
                     **SMALL | {"batch": 2}, **CPU)  # fmt: skip
    with pytest.raises(DataError, match="no pixel of the test masks counts"):
        train(asked)


def test_other_uses_of_such_a_run_are_refused(run, shapes, tmp_path):
    with pytest.raises(InputError, match="expected no protocol of crops"):
        canon.evaluate(run, protocol="10-crop", **CPU)
    with pytest.raises(InputError, match="expected `canon predict`, or"):
        list(canon.predict(run, [shapes / "images"], **CPU))
    with pytest.raises(InputError, match="Leave --membranes out"):
        evaluate_rand(run, **CPU)
    with pytest.raises(DataError, match="other classes or masks"):
        canon.evaluate(run, str(make_folder(tmp_path / "pictures")), **CPU)


def test_rand_and_pixel_errors_of_two_classes(tmp_path):
    folder = shape_folder(tmp_path / "cells", 8, test=2)
    for file in (folder / "masks").glob("*.png"):
        Image.fromarray(np.uint8(np.asarray(Image.open(file)) == 1) * 255).save(file)
    (folder / "classes.txt").unlink()
    small = SMALL | {"batch": 2}
    trained = train(
        TrainConfig("unet-same", str(folder), out=tmp_path / "run", epochs=2, **small, **CPU)
    )
    errors = evaluate_rand(trained, **CPU)
    assert 0 <= errors.rand <= 1
    assert 0 <= errors.pixel <= 1
    made = next(predict_masks(trained, [folder / "images" / "000.png"], tmp_path / "o", **CPU))
    assert set(np.unique(np.asarray(Image.open(made.mask)))) <= {0, 255}


def test_a_copied_run_folder_is_all_that_evaluating_needs(run, tmp_path):
    copied = open_run(shutil.copytree(run.path, tmp_path / "copy"))
    assert json.loads((copied.path / "run.json").read_text())["samples"] == 16
    _, ours = canon.evaluate(copied, **CPU)
    assert ours.summary() == canon.evaluate(run, **CPU)[1].summary()
