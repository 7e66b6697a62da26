"""The images that a caller names: files, folders of them, and zarr folders."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from canon.data.folders import image_files
from canon.errors import DataError

ZARR = ("zarr.json", ".zarray", ".zgroup")  # what a zarr folder holds


def is_zarr(path: Path) -> bool:
    """Whether a folder is one image."""
    return any((path / name).is_file() for name in ZARR)


def files_of(path: Path) -> list[Path]:
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


def listed(paths: Iterable[str | Path], out: Path) -> list[tuple[Path, str]]:
    """The images of all paths, and a name for the files made of each; no two have the same.

    Args:
        paths: files and folders.
        out: where the files are written; what is there is not an image to look at.

    Raises:
        DataError: no such path, no image below a folder, or two images that would be one.
    """
    named: list[tuple[Path, str]] = []
    for path in map(Path, paths):
        for file in files_of(path):
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
