"""The values in mask files and the classes they encode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from canon.data.types import IGNORE

MAX_CLASSES = 255  # indices 0 to 254; 255 is ignored

Value = int | tuple[int, int, int]


@dataclass(frozen=True)
class MaskCodes:
    """The values of mask files, by class; recorded with a run.

    Args:
        values: of class 0, 1, ...: grey levels, palette indices or RGB colours.
        ignore: values of ignored pixels.
    """

    values: tuple[Value, ...]
    ignore: tuple[Value, ...] = (IGNORE,)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "MaskCodes":
        """From `dataclasses.asdict`, also after a round trip through JSON."""
        return cls(
            tuple(as_value(value) for value in record["values"]),
            tuple(as_value(value) for value in record["ignore"]),
        )

    @property
    def white(self) -> int:
        """The code of white in masks of one bit: 255 if that is a class, else 1."""
        return 255 if 255 in self.values else 1

    @property
    def colors(self) -> bool:
        """Whether the values are colours rather than grey levels or palette indices."""
        return any(isinstance(value, tuple) for value in self.values)

    def classes(self) -> dict[int, int]:
        """The class index of each value's code; `IGNORE` for ignored values."""
        # The default of `ignore` is a grey level, which masks of colours do not contain.
        ignored = [value for value in self.ignore if isinstance(value, tuple) == self.colors]
        return dict.fromkeys(map(value_code, ignored), IGNORE) | {
            value_code(value): i for i, value in enumerate(self.values)
        }


def as_value(value: int | Sequence[int]) -> Value:
    """A grey level unchanged, a colour as a tuple."""
    if isinstance(value, int):
        return value
    red, green, blue = value
    return (red, green, blue)


def value_code(value: Value) -> int:
    """A value as one number: a grey level itself, a colour as 0xRRGGBB."""
    if isinstance(value, int):
        return value
    red, green, blue = value
    return red << 16 | green << 8 | blue


def format_codes(codes: Sequence[int], colors: bool, limit: int = 5) -> str:
    """Codes as text, `0, 1, 2` or `(255, 0, 0)`; at most `limit` of them, and the count."""
    shown = codes[:limit]
    texts = [str((c >> 16, c >> 8 & 255, c & 255)) if colors else str(c) for c in shown]
    more = f" and {len(codes) - limit:,} more" if len(codes) > limit else ""
    return ", ".join(texts) + more


def _span(codes: Sequence[int], colors: bool) -> str:
    """Codes as text; a range where they follow each other."""
    first, last = min(codes), max(codes)
    if not colors and len(codes) > 5 and last - first + 1 == len(codes):
        return f"{first} to {last}"
    return format_codes(codes, colors, 20)


def describe_unknown_values(file: Path, values: MaskCodes, counts: Mapping[int, int]) -> str:
    """The error text for a mask with unknown values, given the pixel count of each."""
    unknown = sorted(counts, key=lambda code: -counts[code])
    index_of = values.classes()
    classes = [code for code, index in index_of.items() if index != IGNORE]
    ignored = [code for code, index in index_of.items() if index == IGNORE]
    ignored_text = f" (ignored: {format_codes(ignored, values.colors)})" if ignored else ""
    plural, them = ("s", "them") if len(unknown) > 1 else ("", "it")
    them_mean = "they mean" if len(unknown) > 1 else "it means"
    pixels = sum(counts.values())
    return (
        f"{file} contains the unknown value{plural} {format_codes(unknown, values.colors)} "
        f"({pixels:,} pixel{'s' if pixels > 1 else ''}); expected "
        f"{_span(classes, values.colors)}{ignored_text}. Fix the mask, or add {them} to "
        f'classes.json, to "ignore" if {them_mean} nothing.'
    )
