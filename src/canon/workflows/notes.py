"""What a user should know before training starts."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from canon.data import DataReport, Dataset
from canon.runs.config import TrainConfig
from canon.runs.initial_weights import InitialWeights, freeze_note
from canon.runs.record import SplitRecord
from canon.training import Recipe
from canon.utils.tables import counted


def data_notes(
    config: TrainConfig, data: Dataset, report: DataReport, split: SplitRecord
) -> Iterator[str]:
    """What a user should know of the data before training starts."""
    sizes = ", ".join(f"{count:,} {name}" for name, count in split.sizes.items())
    classes = f" of {len(data.classes)} classes" if data.classes else ""
    yield f"{config.model} on {data.source}: {sizes} images{classes}"
    yield from data.notes
    if report.faults:
        yield f"{counted(len(report.faults), 'unreadable file')} left out"
    if report.left_out:
        kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in report.left_out.items())
        files = counted(sum(report.left_out.values()), "file")
        yield f"{files} not used, because Canon does not read them or they are in no class: {kinds}"
    if report.images.duplicates:
        first, second = report.images.duplicates[0]
        count = len(report.images.duplicates)
        yield f"{count} images are in two splits, such as {first} and {second}"


def recipe_notes(
    net: nn.Module, config: TrainConfig, recipe: Recipe[Any], initial: InitialWeights | None
) -> Iterator[str]:
    """What a user should know of the weights and the recipe."""
    if initial is not None:
        yield f"weights from {initial.loaded.checkpoint.source}"
        yield from initial.loaded.notes()
        yield (
            "images are normalised as these weights expect"
            if initial.mean
            else "the weight file does not record its normalisation: the mean and std of this "
            "dataset are used"
        )
    yield (
        f"{recipe.name} recipe: {recipe.optimizer}, lr {recipe.lr:g}, batch {recipe.batch}, "
        f"{counted(recipe.epochs, 'epoch')}, schedule {recipe.schedule}"
    )
    yield f"{recipe.images.in_words()['images.augmentation']} (--augment changes it)"
    if config.freeze:
        yield freeze_note(net, config.freeze, initial)
