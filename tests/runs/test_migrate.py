"""The flat recipe of formats 1 and 2, divided into optimizer, schedule and images."""

import pytest

from canon.data.augment.augmentation import Augmentation
from canon.recipes.from_json import recipe_from_json
from canon.recipes.images import ClassificationRecipe, SegmentationRecipe
from canon.runs.migrate import migrate, nested
from canon.training.optimizers import SGD, AdamW, DiagonalLM, RMSprop
from canon.training.schedules import Constant, Cosine, Exponential, Plateau, Steps

FLAT = {
    "name": "paper", "source": "a test", "lr": 0.5, "batch": 8, "epochs": 3, "momentum": 0.7,
    "alpha": 0.8, "eps": 0.1, "decay": 1e-4, "decay_norms": True, "steps": [[0.5, 0.1]],
    "factor": 0.9, "every": 2.0, "warmup": 1, "smoothing": 0.1, "clip": 2.0, "crop": 1.0,
    "scales": [1.0], "protocol": "dense", "dice_weight": 0.5, "class_weights": "median",
    "augmentation": {"pad": 4, "scale": [1.0, 2.0]}, "normalization": "mean",
}  # fmt: skip
OPTIMIZERS = {
    "sgd": SGD(0.7), "nesterov": SGD(0.7, nesterov=True), "adamw": AdamW(),
    "rmsprop": RMSprop(0.8, 0.1, 0.7), "levenberg": DiagonalLM(),
}  # fmt: skip
SCHEDULES = {
    "constant": Constant(), "step": Steps(((0.5, 0.1),)), "exponential": Exponential(0.9, 2.0),
    "cosine": Cosine(1), "plateau": Plateau(),
}  # fmt: skip


def read(task="classify", **more):
    flat = FLAT | {"optimizer": "sgd", "schedule": "constant"} | more
    return recipe_from_json(nested(flat, task))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_has_its_own_numbers_only(name):
    assert read(optimizer=name).optimizer == OPTIMIZERS[name]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_has_its_own_numbers_only(name):
    assert read(schedule=name).schedule == SCHEDULES[name]


def test_each_task_has_its_part_and_the_rest_is_common():
    classifier, segmenter = read(), read("segment")
    assert classifier.images == ClassificationRecipe(
        Augmentation(pad=4, scale=(1.0, 2.0)), 0.1, crop=1.0, protocol="dense", scales=(1.0,)
    )
    assert segmenter.images == SegmentationRecipe(dice_weight=0.5, class_weights="median")
    assert (classifier.lr, classifier.decay, classifier.clip) == (0.5, 1e-4, 2.0)
    assert (classifier.decay_norms, classifier.normalization) == (True, "mean")


def test_an_ensemble_of_format_2_has_no_recipe():
    record = migrate(
        {
            "format": 2,
            "task": "classify",
            "recipe": {},
            "members": [{"path": "a", "model": "resnet18"}],
        }
    )
    assert (record["format"], record["recipe"]) == (5, None)
    assert record["members"] == [{"path": "a", "model": "resnet18", "model_args": {}}]
