"""Find image files below a path, and name the outputs for them."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from canon.data.images.reader import is_image
from canon.errors import DataError

ZARR = ("zarr.json", ".zarray", ".zgroup")  # one of them is in every zarr folder
# What systems and archivers leave in folders of images.
SYSTEM = {
    "@eadir", "@recycle", "#recycle", "#snapshot", "__macosx", "$recycle.bin", "lost+found",
    "system volume information", "thumbs.db", "desktop.ini",
}  # fmt: skip


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr image."""
    return any((path / name).is_file() for name in ZARR)


def find_images(path: Path) -> list[Path]:
    """The path itself if it is an image, or all images below a folder.

    Raises:
        DataError: the path does not exist, or contains no image.
    """
    if path.is_dir() and not is_zarr(path):
        found = [
            *image_files(path),
            *sorted(p for p in path.glob("*") if p.is_dir() and is_zarr(p)),
        ]
        if not found:
            raise DataError(
                f"{path} contains no image files; expected at least one. Pass another folder."
            )
        return found
    if not path.exists():
        raise DataError(f"{path} does not exist; expected an image or a folder. Check the path.")
    return [path]


def other_files(paths: Iterable[Path]) -> list[Path]:
    """The files in folders that `find_images` leaves out."""
    folders = (path for path in paths if path.is_dir() and not is_zarr(path))
    found = (file for folder in folders for file in files_in(folder))
    return [f for f in found if not is_image(f) and not any(map(is_zarr, f.parents))]


def by_suffix(files: Iterable[Path]) -> str:
    """How many files there are of each kind, such as "2 HEIC, 1 without suffix"."""
    counts = Counter(map(kind_of, files))
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common())


def kind_of(file: Path) -> str:
    """The kind of a file by its suffix, such as "HEIC"."""
    return file.suffix[1:].upper() or "without suffix"


def name_outputs(paths: Iterable[str | Path], out: Path) -> list[tuple[Path, str]]:
    """The images of all paths, and a unique output name for each.

    Args:
        paths: files and folders.
        out: folder of the outputs; if it lies in one of the paths, images in it are skipped.

    Raises:
        DataError: a path does not exist or contains no image, two outputs would collide, or one
            would replace an image.
    """
    named: list[tuple[Path, str]] = []
    target = out.resolve()
    for path in map(Path, paths):
        inside = path.is_dir() and path.resolve() in target.parents  # results of earlier calls
        for file in find_images(path):
            if inside and target in file.resolve().parents:
                continue
            name = file.relative_to(path) if file != path else Path(file.name)
            named.append((file, "-".join(name.with_suffix("").parts)))
    if not named:
        raise DataError(
            f"all images are in the output folder {out}; expected images elsewhere. Pass another "
            "--out."
        )
    _require_unique(named)
    _require_apart(named, target)
    return named


def _require_unique(named: list[tuple[Path, str]]) -> None:
    files = (name + more for _, name in named for more in ("", "-overlay", "-probabilities"))
    collisions = [name for name, count in Counter(files).items() if count > 1]
    if collisions:
        first, second = [file for file, name in named if collisions[0].startswith(name)][:2]
        raise DataError(
            f"{first} and {second} would both be written as {collisions[0]}; expected unique "
            "names. Predict them separately, into different folders."
        )


def _require_apart(named: list[tuple[Path, str]], target: Path) -> None:
    for file, name in named:
        if file.resolve().parent == target and file.stem == name:
            raise DataError(
                f"the mask of {file} would be written to its folder under the same name; expected "
                "another folder. Pass another --out."
            )


def image_files(folder: Path) -> list[Path]:
    """All image files below a folder, sorted by path."""
    return [f for f in files_in(folder) if is_image(f)]


def folders_in(folder: Path) -> list[Path]:
    """The subfolders of a folder, sorted by name; hidden ones are skipped."""
    return sorted(d for d in folder.iterdir() if d.is_dir() and not is_hidden(d.name))


def files_in(folder: Path) -> list[Path]:
    """All files below a folder, sorted by path; hidden ones are skipped, links are followed."""
    found: list[Path] = []
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        place = os.path.realpath(parent)
        if place in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(place)
        folders[:] = [name for name in folders if not is_hidden(name)]
        found += [Path(parent, name) for name in files if not is_hidden(name)]
    return sorted(found)


def is_hidden(name: str) -> bool:
    """Whether a file or folder belongs to the system."""
    return name.startswith(".") or name.lower() in SYSTEM


def composed(name: str) -> str:
    """A name as it is compared: systems write accents in one character or in two."""
    return unicodedata.normalize("NFC", name)
