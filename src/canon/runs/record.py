"""What run.json records of a run, typed, and how older formats are read."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from canon.data.preprocessing import Preprocessing

FORMAT = 2  # of run.json; a change that older code cannot read raises it


@dataclass(frozen=True)
class DataRecord:
    """The dataset of a run.

    Args:
        source: name or path; None for an ensemble whose members share no held-out images.
        classes: their names.
        targets: kind of the targets, and what else their kind records.
        counts: images of each class in each split; of masks, images that show it.
        pixels: of each class in each split, for masks.
        skipped: unusable files that were left out.
        formats: how many images of each kind, such as "8-bit grey".
    """

    source: str | None
    classes: tuple[str, ...]
    targets: dict[str, Any]
    counts: dict[str, list[int]] = field(default_factory=dict)
    pixels: dict[str, list[int]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    formats: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SplitRecord:
    """The splits of a run.

    Args:
        sizes: samples in each.
        val: what was held out of the training split: files, or positions of images in memory; None
            if the dataset has its own validation split, or nothing was held out.
        fraction: held out of each class.
        seed: of the choice.
    """

    sizes: dict[str, int]
    val: tuple[str | int, ...] | None = None
    fraction: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class WeightsRecord:
    """Where the initial weights came from, and which of them were replaced or adapted."""

    source: str | None = None
    replaced: tuple[str, ...] = ()
    adapted: str | None = None


@dataclass(frozen=True)
class Member:
    """One run of an ensemble."""

    path: str
    model: str
    model_args: dict[str, Any]
    preprocessing: Preprocessing
    weight: float


@dataclass(frozen=True)
class RunRecord:
    """Everything that run.json holds.

    Args:
        model: registered name of the network.
        task: what it was trained for.
        preprocessing: from an image file to its input.
        data: the dataset.
        split: its splits; None for an ensemble without common held-out images.
        model_args: what the network is built with.
        config: the configuration as given.
        recipe: the configuration as resolved.
        samples: training samples of an epoch.
        weights: where the initial ones came from.
        command: as typed.
        versions: of Python and of the packages.
        hardware: the machine.
        result: split and metrics of the final evaluation; None before it.
        members: of an ensemble.
        format: of this record.
    """

    model: str
    task: str
    preprocessing: Preprocessing
    data: DataRecord
    split: SplitRecord | None
    model_args: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    samples: int = 0
    weights: WeightsRecord = WeightsRecord()
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    hardware: dict[str, str | int] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    members: tuple[Member, ...] = ()
    format: int = FORMAT

    @property
    def monitored(self) -> str:
        """The split that is evaluated after each epoch."""
        return "val" if self.split and "val" in self.split.sizes else "test"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """From the content of a run.json of this or an older format.

        Raises:
            KeyError, TypeError, ValueError: it is no such record.
        """
        record = migrate(content)
        split = record["split"]
        typed = {
            "preprocessing": preprocessing_from(record["preprocessing"]),
            "data": DataRecord(**_tuples(record["data"], "classes", "skipped")),
            "split": None if split is None else SplitRecord(**_tuples(split, "val")),
            "weights": WeightsRecord(**_tuples(record.get("weights", {}), "replaced")),
            "members": tuple(map(_member, record.get("members", ()))),
        }
        return cls(**record | typed)


def preprocessing_from(content: dict[str, Any]) -> Preprocessing:
    """From plain JSON."""
    return Preprocessing(**_tuples(content, "mean", "std"))


def _member(content: dict[str, Any]) -> Member:
    return Member(**content | {"preprocessing": preprocessing_from(content["preprocessing"])})


def _tuples(content: dict[str, Any], *names: str) -> dict[str, Any]:
    """The same with tuples where JSON has lists."""
    given = {name: content[name] for name in names if content.get(name) is not None}
    return content | {name: tuple(value) for name, value in given.items()}


# What format 2 calls the keys of format 1, which had no number.
TOP = {"numbers": "model_args", "asked": "config"}
CONFIG = {
    "minutes": "time_limit",
    "up": "upsampling",
    "separation": "border_weight",
    "dice": "dice_weight",
}
RECIPE = {
    "optimiser": "optimizer",
    "normalisation": "normalization",
    "warping": "deformation",
    "weighting": "class_weights",
    "separation": "border_weight",
    "dice": "dice_weight",
}


def migrate(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a run.json in the current format."""
    number = content.get("format", 1)
    if number == FORMAT:
        return content
    if number != 1:
        raise ValueError(f"format {number} is newer than this version of Canon reads")
    record = _renamed(content, TOP)
    data = dict(record["data"])
    masks, pixels = data.pop("masks", None), data.pop("pixels", {})
    targets = {"kind": "label"} if masks is None else {"kind": "mask"} | masks
    record |= {
        "format": FORMAT,
        "task": "classify" if masks is None else "segment",
        "data": data | {"targets": targets, "pixels": pixels},
        "config": _renamed(record.get("config", {}), CONFIG),
        "recipe": _recipe(record.get("recipe", {})),
        "model_args": _renamed(record.get("model_args", {}), CONFIG),
        "members": [_renamed(member, TOP) for member in record.get("members", [])],
    }
    if "weights" in record:
        record["weights"] = _renamed(record["weights"], {"from": "source"})
    return record


def _recipe(content: dict[str, Any]) -> dict[str, Any]:
    recipe = _renamed(content, RECIPE)
    if "augmentation" in recipe:
        recipe["augmentation"] = _renamed(recipe["augmentation"], {"colour": "color"})
    return recipe


def _renamed(content: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    renamed = {names.get(name, name): value for name, value in content.items()}
    if renamed.get("upsampling") == "nails":
        renamed["upsampling"] = "bed-of-nails"
    return renamed


def migrate_line(line: dict[str, Any]) -> dict[str, Any]:
    """A line of metrics.jsonl in the current format."""
    if "scores" not in line:
        return line
    scores = line.pop("scores")
    if "mean_iou" in scores:
        monitored = {"name": "mean IoU", "value": scores["mean_iou"], "interval": None}
    else:
        low, high = scores["top1_interval"]
        interval = [1 - high, 1 - low]
        monitored = {"name": "error", "value": 1 - scores["top1"], "interval": interval}
    return line | {"metrics": scores, "monitored": monitored | {"unit": "fraction"}}
