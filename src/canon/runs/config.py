"""The configuration of a training run: the flags of `canon train`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from canon.errors import InputError
from canon.options import Augment, UpsamplingName

Arrays = tuple[Any, Any]  # images and labels
Device = str  # "auto", "cpu", "cuda", "cuda:1", "mps"
C = TypeVar("C")
Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class TrainConfig:
    """What to train, on which data, and how; None leaves the choice to the recipe.

    Args:
        model: a registered name.
        data: what `open_data` takes: a name, a path, a dataset, or images and labels.
        out: the run folder to create, a path or its text; None creates runs/MODEL-DATA.
        recipe: `modern` for small datasets, `paper` as published.
        epochs: number of training epochs.
        batch: images per step, over all devices.
        lr: base learning rate: the peak, if the schedule has warm-up.
        image: side of the network's input in pixels.
        channels: 1 or 3: convert images to grey or RGB.
        val: fraction of the training images held out, if the data has no validation split.
        augment: how much training images are changed: `none`, `light` (crops and flips), `photo`
            (also magnified, and slightly coloured or rotated), `any-way-up` (also turned, for cells
            or aerial images); `auto` is the recipe's choice for colour or grey images.
        flip: flip training images; with `auto`, classifiers flip colour images only.
        rotate: largest rotation of training images in degrees.
        zoom: largest magnification of training images.
        weights: initial weights: a run folder, a weight file, or a name from `canon list weights`;
            the head is replaced if the classes differ.
        freeze: freeze all stages up to and including this one.
        patience: stop after this many epochs without improvement and keep the best weights; 0
            never stops early.
        time_limit: minutes of this session after which to evaluate, save and stop.
        accumulate: micro-batches that each batch is split into, to save memory.
        seed: of weights, split, order and augmentation.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        precision: `fp32`, or mixed `bf16` or `fp16`.
        width: channels of the first level, for networks whose name leaves it open.
        depth: number of downsampling steps, for the same networks.
        upsampling: upsampling method of the decoder, for the same networks.
        backbone: classifier that an encoder-decoder is built on.
        class_weights: `median`-frequency balancing of the classes, for segmentation.
        border_weight: U-Net's w0: weight of pixels between touching cells; 0 leaves it out.
        dice_weight: weight of the Dice loss, added to cross-entropy.
        crop_width: of training crops in pixels, for segmentation; `image` is their height.
        downscale: whole factor by which images and masks are reduced, for segmentation.
        skip_bad: leave unreadable files out instead of stopping.
        resume: resume the run in `out`.
    """

    model: str
    data: Any = "digits"  # str, Path, Dataset or Arrays; the command line takes a str
    out: Path | None = None
    recipe: Literal["modern", "paper"] = "modern"
    epochs: int | None = None
    batch: int | None = None
    lr: float | None = None
    image: int | None = None
    channels: Literal[1, 3] | None = None
    val: float | None = None
    augment: Augment = "auto"
    flip: Literal["auto", "on", "off"] = "auto"
    rotate: float | None = None
    zoom: float | None = None
    weights: str | Path | None = None
    freeze: str | None = None
    patience: int = 0
    time_limit: float | None = None
    accumulate: int = 1
    seed: int = 0
    device: Device = "auto"
    precision: Precision = "fp32"
    width: int | None = None
    depth: int | None = None
    upsampling: UpsamplingName | None = None
    backbone: str | None = None
    class_weights: Literal["none", "median"] | None = None
    border_weight: float | None = None
    dice_weight: float | None = None
    crop_width: int | None = None
    downscale: int | None = None
    skip_bad: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        if self.out is not None:  # text is a path everywhere else
            object.__setattr__(self, "out", Path(self.out))


def config_of(
    kind: type[C], caller: str, config: C | Any, named: Mapping[str, Any], settings: dict[str, Any]
) -> C:
    """The configuration that a function is called with: a whole one, or the fields of one.

    Args:
        kind: class of the configuration.
        caller: name of the function, for messages.
        config: a configuration, or its first field.
        named: the fields that are arguments of the function; None means none is given.
        settings: other fields.

    Raises:
        InputError: no such field, or a whole configuration and fields.
    """
    given = {name: value for name, value in named.items() if value is not None} | settings
    if isinstance(config, kind):
        if given:
            raise InputError(
                f"{caller}() got a {kind.__name__} and settings; expected one of them. Put the "
                f"settings into the {kind.__name__}."
            )
        return config
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(given) - known)
    if unknown:
        raise InputError(
            f"{caller}() has no setting named {unknown[0]!r}; expected fields of {kind.__name__}. "
            f"help(canon.{kind.__name__}) lists them."
        )
    return kind(config, **given)  # type: ignore[call-arg]
