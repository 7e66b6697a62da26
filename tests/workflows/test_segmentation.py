"""Segmentation runs: trained, evaluated, resumed, predicted."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import canon
from canon.data import open_data
from canon.data.images.reduced import enlarged, reduced
from canon.data.targets.mask_codes import MaskCodes
from canon.data.targets.masks import read_mask
from canon.errors import DataError, InputError
from canon.runs.config import TrainConfig
from canon.runs.open import open_run
from canon.utils.progress import Step
from canon.workflows.train import train, train_events
from tests.helpers.synthetic import CLASSES, make_folder, shape_folder

CPU = {"device": "cpu"}
SMALL = {"width": 8, "depth": 2, "image": 64, "batch": 6}


def shapes_of(run):
    """The dataset of the session's run on shapes."""
    return run.path.parent / "shapes"


def test_a_small_u_net_learns_three_classes_with_ignored_rims(shapes_run):
    split, metrics = canon.evaluate(shapes_run, **CPU)
    assert split == "test"
    assert shapes_run.classes == CLASSES
    assert metrics.mean_iou > metrics.constant() + 0.3
    assert metrics.pixel_accuracy > 0.9
    lines = shapes_run.metrics()
    assert lines[-1]["metrics"]["mean_iou"] > lines[0]["metrics"]["mean_iou"]
    assert shapes_run.record.result["mean_iou"] == metrics.mean_iou
    codes = open_data(str(shapes_of(shapes_run))).targets.codes
    assert open_run(shapes_run.path).trained_model().mask_codes == codes == MaskCodes((0, 1, 2))


def test_ignored_pixels_are_not_counted(shapes_run):
    _, metrics = canon.evaluate(shapes_run, **CPU)
    part = open_data(str(shapes_of(shapes_run))).splits["test"]
    masks = [np.asarray(Image.open(file)) for file in part.targets.files]
    assert metrics.pixels.tolist() == [int((mask != 255).sum()) for mask in masks]


def test_masks_are_predicted_in_the_values_of_the_training_masks(shapes_run, tmp_path):
    part = open_data(str(shapes_of(shapes_run))).splits["test"]
    options = {"overlay": True, "probabilities": True}
    files, out = part.images.files, tmp_path / "out"
    made = list(canon.predict(shapes_run, files, out=out, **options, **CPU))
    _, metrics = canon.evaluate(shapes_run, **CPU)
    right = 0
    for one, truth in zip(made, part.targets.files, strict=True):
        predicted = read_mask(one.mask, part.targets.codes)
        known = np.asarray(Image.open(truth))
        right += int((predicted == known)[known != 255].sum())
        assert sum(one.pixels) == predicted.size
        shares = np.load(one.mask.with_name(f"{one.mask.stem}-probabilities.npy"))
        assert shares.shape == (3, 64, 64)
        assert (shares.argmax(0) == predicted).mean() > 0.999  # half precision has ties
        with Image.open(one.mask.with_name(f"{one.mask.stem}-overlay.png")) as overlay:
            assert overlay.size == (64, 64)
    assert right == int(metrics.confusion.trace())


def test_images_are_reduced_for_the_network_and_masks_enlarged_again(tmp_path):
    """The mask of a reduced image is that of the image reduced by hand, enlarged."""
    data = shape_folder(tmp_path / "shapes")
    numbers = {"image": 32, "crop_width": 24, "batch": 6, "width": 8, "depth": 2, "epochs": 1}
    run = train(
        TrainConfig("unet-same", str(data), out=tmp_path / "r", downscale=2, **numbers, **CPU)
    )
    assert run.preprocessing.size == (32, 24)
    _, metrics = canon.evaluate(run, **CPU)
    assert int(metrics.confusion.sum()) == sum(
        int((read_mask(f, MaskCodes((0, 1, 2)))[1::2, 1::2] != 255).sum())
        for f in open_data(str(data)).splits["test"].targets.files
    )
    image = np.random.default_rng(0).integers(0, 256, (75, 101), np.uint8)
    whole, half = tmp_path / "whole.tif", tmp_path / "half.png"
    Image.fromarray(image).save(whole)
    Image.fromarray(reduced(image[..., None], 2)[..., 0]).save(half)
    record = json.loads((run.path / "run.json").read_text())
    shutil.copytree(run.path, tmp_path / "full")
    record["preprocessing"]["downscale"] = 1
    (tmp_path / "full" / "run.json").write_text(json.dumps(record))
    (large,) = canon.predict(run, [whole], out=tmp_path / "a", tile=16, probabilities=True, **CPU)
    (small,) = canon.predict(tmp_path / "full", [half], out=tmp_path / "b", **CPU)
    found, expected = (np.asarray(Image.open(one.mask)) for one in (large, small))
    assert np.array_equal(found, enlarged(expected, 2, 75, 101))


def test_finished_masks_are_refused_or_skipped(shapes_run, tmp_path):
    files = open_data(str(shapes_of(shapes_run))).splits["test"].images.files[:2]
    out = tmp_path / "out"
    list(canon.predict(shapes_run, files[:1], out=out, **CPU))
    with pytest.raises(InputError, match=r"exists already.*--resume"):
        list(canon.predict(shapes_run, files, out=out, **CPU))
    made = list(canon.predict(shapes_run, files, out=out, resume=True, **CPU))
    assert [bool(one.pixels) for one in made] == [False, True]


