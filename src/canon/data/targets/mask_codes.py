"""What the values of mask files mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from canon.data.types import IGNORE

MAX_CLASSES = 255  # classes: the indices 0 to 254

Value = int | tuple[int, int, int]


@dataclass(frozen=True)
class MaskCodes:
    """What the values of mask files mean; a run remembers it.

    Args:
        values: what a file holds for class 0, 1, ...: grey levels or palette indices, or colours.
        ignore: what it holds where pixels count for nothing.
    """

    values: tuple[Value, ...]
    ignore: tuple[Value, ...] = (IGNORE,)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "MaskCodes":
        """From `dataclasses.asdict`, through JSON or not."""
        return cls(
            tuple(as_value(value) for value in record["values"]),
            tuple(as_value(value) for value in record["ignore"]),
        )

    @property
    def colours(self) -> bool:
        """Whether the values are colours, rather than grey levels or palette indices."""
        return any(isinstance(value, tuple) for value in self.values)

    def classes(self) -> dict[int, int]:
        """The class index of each value, as a code; `IGNORE` for those that count for nothing."""
        # The default of `ignore` is a grey level, which no colour is.
        nothing = [value for value in self.ignore if isinstance(value, tuple) == self.colours]
        return dict.fromkeys(map(value_code, nothing), IGNORE) | {
            value_code(value): i for i, value in enumerate(self.values)
        }


def as_value(value: int | Sequence[int]) -> Value:
    """A grey level as it is, a colour of three numbers as a tuple."""
    if isinstance(value, int):
        return value
    red, green, blue = value
    return (red, green, blue)


def value_code(value: Value) -> int:
    """One number for a value: a grey level itself, a colour as 0xRRGGBB."""
    if isinstance(value, int):
        return value
    red, green, blue = value
    return red << 16 | green << 8 | blue


def format_codes(codes: Sequence[int], colours: bool, most: int = 5) -> str:
    """Codes for a person: `0, 1, 2`, or `(255, 0, 0)`; the first few of many."""
    texts = [
        str((one >> 16, one >> 8 & 255, one & 255)) if colours else str(one) for one in codes[:most]
    ]
    return ", ".join(texts) + (f" and {len(codes) - most:,} more" if len(codes) > most else "")


def describe_unknown_values(file: Path, values: MaskCodes, counts: Mapping[int, int]) -> str:
    """What is to be said of a mask with values that have no meaning, given their pixel counts."""
    held = sorted(counts, key=lambda one: -counts[one])
    known = values.classes()
    ignored = [one for one, index in known.items() if index == IGNORE]
    ignored_too = f", or {format_codes(ignored, values.colours)} for ignored" if ignored else ""
    classes = [one for one, index in known.items() if index != IGNORE]
    return (
        f"{file} holds {format_codes(held, values.colours)} at {sum(counts.values()):,} of its "
        f"pixels, which is no class; expected {format_codes(classes, values.colours, 10)}"
        f"{ignored_too}. Mend the mask, or name its values in classes.json."
    )
