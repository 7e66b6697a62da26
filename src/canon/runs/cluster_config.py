"""The configuration of a clustering: the flags of `canon cluster`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from canon.runs.config import Device, Precision


@dataclass(frozen=True)
class ClusterConfig:
    """What to cluster, into how many clusters, and how; None leaves the choice to the method.

    Args:
        data: what `open_data` takes, with or without labels; labels are used for scores only.
        k: number of clusters; `auto` reads it from a curve of modularity.
        method: a name from `canon list methods`; `auto` is self-label, or dcec-da without the
            extra `cluster`.
        out: the run folder to create; None creates runs/METHOD-DATA.
        epochs: of training with the clustering loss.
        pretraining_epochs: of the auto-encoder.
        image: side of the network's input in pixels.
        channels: 1 or 3: convert images to grey or RGB.
        weights: a run folder, or a name from `canon list weights`: cluster the features of this
            trained network (method `features`) instead of training one.
        stage: of that network, whose output the features are; None means the last stage.
        seed: of weights, order, augmentation and starts.
        seeds: how many clusterings, with seeds from `seed` on; the one that agrees best with the
            others is taken, and of two the first.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        precision: `fp32`, or mixed `bf16` or `fp16`.
        copy: copy images into the folders of their clusters instead of linking them.
        skip_bad: leave unreadable files out instead of stopping.
        resume: resume the run in `out`.
    """

    data: Any = "digits"
    k: int | Literal["auto"] = 10
    method: str = "auto"
    out: Path | None = None
    epochs: int | None = None
    pretraining_epochs: int | None = None
    image: int | None = None
    channels: Literal[1, 3] | None = None
    weights: str | Path | None = None
    stage: str | None = None
    seed: int = 0
    seeds: int = 1
    device: Device = "auto"
    precision: Precision = "fp32"
    copy: bool = False
    skip_bad: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        if self.out is not None:
            object.__setattr__(self, "out", Path(self.out))
