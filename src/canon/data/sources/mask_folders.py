"""Folders of images and masks: pairs, splits and classes."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from canon.data.dataset import SPLITS, Dataset, Split
from canon.data.images.collection import FileImages
from canon.data.images.listing import files_in, folders_in
from canon.data.images.reader import is_image
from canon.data.sources.class_table import classes_from_values, read_class_table
from canon.data.sources.split_folders import SPLIT_NAMES, split_folders
from canon.data.sources.split_lists import split_lists
from canon.data.targets.mask_codes import MaskCodes, format_codes
from canon.data.targets.mask_histogram import MaskHistogram, mask_histograms
from canon.data.targets.masks import Masks
from canon.data.types import IGNORE
from canon.errors import DataError

FOLDERS = ("images", "masks")

Pairs = tuple[tuple[Path, ...], tuple[Path, ...]]  # images and masks


class MaskFolder(NamedTuple):
    """A folder that holds `images` and `masks`; a stem is a path below them without its suffix."""

    folder: Path
    images: dict[str, Path]
    masks: dict[str, Path]
    others: tuple[Path, ...]  # files that are not images

    def pairs(self, stems: list[str]) -> Pairs:
        """The images and masks of these stems."""
        return tuple(self.images[stem] for stem in stems), tuple(self.masks[s] for s in stems)


def open_mask_folders(folder: Path) -> Dataset | None:
    """A folder of `images` and `masks`, or of train, val and test folders of them; None if not.

    An image and a mask of the same stem are a pair. In one folder, train.txt, val.txt and test.txt
    may say which pairs belong to a split, and so may folders train, val and test in both.

    Raises:
        DataError: images without masks or masks without images, lists that contradict the files or
            each other, a class file that cannot be used, or masks of one class only.
    """
    folders = {"train": folder} if _holds(folder) else split_folders(folder)
    if not any(map(_holds, folders.values())):
        return None
    homes = {split: _mask_folder(folders[split]) for split in SPLITS if split in folders}
    if folders["train"] == folder:
        home = homes["train"]
        pairs = {split: home.pairs(stems) for split, stems in _splits(home).items()}
    else:
        pairs = {split: home.pairs(_paired_stems(home)) for split, home in homes.items()}
    masks = {split: files for split, (_, files) in pairs.items()}
    names, codes = _classes(folder, masks)
    splits = {
        split: Split(FileImages(images), Masks(masks[split], names, codes))
        for split, (images, _) in pairs.items()
    }
    return Dataset(str(folder), splits, _ignored(folder, homes, splits))


def _holds(folder: Path) -> bool:
    """Whether a folder holds images and masks, or one of them and no other folder."""
    inside = {d.name for d in folders_in(folder)}
    return inside.issuperset(FOLDERS) or inside in ({"images"}, {"masks"})


def _mask_folder(folder: Path) -> MaskFolder:
    images, masks = (files_in(folder / k) if (folder / k).is_dir() else [] for k in FOLDERS)
    for kind, files in zip(FOLDERS, (images, masks), strict=True):
        if not any(map(is_image, files)):
            raise DataError(
                f"{folder / kind} is missing or holds no images; expected folders images and masks "
                "with files of the same names. Put them there."
            )
    others = tuple(file for file in (*images, *masks) if not is_image(file))
    return MaskFolder(
        folder, _by_stem(folder / "images", images), _by_stem(folder / "masks", masks), others
    )


def _by_stem(folder: Path, files: Iterable[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in filter(is_image, files):
        stem = file.relative_to(folder).with_suffix("").as_posix()
        if stem in found:
            raise DataError(
                f"{found[stem]} and {file} have the same stem; expected one file for each. Rename "
                "or delete one of them."
            )
        found[stem] = file
    return found


def _splits(home: MaskFolder) -> dict[str, list[str]]:
    """The stems of each split: by lists, by folders inside images and masks, or all to train."""
    splits = split_lists(home.folder, home.images, home.masks)
    missing = "train.txt" if splits else "images/train and masks/train"
    splits = splits or _by_folder(_paired_stems(home))
    if "train" not in splits:
        raise DataError(
            f"{home.folder} has pairs for {' and '.join(splits)} but none for train; expected some "
            f"to train on. Add {missing}."
        )
    return splits


def _by_folder(stems: list[str]) -> dict[str, list[str]]:
    named = {s: SPLIT_NAMES.get(s.split("/")[0].lower()) if "/" in s else None for s in stems}
    if not all(named.values()):
        return {"train": stems}
    splits = {split: [s for s in stems if named[s] == split] for split in SPLITS}
    return {split: found for split, found in splits.items() if found}


def _paired_stems(home: MaskFolder) -> list[str]:
    """The stems of all pairs, if there is nothing else."""
    alone = [s for s in home.images if s not in home.masks]
    extra = [s for s in home.masks if s not in home.images]
    if alone or extra:
        lacks = [f"images without a mask ({_some(alone)})"] if alone else []
        adds = [f"masks without an image ({_some(extra)})"] if extra else []
        raise DataError(
            f"{home.folder} has {' and '.join(lacks + adds)}; expected pairs of the same name but "
            "for the suffix. Rename, add or delete files."
        )
    return list(home.images)


def _some(names: list[str], most: int = 3) -> str:
    return f"{len(names):,}: " + ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def _classes(folder: Path, masks: dict[str, tuple[Path, ...]]) -> tuple[tuple[str, ...], MaskCodes]:
    """Names and values of the classes, from a class file and from all masks."""
    table = read_class_table(folder)
    files = [mask for split in masks.values() for mask in split]
    histograms = mask_histograms(str(folder), files, table is not None and table.colors)
    faults = [one.fault for one in histograms.values() if one.fault]
    if len(faults) == len(files):
        raise DataError(f"{faults[0]} All {len(files):,} masks are like that.")
    found = {code for one in histograms.values() for code in one.codes}
    names, values = (
        (table.names, table.resolved(found)) if table else classes_from_values(folder, found)
    )
    _need_two(folder, [histograms[mask] for mask in masks["train"]], values)
    return names, values


def _need_two(folder: Path, training: list[MaskHistogram], values: MaskCodes) -> None:
    shown_classes = {index for tally in training for index in tally.by_class(values)} - {IGNORE}
    if len(shown_classes) < 2:
        codes = sorted({one for tally in training for one in tally.codes})
        raise DataError(
            f"{folder} has one class only in its training masks, which hold "
            f"{format_codes(codes, values.colors)}; expected two or more. Add masks of "
            "another class, or say in classes.json what the values mean."
        )


def _ignored(
    folder: Path, homes: dict[str, MaskFolder], splits: dict[str, Split]
) -> tuple[Path, ...]:
    """Other folders, files that are not images, and pairs that no list names."""
    taken = {folder / kind for kind in FOLDERS} | {home.folder for home in homes.values()}
    ignored = [inside for inside in folders_in(folder) if inside not in taken]
    used = {file for split in splits.values() for file in split.files}
    for home in homes.values():
        ignored += home.others
        ignored += [f for f in (*home.images.values(), *home.masks.values()) if f not in used]
    return tuple(ignored)
