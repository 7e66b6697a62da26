"""What a clustering writes: a table of assignments, a folder for each cluster, contact sheets."""

import csv
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from canon.data import ImagePack, Split
from canon.data.targets.labels import Labels
from canon.reports.thumbnails import to_8_bits
from canon.tasks.clustering.pictures import contact_sheet
from canon.tasks.clustering.pipeline import Clustering
from canon.utils.files import atomic_write

ASSIGNMENTS, CLUSTERS, SHEETS = "assignments.csv", "clusters", "sheets"


def write_assignments(folder: Path, split: Split, found: Clustering) -> Path:
    """One line for each image: file, cluster, confidence, distance, and label if there is one."""
    path, targets = folder / ASSIGNMENTS, split.targets
    head = ["file", "cluster", "confidence", "distance"]
    columns: list[Sequence[object]] = [
        split.images.names,
        found.labels.tolist(),
        [f"{value:.6f}" for value in found.confidence],
        [f"{value:.6f}" for value in found.distances],
    ]
    if isinstance(targets, Labels):
        head.append("label")
        columns.append([targets.classes[i] for i in targets.values])
    with (
        atomic_write(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([head, *zip(*columns, strict=True)])
    return path


def write_sheets(
    folder: Path, pack: ImagePack, found: Clustering, k: int
) -> dict[str, Image.Image]:
    """A contact sheet for each cluster, written as PNG; an empty cluster has none."""
    sheets = {}
    (folder / SHEETS).mkdir(exist_ok=True)
    for cluster in range(k):
        members = np.flatnonzero(found.labels == cluster)
        if len(members):
            name = _numbered(cluster, k)
            sheets[name] = contact_sheet(pack, members, found.distances)
            with atomic_write(folder / SHEETS / f"{name}.png") as temporary:
                sheets[name].save(temporary, "PNG")
    return sheets


def write_folders(
    folder: Path, split: Split, pack: ImagePack, found: Clustering, k: int, *, copy: bool
) -> bool:
    """A folder for each cluster with links to its images, or copies; whether there are any.

    Images in memory have no files to link to: they are written as PNG only with `copy`.
    """
    files, whole = split.images.files, folder / CLUSTERS
    if not files and not copy:
        return False
    temporary = folder / f".{CLUSTERS}"
    shutil.rmtree(temporary, ignore_errors=True)
    for cluster in range(k):
        (temporary / _numbered(cluster, k)).mkdir(parents=True)
    names = _unique(split.images.names if files else [f"{i}.png" for i in range(len(pack))])
    for i, (name, cluster) in enumerate(zip(names, found.labels.tolist(), strict=True)):
        place = temporary / _numbered(cluster, k) / name
        if not files:
            pixels = to_8_bits(pack.image(i))
            Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(place)
        else:
            _put(files[i], place, copy=copy)
    shutil.rmtree(whole, ignore_errors=True)
    temporary.rename(whole)
    return True


def _put(file: Path, place: Path, *, copy: bool) -> None:
    if not copy:
        try:
            place.symlink_to(file.resolve())
        except FileExistsError:
            raise
        except OSError:  # a system or a disk without links
            copy = True
    if copy:
        with file.open("rb") as source, place.open("xb") as target:  # never over another file
            shutil.copyfileobj(source, target)


def _numbered(cluster: int, k: int) -> str:
    """The number of a cluster with leading zeros, so that folders are in its order."""
    return str(cluster).zfill(len(str(k - 1)))


def _unique(names: Sequence[str]) -> list[str]:
    """A file name for each image, different on every disk: small letters or capitals are the same.

    Names that several have get the folders above them, and a number where that is not enough.
    """
    short = [Path(name).name for name in names]
    counts = Counter(name.casefold() for name in short)
    root = os.path.commonpath([str(Path(name).parent) for name in names])
    taken: set[str] = set()
    found = []
    for name, own in zip(names, short, strict=True):
        several = counts[own.casefold()] > 1
        wanted = "-".join(Path(os.path.relpath(name, root)).parts) if several else own
        found.append(_free(wanted, taken))
        taken.add(found[-1].casefold())
    return found


def _free(wanted: str, taken: set[str]) -> str:
    """The name, of at most 200 characters, with a number if it is taken."""
    path = Path(wanted)
    stem, number = path.stem[:200], 1
    name = f"{stem}{path.suffix}"
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}{path.suffix}"
    return name
