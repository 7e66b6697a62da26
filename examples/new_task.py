"""A new task in one file: predict a number per image, here the area of a bright square."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor, nn, stack

from canon.data import Dataset, Split
from canon.data.images.collection import ArrayImages
from canon.data.sources.builtin import register_dataset
from canon.data.targets.base import Values
from canon.registry import model_info, register
from canon.tasks.base import ValuePrediction
from canon.tasks.images import ImageTask
from canon.tasks.lookup import register_task
from canon.training.interfaces import Metrics
from canon.utils.tables import Column, Figure


class Numbers(Values):
    kind, outputs = "number", 1


@register_dataset("squares", "400 grey images of a square, and the share of its pixels")
def squares() -> Dataset:
    random = np.random.default_rng(0)
    images, sides = random.integers(0, 60, (400, 28, 28, 1), np.uint8), random.integers(4, 26, 400)
    for image, side in zip(images, sides, strict=True):
        top, left = random.integers(0, 28 - side, 2)
        image[top : top + side, left : left + side] += 180
    areas = Numbers((sides**2 / 28**2).astype(np.float32))
    return Dataset("squares", {"train": Split(ArrayImages.of(images), areas)})


@dataclass(frozen=True)
class RegressionMetrics(Metrics):
    squared: float
    absolute: float
    loss = property(lambda self: self.squared)
    error = property(lambda self: self.absolute)
    ranking = property(lambda self: (-self.absolute,))

    def figures(self) -> tuple[Figure, ...]:
        return (Figure("mean absolute error", self.absolute, "number"),)


class Regression(ImageTask):
    name, title, target_kind = "regress", "regression", "number"
    expected, example, width = "a number for each image", "lenet5-number", 2

    def objective(self, net, pack, recipe):
        return self

    def module(self, net: nn.Module) -> nn.Module:
        return net

    def losses(self, output: Tensor, target: Tensor) -> Tensor:
        return (output[:, 0] - target).square()

    def sample_figures(self, net, outputs, targets):
        return stack([self.losses(outputs, targets), (outputs[:, 0] - targets).abs()], 1)

    def metrics(self, figures, outputs):
        return RegressionMetrics(*figures.mean(0).tolist())

    def columns(self, classes, options):
        return Column("file"), Column("number", "number")

    def prediction(self, path: Path, outputs: Tensor, model, options) -> ValuePrediction:
        return ValuePrediction(path, {"number": float(outputs[0])})

    def failed(self, path: Path, fault: str) -> ValuePrediction:
        return ValuePrediction(path, {}, (fault,))


lenet5 = model_info("lenet5-modern")
published = replace(lenet5.published, classes=1, params=60_941, macs=415_764, errors=None)
register("lenet5-number", paper=lenet5.paper, published=published, task="regress")(lenet5.build)
register_task(Regression())
