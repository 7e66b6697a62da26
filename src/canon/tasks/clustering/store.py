"""First clusters on disk, so that a resumed clustering does not look for them again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from canon.tasks.clustering.starts import FirstClusters
from canon.utils.files import atomic_write


def stored(folder: Path | None, name: str, compute: Callable[[], FirstClusters]) -> FirstClusters:
    """The clusters in a file of this name, or those that are computed and then written to it.

    Args:
        folder: of the file; None only computes.
        name: of the file, without its suffix.
        compute: gives the clusters.
    """
    if folder is None:
        return compute()
    path = folder / f"{name}.npz"
    if path.is_file():
        return _read(path)
    found = compute()
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        "labels": found.labels,
        "values": np.array(found.values),
        "criterion": np.array(found.criterion),
        "stability": np.array(found.stability),
    }
    if found.embedding is not None:
        arrays["embedding"] = found.embedding
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    return found


def _read(path: Path) -> FirstClusters:
    with np.load(path, allow_pickle=False) as arrays:
        return FirstClusters(
            arrays["labels"], str(arrays["criterion"]), tuple(arrays["values"].tolist()),
            float(arrays["stability"]), arrays.get("embedding"),
        )  # fmt: skip
