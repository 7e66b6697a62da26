"""The classes of image files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from canon.utils.tables import Column


@dataclass(frozen=True)
class LabelPrediction:
    """The likeliest classes of one image.

    Args:
        path: the file.
        classes: their names, the likeliest first.
        probabilities: of each, fractions in [0, 1].
        faults: why the file could not be read, if it was skipped.
    """

    path: Path
    classes: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    faults: tuple[str, ...] = ()

    def row(self) -> tuple[Any, ...]:
        """File, then class and probability of each place; a fault in place of the first class."""
        if self.faults:
            return str(self.path), f"unreadable: {self.faults[0]}"
        pairs = zip(self.classes, self.probabilities, strict=True)
        return str(self.path), *(cell for name, p in pairs for cell in (name, round(p, 6)))

    def record(self) -> dict[str, Any]:
        """As plain JSON."""
        if self.faults:
            return {"file": str(self.path), "fault": self.faults[0]}
        pairs = zip(self.classes, self.probabilities, strict=True)
        found = [{"class": name, "probability": round(p, 6)} for name, p in pairs]
        return {"file": str(self.path), "classes": found}


def columns(top: int) -> tuple[Column, ...]:
    """The columns of a table of predictions."""
    if top == 1:
        return Column("file"), Column("class"), Column("probability", "fraction")
    pairs = (
        (Column(f"class{i}"), Column(f"probability{i}", "fraction")) for i in range(1, top + 1)
    )
    return Column("file"), *(column for pair in pairs for column in pair)


def label_prediction(
    path: Path, logits: Tensor, classes: Sequence[str], top: int
) -> LabelPrediction:
    """The likeliest classes of an image, from its logits (K,)."""
    likely = logits.softmax(0).topk(min(top, len(classes)))
    names = tuple(classes[i] for i in likely.indices.tolist())
    return LabelPrediction(path, names, tuple(likely.values.tolist()))
