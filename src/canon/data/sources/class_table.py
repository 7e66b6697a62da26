"""The classes of masks: from classes.txt, classes.json, or the values that occur."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from canon.data.targets.mask_codes import MAX_CLASSES, MaskCodes, Value, as_value, format_codes
from canon.data.types import IGNORE
from canon.errors import DataError

MAX_GUESSED_CLASSES = 64  # different values that are still taken for classes
BLACK_AND_WHITE = {0, 255}

EXAMPLE = '{"background": 0, "cell": 1, "ignore": 255}'


class ClassTable(NamedTuple):
    """What a file says of the classes: their names, and if it does, their values."""

    file: Path
    names: tuple[str, ...]
    values: tuple[Value, ...] | None = None
    ignore: tuple[Value, ...] | None = None

    @property
    def colours(self) -> bool:
        """Whether the values are colours."""
        return any(isinstance(value, tuple) for value in self.values or ())

    def resolved(self, found: set[int]) -> MaskCodes:
        """The values of the classes, given all that occur in the masks.

        A name without a value has its place in the file. Of two classes in masks of black and
        white, white is the second.
        """
        values = self.values or tuple(range(len(self.names)))
        if self.ignore is not None:
            return MaskCodes(values, self.ignore)
        if values == (0, 1) and found == BLACK_AND_WHITE:
            return MaskCodes((0, 255), ())
        return MaskCodes(values, () if self.colours or IGNORE in values else (IGNORE,))


def read_class_table(folder: Path) -> ClassTable | None:
    """What classes.txt or classes.json in a folder says, if one of them is there.

    Raises:
        DataError: both are there, or the one is damaged or contradicts itself.
    """
    text, table = folder / "classes.txt", folder / "classes.json"
    if text.is_file() and table.is_file():
        raise DataError(
            f"{folder} has classes.txt and classes.json; expected one of them. Delete the other."
        )
    if text.is_file():
        return _validate(ClassTable(text, tuple(_read(text).rstrip().splitlines())))
    return _validate(_from_json(table)) if table.is_file() else None


def classes_from_values(folder: Path, found: set[int]) -> tuple[tuple[str, ...], MaskCodes]:
    """Names and values of the classes of masks without a class file, from all values in them.

    Raises:
        DataError: the values are too many, or too far apart, to be class indices.
    """
    if found == BLACK_AND_WHITE:
        return ("0", "255"), MaskCodes((0, 255), ())
    indices = sorted(found - {IGNORE})
    if len(found) > MAX_GUESSED_CLASSES:
        raise DataError(
            f"{folder}: the masks hold {len(found)} different values, as photographs or blurred "
            f"masks do; expected at most {MAX_GUESSED_CLASSES}. Save them as PNG without "
            "antialiasing, or name the classes in classes.txt."
        )
    if indices and len(indices) <= indices[-1] // 2:  # most of 0, 1, ... do not occur
        raise DataError(
            f"{folder}: the masks hold {format_codes(sorted(found), False)}, which are no class "
            f"indices; expected 0, 1, 2 and so on. Say what they mean in classes.json, such "
            f"as {EXAMPLE}."
        )
    count = indices[-1] + 1 if indices else 0
    return tuple(map(str, range(count))), MaskCodes(tuple(range(count)))


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, ValueError) as reason:
        raise DataError(
            f"{file} cannot be read: {reason}; expected text in UTF-8. Save it so."
        ) from None


def _from_json(file: Path) -> ClassTable:
    try:
        said = json.loads(_read(file), object_pairs_hook=_unique_keys)
    except ValueError as reason:
        raise _invalid(file, f"is no JSON: {reason}") from None
    if isinstance(said, list):
        return ClassTable(file, tuple(said))
    if not isinstance(said, dict) or not said:
        raise _invalid(file, f"holds {json.dumps(said)[:40]}")
    ignore = said.pop("ignore", None)
    values = tuple(_value(file, value) for value in said.values())
    if len({isinstance(value, tuple) for value in values}) > 1:
        raise _invalid(file, "gives some classes a colour and others a number")
    found = ClassTable(file, tuple(said), values)
    return found._replace(ignore=None if ignore is None else _ignored(found, ignore))


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"{_duplicate(names)!r} stands twice")
    return dict(pairs)


def _ignored(classes: ClassTable, ignore: Any) -> tuple[Value, ...]:
    given = ignore if isinstance(ignore, list) else [ignore]
    if classes.colours and given and not isinstance(given[0], list):
        given = [given]  # one colour
    values = tuple(_value(classes.file, value) for value in given)
    if any(isinstance(value, tuple) != classes.colours for value in values):
        raise _invalid(classes.file, "ignores a value of another kind than the classes have")
    return values


def _value(file: Path, value: Any) -> Value:
    """A grey level or a colour, as JSON gives it."""
    numbers, length, most = (value, 3, 255) if isinstance(value, list) else ([value], 1, 65535)
    # Not isinstance: True is no number here.
    if len(numbers) != length or any(type(n) is not int or not 0 <= n <= most for n in numbers):
        raise _invalid(file, f"gives a class the value {json.dumps(value)[:40]}")
    return as_value(value)


def _invalid(file: Path, how: str) -> DataError:
    return DataError(
        f"{file} {how}; expected a list of names, or an object of names and values from 0 to 65535 "
        f"or colours [r, g, b], such as {EXAMPLE}. Mend the file."
    )


def _validate(classes: ClassTable) -> ClassTable:
    """The classes, if they can be told apart."""
    file, given = classes.file, classes.names
    names = tuple(name.strip() if isinstance(name, str) else "" for name in given)
    if not all(names):
        raise DataError(
            f"{file} has a class without a name; expected a name for each, the first for value 0. "
            "Fill it in."
        )
    if not 2 <= len(names) <= MAX_CLASSES:
        raise DataError(
            f"the number of classes in {file} is {len(names)}; expected 2 to {MAX_CLASSES}, a "
            "background being one. Name the others, or merge some."
        )
    values = [*(classes.values or ()), *(classes.ignore or ())]
    for what, them in (("class", names), ("value", values)):
        if len(set(them)) < len(them):
            raise DataError(
                f"{file} has the {what} {_duplicate(them)!r} twice; expected each once. Take one "
                "out."
            )
    return classes._replace(names=names)


def _duplicate(given: Sequence[Any]) -> Any:
    return next(one for i, one in enumerate(given) if one in given[:i])
