"""The classes of masks, from classes.txt, classes.json, or the values that occur."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from canon.data.targets.mask_codes import MAX_CLASSES, MaskCodes, Value, as_value, format_codes
from canon.data.types import IGNORE
from canon.errors import DataError

MAX_GUESSED_CLASSES = 64  # more distinct values are not taken for classes
BLACK_AND_WHITE = {0, 255}

EXAMPLE = '{"background": 0, "cell": 1, "ignore": 255}'


class ClassTable(NamedTuple):
    """The class names of a class file, and their values if it lists them."""

    file: Path
    names: tuple[str, ...]
    values: tuple[Value, ...] | None = None
    ignore: tuple[Value, ...] | None = None

    @property
    def colors(self) -> bool:
        """Whether the values are colours rather than numbers."""
        return any(isinstance(value, tuple) for value in self.values or ())

    def resolved(self, found: set[int]) -> MaskCodes:
        """The values of the classes, given all values in the masks.

        Without values, a class has its index. If there are two classes and the masks contain only 0
        and 255, the first class is 0 and the second 255.
        """
        values = self.values or tuple(range(len(self.names)))
        if self.ignore is not None:
            return MaskCodes(values, self.ignore)
        if values == (0, 1) and found == BLACK_AND_WHITE:
            return MaskCodes((0, 255), ())
        return MaskCodes(values, () if self.colors or IGNORE in values else (IGNORE,))


def read_class_table(folder: Path) -> ClassTable | None:
    """Read classes.txt or classes.json in a folder; None if there is neither.

    Raises:
        DataError: both exist, or the file is damaged or contradictory.
    """
    text, table = folder / "classes.txt", folder / "classes.json"
    if text.is_file() and table.is_file():
        raise DataError(
            f"{folder} has classes.txt and classes.json; expected only one. Delete the other."
        )
    if text.is_file():
        return _validate(ClassTable(text, tuple(_read(text).rstrip().splitlines())))
    return _validate(_from_json(table)) if table.is_file() else None


def classes_from_values(folder: Path, found: set[int]) -> tuple[tuple[str, ...], MaskCodes]:
    """Class names and values for masks without a class file, from all values in them.

    Raises:
        DataError: there are too many values, or they are too far apart, to be class indices.
    """
    if found == BLACK_AND_WHITE:
        return ("0", "255"), MaskCodes((0, 255), ())
    indices = sorted(found - {IGNORE})
    if len(found) > MAX_GUESSED_CLASSES:
        raise DataError(
            f"{folder}: the masks contain {len(found)} distinct values, like photographs or "
            f"blurred masks; expected at most {MAX_GUESSED_CLASSES}. Save them as PNG without "
            "antialiasing, or name the classes in classes.txt."
        )
    if indices and len(indices) <= indices[-1] // 2:  # most indices do not occur
        raise DataError(
            f"{folder}: the masks contain {format_codes(sorted(found), False)}, which are not "
            f"class indices; expected 0, 1, 2 and so on. Name the values in classes.json, for "
            f"example {EXAMPLE}."
        )
    count = indices[-1] + 1 if indices else 0
    return tuple(map(str, range(count))), MaskCodes(tuple(range(count)))


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, ValueError) as reason:
        raise DataError(
            f"{file} cannot be read: {reason}; expected UTF-8 text. Save it as UTF-8."
        ) from None


def _from_json(file: Path) -> ClassTable:
    try:
        content = json.loads(_read(file), object_pairs_hook=_unique_keys)
    except ValueError as reason:
        raise _invalid(file, f"is not valid JSON: {reason}") from None
    if isinstance(content, list):
        return ClassTable(file, tuple(content))
    if not isinstance(content, dict) or not content:
        raise _invalid(file, f"contains {json.dumps(content)[:40]}")
    ignore = content.pop("ignore", None)
    values = tuple(_value(file, value) for value in content.values())
    if len({isinstance(value, tuple) for value in values}) > 1:
        raise _invalid(file, "gives some classes a colour and others a number")
    table = ClassTable(file, tuple(content), values)
    return table._replace(ignore=None if ignore is None else _ignored(table, ignore))


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"{_duplicate(names)!r} occurs twice")
    return dict(pairs)


def _ignored(classes: ClassTable, ignore: Any) -> tuple[Value, ...]:
    listed = ignore if isinstance(ignore, list) else [ignore]
    if classes.colors and listed and not isinstance(listed[0], list):
        listed = [listed]  # a single colour
    values = tuple(_value(classes.file, value) for value in listed)
    if any(isinstance(value, tuple) != classes.colors for value in values):
        raise _invalid(classes.file, "ignores a value of another kind than the classes have")
    return values


def _value(file: Path, value: Any) -> Value:
    """A grey level or a colour, as JSON gives it."""
    numbers, length, limit = (value, 3, 255) if isinstance(value, list) else ([value], 1, 65535)
    # Not isinstance, which takes True for a number.
    if len(numbers) != length or any(type(n) is not int or not 0 <= n <= limit for n in numbers):
        raise _invalid(file, f"gives a class the value {json.dumps(value)[:40]}")
    return as_value(value)


def _invalid(file: Path, fault: str) -> DataError:
    return DataError(
        f"{file} {fault}; expected a list of names, or an object of names with values from 0 to "
        f"65535 or colours [r, g, b], for example {EXAMPLE}. Correct the file."
    )


def _validate(classes: ClassTable) -> ClassTable:
    """The classes, if their names and values are unique."""
    file = classes.file
    names = tuple(name.strip() if isinstance(name, str) else "" for name in classes.names)
    if not all(names):
        raise DataError(
            f"{file} has a class without a name; expected a name for each class, beginning with "
            "value 0. Add the name."
        )
    if not 2 <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"the number of classes in {file} is {len(names)}; expected 2 to {MAX_CLASSES}, "
            "background included. Add a name, or merge classes."
        )
    values = [*(classes.values or ()), *(classes.ignore or ())]
    for kind, items in (("class", names), ("value", values)):
        if len(set(items)) < len(items):
            raise DataError(
                f"{file} has the {kind} {_duplicate(items)!r} twice; expected each once. Remove "
                "one."
            )
    return classes._replace(names=names)


def _duplicate(items: Sequence[Any]) -> Any:
    return next(item for i, item in enumerate(items) if item in items[:i])
