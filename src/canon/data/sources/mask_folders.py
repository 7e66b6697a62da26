"""Folders of images and masks: pairs, splits and classes."""

from collections.abc import Iterable
from pathlib import Path

from canon.data.dataset import SPLITS, Dataset, Split
from canon.data.images.collection import FileImages
from canon.data.images.listing import composed, files_in, folders_in, image_files
from canon.data.images.reader import is_image
from canon.data.sources.class_table import classes_from_values, read_class_table
from canon.data.sources.mask_pairs import MaskFolder, by_image
from canon.data.sources.split_folders import SPLIT_NAMES, split_folders
from canon.data.sources.split_lists import split_lists
from canon.data.targets.mask_codes import MaskCodes, format_codes
from canon.data.targets.mask_histogram import (
    MaskHistogram,
    differing_palettes,
    mask_histograms,
)
from canon.data.targets.masks import Masks
from canon.data.types import IGNORE
from canon.errors import DataError

FOLDERS = ("images", "masks")  # in small letters or capitals


def open_mask_folders(
    folder: Path, known: Masks | None = None, *, to_train: bool = True
) -> Dataset | None:
    """A folder of `images` and `masks`, or of train, val and test folders of them; None if not.

    Files are paired by their names, see `mask_pairs`. In one folder, train.txt, val.txt and
    test.txt may say which pairs belong to a split, and so may folders train, val and test in both.

    Args:
        folder: the dataset.
        known: masks with the classes and values of a run that is to be evaluated; they are taken
            unless a class file says otherwise.
        to_train: whether there must be a training split.

    Raises:
        DataError: images without masks or masks without images, lists that contradict the files or
            each other, a class file that cannot be used, or masks of one class only.
    """
    holds = _holds(folder)
    folders = {"train": folder} if holds else split_folders(folder, to_train=to_train)
    if not any(map(_holds, folders.values())):
        return None
    several = len(folders) > 1
    unlabelled = [d for s, d in folders.items() if several and s == "test" and _lacks_masks(d)]
    homes = {split: _mask_folder(folders[split]) for split in SPLITS
             if split in folders and folders[split] not in unlabelled}  # fmt: skip
    if folders.get("train") == folder:
        home = homes["train"]
        stems = _splits(home, to_train=to_train)
        pairs = {split: home.pairs(of_split) for split, of_split in stems.items()}
    else:
        pairs = {split: home.pairs(home.paired_stems()) for split, home in homes.items()}
    masks = {split: files for split, (_, files) in pairs.items()}
    names, codes, palettes = _classes(folder, masks, known)
    splits = {
        split: Split(FileImages(images), Masks(masks[split], names, codes))
        for split, (images, _) in pairs.items()
    }
    notes = tuple(dict.fromkeys(filter(None, (*(h.note() for h in homes.values()), palettes))))
    ignored = [file for file in _ignored(folder, homes, splits) if file not in unlabelled]
    ignored += [file for one in unlabelled for file in image_files(one)]
    return Dataset(str(folder), splits, tuple(ignored), notes)


def _holds(folder: Path) -> bool:
    """Whether a folder holds images and masks, or one of them and no other folder."""
    inside = {d.name.lower() for d in folders_in(folder)}
    return inside.issuperset(FOLDERS) or inside in ({"images"}, {"masks"})


def _lacks_masks(folder: Path) -> bool:
    """Whether a folder has images, but no masks, as the test images of a challenge."""
    return "masks" not in {d.name.lower() for d in folders_in(folder)} and bool(image_files(folder))


def _mask_folder(folder: Path) -> MaskFolder:
    inside = {d.name.lower(): d for d in folders_in(folder)}
    images, masks = (files_in(inside[kind]) if kind in inside else [] for kind in FOLDERS)
    for kind, files in zip(FOLDERS, (images, masks), strict=True):
        if not any(map(is_image, files)):
            raise DataError(
                f"{folder / kind} is missing or holds no images; expected folders images and masks "
                "with files of the same names. Put them there."
            )
    others = [file for file in (*images, *masks) if not is_image(file)]
    by_stem, of_masks = _by_stem(inside["images"], images), _by_stem(inside["masks"], masks)
    for stem, file in [*by_stem.items()]:  # the same where a split is a folder in images
        split = SPLIT_NAMES.get(stem.partition("/")[0].lower())
        if split == "test" and not (inside["masks"] / stem.partition("/")[0]).exists():
            others.append(file)
            del by_stem[stem]
    return MaskFolder(folder, by_stem, by_image(by_stem, of_masks), tuple(others))


def _by_stem(folder: Path, files: Iterable[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in filter(is_image, files):
        stem = composed(file.relative_to(folder).with_suffix("").as_posix())
        if stem in found:
            raise DataError(
                f"{found[stem]} and {file} have the same stem; expected one file for each. Rename "
                "or delete one of them."
            )
        found[stem] = file
    return found


def _splits(home: MaskFolder, *, to_train: bool) -> dict[str, list[str]]:
    """The stems of each split: by lists, by folders inside images and masks, or all to train."""
    splits = split_lists(home.folder, home.images, home.masks)
    missing = "train.txt" if splits else "images/train and masks/train"
    splits = splits or _by_folder(home.paired_stems())
    if "train" not in splits and to_train:
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


def _classes(
    folder: Path, masks: dict[str, tuple[Path, ...]], known: Masks | None
) -> tuple[tuple[str, ...], MaskCodes, str]:
    """Names and values of the classes, from a class file and all masks, or from a run; a note."""
    table = read_class_table(folder)
    if known is not None and table is None:
        return known.classes, known.codes, ""
    files = [mask for split in masks.values() for mask in split]
    histograms = mask_histograms(str(folder), files, table is not None and table.colors)
    faults = [one.fault for one in histograms.values() if one.fault]
    if len(faults) == len(files):
        raise DataError(f"{faults[0]} All {len(files):,} masks are like that.")
    found = _values(histograms)
    names, values = (
        (table.names, table.resolved(found)) if table else classes_from_values(folder, found)
    )
    if known is None:
        _need_two(folder, [histograms[mask] for mask in masks["train"]], values)
    return names, values, differing_palettes(histograms)


def _values(histograms: dict[Path, MaskHistogram]) -> set[int]:
    """All values of the masks; white of one bit is 255 if masks of 8 bits have it.

    Raises:
        DataError: it could be 1 as well.
    """
    grey = {code for one in histograms.values() if not one.bilevel for code in one.codes}
    bilevel = {file: one for file, one in histograms.items() if one.bilevel}
    found = {code for one in bilevel.values() for code in one.codes}
    with_white = [f for f, one in histograms.items() if not one.bilevel and 255 in one.codes]
    indexed = all(histograms[file].colors for file in (*with_white, *bilevel))
    if 1 not in found or not with_white or indexed:
        return grey | found
    if 1 in grey:
        other = with_white[0]
        raise DataError(
            f"{next(iter(bilevel))} has one bit per pixel, {other} eight, with values of 1 and "
            "255; expected masks of one kind. Convert those of one bit to 8 bits."
        )
    return grey | {255 * code for code in found}


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
    taken = {home.folder for home in homes.values()}
    ignored = [d for d in folders_in(folder) if d not in taken and d.name.lower() not in FOLDERS]
    used = {file for split in splits.values() for file in split.files}
    for home in homes.values():
        ignored += home.others
        ignored += [f for f in (*home.images.values(), *home.masks.values()) if f not in used]
    return tuple(ignored)
