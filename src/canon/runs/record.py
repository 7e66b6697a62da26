"""What run.json records of a run, typed."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from canon.data.preprocessing import Preprocessing
from canon.recipes.from_json import recipe_from_json
from canon.runs.migrate import FORMAT, migrate
from canon.training.recipe import Recipe

# Keys of run.json that no format leaves out, and their types.
KINDS: dict[str, type | tuple[type, ...]] = {
    "model": str, "task": str, "preprocessing": dict, "data": dict, "split": (dict, type(None)),
}  # fmt: skip
SIDES = ("classes", "channels", "image", "seed")  # whole numbers in `model_args`


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
        left_out: files that may be images and were not used, by suffix.
        formats: how many images of each kind, such as "8-bit grey".
        digests: of the content of each split; empty before format 4.
    """

    source: str | None
    classes: tuple[str, ...]
    targets: dict[str, Any]
    counts: dict[str, list[int]] = field(default_factory=dict)
    pixels: dict[str, list[int]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    formats: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)


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
class ClusteringRecord:
    """How a clustering assigns.

    Args:
        method: its name.
        k: clusters; 0 until they are counted.
        head: `student`: by distance to centres; `nearest`: by known codes; `logits`: a classifier.
        code: length of the codes.
        known: how many codes `nearest` knows.
        stage: whose output the codes are; None means the network's own.
        curve: the modularity by number of clusters, if k was read from it.
    """

    method: str
    k: int
    head: str
    code: int = 0
    known: int = 0
    stage: str | None = None
    curve: tuple[tuple[int, float], ...] = ()


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
        recipe: the configuration as resolved; None for an ensemble.
        samples: training samples of an epoch.
        weights: where the initial ones came from.
        command: as typed.
        started: date and time of the start, in the machine's time zone.
        versions: of Python and of the packages.
        hardware: the machine.
        result: split and metrics of the final evaluation; None before it.
        members: of an ensemble.
        clustering: how a clustering assigns; None for other runs.
        format: of this record.
    """

    model: str
    task: str
    preprocessing: Preprocessing
    data: DataRecord
    split: SplitRecord | None
    model_args: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    recipe: Recipe[Any] | None = None
    samples: int = 0
    weights: WeightsRecord = WeightsRecord()
    command: str = ""
    started: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    hardware: dict[str, str | int] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    members: tuple[Member, ...] = ()
    clustering: ClusteringRecord | None = None
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
        for name, kind in KINDS.items():
            if not isinstance(record[name], kind):
                raise TypeError(f"{name} is {record[name]!r}")
        for name, value in record.get("model_args", {}).items():
            if name in SIDES and not isinstance(value, int):
                raise TypeError(f"model_args.{name} is {value!r}")
        split, clustering = record["split"], record.get("clustering")
        typed = {
            "preprocessing": preprocessing_from(record["preprocessing"]),
            "data": DataRecord(**_tuples(record["data"], "classes", "skipped")),
            "recipe": recipe_from_json(record["recipe"]) if record.get("recipe") else None,
            "split": None if split is None else SplitRecord(**_tuples(split, "val")),
            "weights": WeightsRecord(**_tuples(record.get("weights", {}), "replaced")),
            "clustering": None if clustering is None else _clustering(clustering),
            "members": tuple(map(_member, record.get("members", ()))),
        }
        return cls(**record | typed)


def preprocessing_from(content: dict[str, Any]) -> Preprocessing:
    """From plain JSON.

    Raises:
        KeyError, TypeError, ValueError: a field is missing, unknown, or out of range.
    """
    prep = Preprocessing(**_tuples(content, "mean", "std"))
    means, stds = content["mean"], content["std"]
    try:
        valid = {
            "border": prep.border >= 0,
            "image": prep.inner > 0,
            "channels": prep.channels in (1, 3),
            "bits": prep.bits in (8, 16),
            "crop": 0 < prep.crop <= 1,
            "mean": len(means) in (1, prep.channels) and all(abs(m) < 9 for m in means),
            "std": len(stds) in (1, prep.channels) and all(s > 0 for s in stds),
        }
    except TypeError:
        raise ValueError("preprocessing has a field of another type") from None
    for name, good in valid.items():
        if not good:
            raise ValueError(f"preprocessing.{name} is {content[name]!r}")
    return prep


def _clustering(content: dict[str, Any]) -> ClusteringRecord:
    curve = tuple((int(k), float(value)) for k, value in content.get("curve", ()))
    return ClusteringRecord(**content | {"curve": curve})


def _member(content: dict[str, Any]) -> Member:
    return Member(**content | {"preprocessing": preprocessing_from(content["preprocessing"])})


def _tuples(content: dict[str, Any], *names: str) -> dict[str, Any]:
    """The same with tuples where JSON has lists."""
    given = {name: content[name] for name in names if content.get(name) is not None}
    return content | {name: tuple(value) for name, value in given.items()}
