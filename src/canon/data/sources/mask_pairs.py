"""Pairs of an image and a mask, by the names of their files."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

from canon.errors import DataError

Pairs = tuple[tuple[Path, ...], tuple[Path, ...]]  # images and masks


class MaskFolder(NamedTuple):
    """A folder that holds `images` and `masks`.

    Args:
        folder: it.
        images: files by stem: the path below `images` without its extension.
        masks: files by the stem of their image; those without an image by their own.
        others: files that are not images.
    """

    folder: Path
    images: dict[str, Path]
    masks: dict[str, Path]
    others: tuple[Path, ...]

    def pairs(self, stems: list[str]) -> Pairs:
        """The images and masks of these stems."""
        return tuple(self.images[stem] for stem in stems), tuple(self.masks[s] for s in stems)

    def paired_stems(self) -> list[str]:
        """The stems of all pairs.

        Raises:
            DataError: an image has no mask, or a mask no image.
        """
        alone = [s for s in self.images if s not in self.masks]
        extra = [s for s in self.masks if s not in self.images]
        if alone or extra:
            lacks = [f"images without a mask ({_some(alone)})"] if alone else []
            adds = [f"masks without an image ({_some(extra)})"] if extra else []
            raise DataError(
                f"{self.folder} has {' and '.join(lacks + adds)}; expected pairs whose names are "
                "equal, or differ in the extension and in what all images or all masks begin or "
                "end with, as a.jpg and a_mask.png do. Rename, add or delete files."
            )
        return list(self.images)

    def note(self) -> str:
        """How masks are paired with images of other names, or an empty text."""
        different = (s for s, mask in self.masks.items() if _name(mask.stem) != _name(s))
        stem = next((s for s in different if s in self.images), None)
        if stem is None:
            return ""
        return (
            f"images and masks are paired by the part of their names that differs: "
            f"{self.images[stem].name} with {self.masks[stem].name}, ..."
        )


def by_image(images: dict[str, Path], masks: dict[str, Path]) -> dict[str, Path]:
    """The masks under the stems of their images, if the names pair as a whole; else unchanged.

    Names of images and masks pair if they are equal, or become equal when what all images, or all
    masks, of a folder begin or end with is taken off: 21_training and 21_manual1, a and a_mask.
    Numbers and words are never cut.
    """
    if not masks.keys().isdisjoint(images):
        return masks
    for of_images, of_masks in product(_cores(list(images)), _cores(list(masks))):
        if len(of_images) == len(of_masks) and of_images.keys() == of_masks.keys():
            return {of_images[core]: masks[stem] for core, stem in of_masks.items()}
    return masks


def _cores(stems: list[str]) -> Iterator[dict[str, str]]:
    """Stems by what distinguishes them: whole, without a common end, a common start, or both."""
    folders: dict[str, list[str]] = {}
    for stem in stems:
        folders.setdefault(stem.rpartition("/")[0], []).append(stem)
    for cut_start, cut_end in ((False, False), (False, True), (True, False), (True, True)):
        found = {}
        for folder, inside in folders.items():
            names = [_name(stem) for stem in inside]
            start = _common_start(names) if cut_start else 0
            end = _common_start([name[start:][::-1] for name in names]) if cut_end else 0
            for stem, name in zip(inside, names, strict=True):
                found[f"{folder}/{name[start : len(name) - end]}"] = stem
        if len(found) == len(stems):
            yield found


def _common_start(names: list[str]) -> int:
    """Characters that all names begin with, up to the end of a number, a word or a separator."""
    first, last = min(names), max(names)
    same = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    start = first[:same]
    while start and any(_kind(name[len(start) :]) == _kind(start[-1]) for name in names):
        start = start[:-1]
    return len(start) if all(len(name) > len(start) for name in names) else 0


def _kind(text: str) -> str:
    """Of a text's first character: a digit, a letter, or itself."""
    first = text[:1]
    return "digit" if first.isdigit() else "letter" if first.isalpha() else first


def _name(stem: str) -> str:
    return stem.rpartition("/")[2]


def _some(names: list[str], most: int = 3) -> str:
    return f"{len(names):,}: " + ", ".join(names[:most]) + (", ..." if len(names) > most else "")
