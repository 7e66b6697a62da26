"""Pairs of an image and a mask, by the names of their files."""

import re
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

from canon.data.sources.split_folders import SPLIT_NAMES
from canon.errors import DataError

Cut = tuple[str, str]  # what all names of a folder begin and end with
Pairs = tuple[tuple[Path, ...], tuple[Path, ...]]  # images and masks


SPLIT = "|".join(rf"(?<![a-z]){name}(?![a-z])" for name in SPLIT_NAMES)  # as a word


class MaskFolder(NamedTuple):
    """A folder that holds `images` and `masks`.

    Args:
        folder: it.
        images: files by stem: the path below `images` without its extension.
        masks: files by the stem of their image; those without an image by their own.
        others: files that are not images, and test images without any masks.
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
    Numbers and words are never cut in two, and what is taken off must not contradict itself, such
    as train_ and val_, or patient1_ and patient2_.
    """
    if not masks.keys().isdisjoint(images):
        return masks
    of_images, of_masks = _by_folder(images), _by_folder(masks)
    if {f: len(s) for f, s in of_images.items()} != {f: len(s) for f, s in of_masks.items()}:
        return masks
    lone = {s[0]: of_masks[folder][0] for folder, s in of_images.items() if len(s) == 1}
    if not all(_alike(_name(image), _name(mask)) for image, mask in lone.items()):
        return masks
    several = [folder for folder, stems in of_images.items() if len(stems) > 1]
    ways = product(_cores(of_images, several), _cores(of_masks, several))
    for (cores, image_cuts), (of_core, mask_cuts) in ways:
        if cores.keys() == of_core.keys() and not any(
            _contradict(image_cuts[folder], mask_cuts[folder]) for folder in several
        ):
            pairs = lone | {stem: of_core[core] for core, stem in cores.items()}
            return {image: masks[mask] for image, mask in pairs.items()}
    return masks


def _by_folder(stems: Iterable[str]) -> dict[str, list[str]]:
    folders: dict[str, list[str]] = {}
    for stem in stems:
        folders.setdefault(stem.rpartition("/")[0], []).append(stem)
    return folders


def _cores(
    stems: dict[str, list[str]], folders: list[str]
) -> Iterator[tuple[dict[str, str], dict[str, Cut]]]:
    """Stems by what distinguishes them: whole, without a common end, a common start, or both."""
    for cut_start, cut_end in ((False, False), (False, True), (True, False), (True, True)):
        found, cuts = {}, {}
        for folder in folders:
            names = [_name(stem) for stem in stems[folder]]
            start = _common_start(names) if cut_start else 0
            end = _common_start([name[start:][::-1] for name in names]) if cut_end else 0
            cuts[folder] = (names[0][:start], names[0][len(names[0]) - end :])
            for stem, name in zip(stems[folder], names, strict=True):
                found[f"{folder}/{name[start : len(name) - end]}"] = stem
        if len(found) == sum(len(stems[folder]) for folder in folders):
            yield found, cuts


def _contradict(images: Cut, masks: Cut) -> bool:
    """Whether both have numbers, or names of splits, and not the same."""
    numbers, splits = (
        [[tuple(re.findall(pattern, text.lower())) for text in cut] for cut in (images, masks)]
        for pattern in (r"\d+", SPLIT)
    )
    return any(any(a) and any(b) and a != b for a, b in (numbers, splits))


def _alike(image: str, mask: str) -> bool:
    """Whether a lone image and a lone mask begin or end alike, and the rest does not contradict."""
    start = _common_start([image, mask], whole=True)
    end = _common_start([image[start:][::-1], mask[start:][::-1]], whole=True)
    rests = [(name[start : len(name) - end], "") for name in (image, mask)]
    return start + end > 0 and not _contradict(*rests)


def _common_start(names: list[str], *, whole: bool = False) -> int:
    """Characters that all names begin with, up to the end of a number, a word or a separator.

    Args:
        names: the names.
        whole: whether it may be all of a name.
    """
    first, last = min(names), max(names)
    same = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    start = first[:same]
    while start and any(_kind(name[len(start) :]) == _kind(start[-1]) for name in names):
        start = start[:-1]
    return len(start) if whole or all(len(name) > len(start) for name in names) else 0


def _kind(text: str) -> str:
    """Of a text's first character: a digit, a letter, or itself."""
    first = text[:1]
    return "digit" if first.isdigit() else "letter" if first.isalpha() else first


def _name(stem: str) -> str:
    return stem.rpartition("/")[2]


def _some(names: list[str], most: int = 3) -> str:
    return f"{len(names):,}: " + ", ".join(names[:most]) + (", ..." if len(names) > most else "")
