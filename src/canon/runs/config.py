"""The configuration of a training run: the flags of `canon train`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from canon.options import UpsamplingName

Device = str  # "auto", "cpu", "cuda", "cuda:1", "mps"
Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class TrainConfig:
    """What to train, on what, and how; None leaves the choice to the recipe.

    Args:
        model: a registered name.
        data: what `open_data` takes.
        out: the run folder to make; None makes runs/MODEL-DATA.
        recipe: `modern` for small sets, `paper` as published.
        epochs: passes over the training images.
        batch: images a step, over all devices.
        lr: initial learning rate.
        image: side in pixels to which images are scaled.
        channels: 1 or 3, to convert the images.
        val: fraction of the training images held back, where the data has no validation split.
        flip: mirror training images; `auto` mirrors colour, not grey.
        weights: a run folder, a file of weights, or a name from `canon list weights` to start from;
            its head is left out if the classes differ.
        freeze: the last named stage whose weights stay as they are.
        patience: epochs without progress after which to stop, keeping the best; 0 never stops.
        minutes: of this sitting, after which to evaluate and stop.
        accumulate: pieces a batch is cut into, to save memory.
        seed: of weights, split, order and augmentation.
        device: `auto`, `cpu`, `cuda`, `mps`.
        precision: `fp32`, or mixed `bf16` or `fp16`.
        width: of the network, where its name leaves it open: channels of its first level.
        depth: likewise: its levels.
        up: likewise: how it enlarges maps.
        backbone: likewise: the classifier that it stands on.
        class_weights: where each pixel has a class: balance them by median frequency, or not.
        separation: there, what pixels between two cells weigh more: U-Net's w0; 0 leaves it out.
        dice: there, the share of Dice's loss that is added.
        skip_bad: leave unreadable files out instead of refusing.
        resume: go on with the run in `out`.
    """

    model: str
    data: str = "digits"
    out: Path | None = None
    recipe: Literal["modern", "paper"] = "modern"
    epochs: int | None = None
    batch: int | None = None
    lr: float | None = None
    image: int | None = None
    channels: Literal[1, 3] | None = None
    val: float | None = None
    flip: Literal["auto", "on", "off"] = "auto"
    weights: str | Path | None = None
    freeze: str | None = None
    patience: int = 0
    minutes: float | None = None
    accumulate: int = 1
    seed: int = 0
    device: Device = "auto"
    precision: Precision = "fp32"
    width: int | None = None
    depth: int | None = None
    up: UpsamplingName | None = None
    backbone: str | None = None
    class_weights: Literal["none", "median"] | None = None
    separation: float | None = None
    dice: float | None = None
    skip_bad: bool = False
    resume: bool = False
