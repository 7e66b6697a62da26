"""Find image files below a path, and name the outputs for them."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from canon.data.images.reader import is_image
from canon.errors import DataError

ZARR = ("zarr.json", ".zarray", ".zgroup")  # one of them is in every zarr folder


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


def name_outputs(paths: Iterable[str | Path], out: Path) -> list[tuple[Path, str]]:
    """The images of all paths, and a unique output name for each.

    Args:
        paths: files and folders.
        out: folder of the outputs; images in it are skipped.

    Raises:
        DataError: a path does not exist or contains no image, or two outputs would collide.
    """
    named: list[tuple[Path, str]] = []
    for path in map(Path, paths):
        for file in find_images(path):
            if path.is_dir() and out.resolve() in file.resolve().parents:
                continue
            inside = file.relative_to(path) if file != path else Path(file.name)
            named.append((file, "-".join(inside.with_suffix("").parts)))
    files = (name + more for _, name in named for more in ("", "-overlay", "-probabilities"))
    collisions = [name for name, count in Counter(files).items() if count > 1]
    if collisions:
        first, second = [file for file, name in named if collisions[0].startswith(name)][:2]
        raise DataError(
            f"{first} and {second} would both be written as {collisions[0]}; expected unique "
            "names. Predict them separately, into different folders."
        )
    return named


def image_files(folder: Path) -> list[Path]:
    """All image files below a folder, sorted by path."""
    return [f for f in files_in(folder) if is_image(f)]


def folders_in(folder: Path) -> list[Path]:
    """The subfolders of a folder, sorted by name; hidden ones are skipped."""
    return sorted(d for d in folder.iterdir() if d.is_dir() and not d.name.startswith("."))


def files_in(folder: Path) -> list[Path]:
    """All files below a folder, sorted by path; hidden ones are skipped."""
    found = (f for f in folder.rglob("*") if f.is_file())
    return sorted(
        f for f in found if not any(p.startswith(".") for p in f.relative_to(folder).parts)
    )
