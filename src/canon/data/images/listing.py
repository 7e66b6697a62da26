"""The image files below a path, and names for the files made from them."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from canon.data.images.reader import is_image
from canon.errors import DataError

ZARR = ("zarr.json", ".zarray", ".zgroup")  # what a zarr folder holds


def is_zarr(path: Path) -> bool:
    """Whether a folder is one image."""
    return any((path / name).is_file() for name in ZARR)


def find_images(path: Path) -> list[Path]:
    """A file, or all images below a folder.

    Raises:
        DataError: no such path, or no image below it.
    """
    if path.is_dir() and not is_zarr(path):
        found = [
            *image_files(path),
            *sorted(p for p in path.glob("*") if p.is_dir() and is_zarr(p)),
        ]
        if not found:
            raise DataError(f"{path} holds no image files; expected some. Give another folder.")
        return found
    if not path.exists():
        raise DataError(f"{path} does not exist; expected an image or a folder. Check the path.")
    return [path]


def name_outputs(paths: Iterable[str | Path], out: Path) -> list[tuple[Path, str]]:
    """The images of all paths, and a name for the files made of each; no two have the same.

    Args:
        paths: files and folders.
        out: where the files are written; what is there is not an image to look at.

    Raises:
        DataError: no such path, no image below a folder, or two images that would be one.
    """
    named: list[tuple[Path, str]] = []
    for path in map(Path, paths):
        for file in find_images(path):
            if path.is_dir() and out.resolve() in file.resolve().parents:
                continue
            inside = file.relative_to(path) if file != path else Path(file.name)
            named.append((file, "-".join(inside.with_suffix("").parts)))
    files = (name + more for _, name in named for more in ("", "-overlay", "-probabilities"))
    doubled = [name for name, count in Counter(files).items() if count > 1]
    if doubled:
        one, other = [file for file, name in named if doubled[0].startswith(name)][:2]
        raise DataError(
            f"{one} and {other} would both be written as {doubled[0]}; expected names of their "
            "own. Predict them one after the other, into different folders."
        )
    return named


def image_files(folder: Path) -> list[Path]:
    """All image files below a folder, in the order of their names."""
    return [f for f in files_in(folder) if is_image(f)]


def folders_in(folder: Path) -> list[Path]:
    """The folders directly inside one, without hidden ones, in the order of their names."""
    return sorted(d for d in folder.iterdir() if d.is_dir() and not d.name.startswith("."))


def files_in(folder: Path) -> list[Path]:
    """All files below a folder, without hidden ones, in the order of their names."""
    found = (f for f in folder.rglob("*") if f.is_file())
    return sorted(
        f for f in found if not any(p.startswith(".") for p in f.relative_to(folder).parts)
    )