def test_an_interrupted_segmentation_resumes_to_the_same_weights(shapes_run, tmp_path):
    options = {
        "epochs": 3,
        "seed": 1,
        "class_weights": "median",
        "dice_weight": 0.5,
        "border_weight": 2.0,
    }
    data = str(shapes_of(shapes_run))
    config = TrainConfig("unet-same", data, out=tmp_path / "whole", **options, **SMALL, **CPU)
    whole = train(config)
    events = train_events(replace(config, out=tmp_path / "cut"))
    for event in events:
        if isinstance(event, Step) and event.doing == "train" and event.epoch == 2:
            break
    events.close()
    cut = train(TrainConfig("unet-same", out=tmp_path / "cut", resume=True, **CPU))
    ours, theirs = whole.network().state_dict(), cut.network().state_dict()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)
    assert cut.recipe.images.dice_weight == 0.5
    assert cut.record.model_args["width"] == 8


def test_data_of_the_other_kind_is_refused(shapes_run, tmp_path):
    pictures = make_folder(tmp_path / "pictures")
    with pytest.raises(
        DataError, match=r"unet is a segmentation network, .* contains class labels"
    ):
        train(TrainConfig("unet", str(pictures), out=tmp_path / "a", **CPU))
    with pytest.raises(DataError, match=r"resnet20 is a classification network, .* contains masks"):
        train(TrainConfig("resnet20", str(shapes_of(shapes_run)), out=tmp_path / "b", **CPU))
    with pytest.raises(InputError, match="--dice-weight applies to segmentation networks only"):
        train(TrainConfig("resnet20", str(pictures), out=tmp_path / "c", dice_weight=1.0, **CPU))
    with pytest.raises(InputError, match=r"188 \+ 16k. Pass --image 188"):
        train(TrainConfig("unet", str(shapes_of(shapes_run)), out=tmp_path / "d", image=100, **CPU))
    with pytest.raises(InputError, match="resnet20 has no --width option"):
        train(TrainConfig("resnet20", str(pictures), out=tmp_path / "e", width=8, **CPU))
    assert not any((tmp_path / name).exists() for name in "abcde")


def test_a_split_of_ignored_pixels_is_refused_before_training(tmp_path):
    folder = shape_folder(tmp_path / "void", 8, test=2)
    for name in (folder / "test.txt").read_text().split():
        Image.fromarray(np.full((64, 64), 255, np.uint8)).save(folder / "masks" / f"{name}.png")
    config = TrainConfig("unet-same", str(folder), out=tmp_path / "run", epochs=1,
                     **SMALL | {"batch": 2}, **CPU)  # fmt: skip
    with pytest.raises(DataError, match="all pixels of the 2 masks"):
        train(config)


def test_options_of_classifiers_and_other_data_are_refused(shapes_run, tmp_path):
    with pytest.raises(InputError, match="--protocol applies to classification networks only"):
        canon.evaluate(shapes_run, protocol="10-crop", **CPU)
    with pytest.raises(InputError, match="masks need a folder"):
        list(canon.predict(shapes_run, [shapes_of(shapes_run) / "images"], **CPU))
    with pytest.raises(InputError, match="--rand-error needs two classes"):
        canon.evaluate(shapes_run, rand_error=True, **CPU)
    with pytest.raises(
        DataError, match="contains class labels; expected folders images/ and masks/"
    ):
        canon.evaluate(shapes_run, str(make_folder(tmp_path / "pictures")), **CPU)


def test_rand_and_pixel_errors_of_two_classes(tmp_path):
    folder = shape_folder(tmp_path / "cells", 8, test=2)
    for file in (folder / "masks").glob("*.png"):
        Image.fromarray(np.uint8(np.asarray(Image.open(file)) == 1) * 255).save(file)
    (folder / "classes.txt").unlink()
    small = SMALL | {"batch": 2}
    trained = train(
        TrainConfig("unet-same", str(folder), out=tmp_path / "run", epochs=2, **small, **CPU)
    )
    _, metrics = canon.evaluate(trained, rand_error=True, **CPU)
    figures = {figure.name: figure.value for figure in metrics.figures()}
    assert figures["Rand error"] == min(metrics.rand.rands) < 1
    assert figures["pixel error"] == min(metrics.rand.pixels) < 1
    made = next(canon.predict(trained, [folder / "images" / "000.png"], out=tmp_path / "o", **CPU))
    assert set(np.unique(np.asarray(Image.open(made.mask)))) <= {0, 255}


def test_a_copied_run_folder_is_evaluated_without_the_original(shapes_run, tmp_path):
    copied = open_run(shutil.copytree(shapes_run.path, tmp_path / "copy"))
    assert json.loads((copied.path / "run.json").read_text())["samples"] == 16
    _, ours = canon.evaluate(copied, **CPU)
    assert ours.summary() == canon.evaluate(shapes_run, **CPU)[1].summary()
