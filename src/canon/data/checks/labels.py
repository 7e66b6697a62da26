"""Count the labels of a dataset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from canon.data.targets.base import Values
from canon.data.targets.labels import Labels
from canon.utils.tables import Column, Table


@dataclass(frozen=True)
class LabelReport:
    """Readable images of each class in each split."""

    counts: dict[str, tuple[int, ...]]
    faults: dict[Path, str] = field(default_factory=dict)

    def table(self, classes: Sequence[str]) -> Table:
        """A row for each class, and their sums."""
        columns = Column("class"), *(Column(split, "count") for split in self.counts)
        rows = list(zip(classes, *self.counts.values(), strict=True))
        return Table(columns, (*rows, ("all", *map(sum, self.counts.values()))))

    def record(self) -> dict[str, Any]:
        """Nothing but the counts."""
        return {}

    def contents(self, targets: Labels) -> Iterator[str]:
        """The name of each class."""
        return (targets.classes[i] for i in targets.values)


@dataclass(frozen=True)
class SizeReport:
    """Samples in each split, of a dataset without classes."""

    sizes: dict[str, int]
    faults: dict[Path, str] = field(default_factory=dict)
    counts: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def table(self, classes: Sequence[str]) -> Table:  # noqa: ARG002
        """A row for each split."""
        return Table((Column("split"), Column("images", "count")), tuple(self.sizes.items()))

    def record(self) -> dict[str, Any]:
        """The sizes."""
        return {"images": self.sizes}

    def contents(self, targets: Values) -> Iterator[str]:
        """The numbers of each target."""
        return (value.tobytes().hex() for value in targets.values)
