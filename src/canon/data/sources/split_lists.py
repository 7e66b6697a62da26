"""Split lists: train.txt, val.txt and test.txt, one stem or file name per line."""

import re
from collections.abc import Container
from pathlib import Path

from canon.data.dataset import SPLITS
from canon.data.images.listing import composed
from canon.errors import DataError

COMMENT = re.compile(r"(^|\s)#.*")


def split_lists(
    folder: Path, images: Container[str], masks: Container[str]
) -> dict[str, list[str]]:
    """The stems of each split with a list in the folder, in the order of the list.

    Args:
        folder: with the lists, if any.
        images: stems of the images.
        masks: stems of the masks.

    Raises:
        DataError: a list is empty or unreadable, or a name is unknown or occurs twice.
    """
    splits: dict[str, list[str]] = {}
    where: dict[str, Path] = {}
    lists = {split: folder / f"{split}.txt" for split in SPLITS}
    for split, file in lists.items():
        if file.is_file():
            splits[split] = [_stem(name, file, images, masks) for name in _names(file)]
            for stem in splits[split]:
                _require_first(stem, file, where)
    return splits


def _names(file: Path) -> list[str]:
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as reason:
        raise DataError(
            f"{file} cannot be read: {reason}; expected one name per line. Save it as UTF-8."
        ) from None
    names = [composed(line.strip()) for line in lines if COMMENT.sub("", line).strip()]
    if not names:
        raise DataError(f"{file} is empty; expected one stem per line. Fill it or delete it.")
    return names


def _stem(line: str, file: Path, images: Container[str], masks: Container[str]) -> str:
    name = COMMENT.sub("", line).strip()
    # A name may hold what looks like a comment. The second of each has no suffix.
    stems = (line, line.rpartition(".")[0], name, name.rpartition(".")[0])
    for stem in stems:
        if stem in images and stem in masks:
            return stem
    found = "does not exist"
    if any(stem in images for stem in stems):
        found = "has no mask"
    elif any(stem in masks for stem in stems):
        found = "has no image"
    raise DataError(
        f"{file} names {name!r}, which {found}; expected an image with a mask. "
        "Correct the name or add the file."
    )


def _require_first(stem: str, file: Path, where: dict[str, Path]) -> None:
    if stem in where:
        first = "twice" if where[stem] == file else f"which is also in {where[stem].name}"
        raise DataError(
            f"{file} names {stem!r} {first}; expected each pair in one split only. "
            "Remove one entry."
        )
    where[stem] = file
