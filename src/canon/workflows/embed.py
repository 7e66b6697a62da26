"""The codes of images: what a trained network turns them into."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from canon.data import BUILT_IN, Preprocessing
from canon.data.images.collection import ArrayImages, FileImages, Images
from canon.data.images.listing import find_images
from canon.data.preprocessing import tensor_of
from canon.data.sources.open import open_data
from canon.data.types import Pixels
from canon.errors import DataError, InputError, require_positive
from canon.layers.clusters import code_of
from canon.layers.stages import eval_mode
from canon.runs.ensemble import EnsembleRun
from canon.runs.exported import ExportedRun, open_model
from canon.runs.folder import Run
from canon.utils.devices import make_accelerator, to_device
from canon.utils.progress import Step, Watch
from canon.utils.tables import counted


@dataclass(frozen=True)
class Embedding:
    """The codes of images.

    Args:
        names: a path, or a position such as `#17`, for each image.
        codes: (N, D) float32.
        faults: why files were left out.
    """

    names: tuple[str, ...]
    codes: NDArray[np.float32]
    faults: tuple[str, ...] = ()


def embed(
    run: Run | str | Path,
    paths: str | Path | Iterable[str | Path],
    *,
    stage: str | None = None,
    batch: int = 64,
    skip_bad: bool = False,
    device: str = "auto",
    watch: Watch = lambda _: None,
) -> Embedding:
    """The codes of files, of all images in folders, or of the images of a dataset.

    A clustering or an auto-encoder gives its codes, another network the output of its last stage.
    Maps are averaged.

    Args:
        run: the run, its folder, or an exported file.
        paths: files, folders of images, npz files, or names of datasets; one or several.
        stage: another stage of the network, by name.
        batch: images at a time.
        skip_bad: leave unreadable images out instead of stopping.
        device: where to run.
        watch: called after each batch.

    Raises:
        DataError: a path that does not exist, or an unreadable image.
        InputError: the network has no such stage.
    """
    require_positive(batch=batch)
    run = run if isinstance(run, Run) else open_model(run)
    several = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not several:
        raise InputError("no images to embed; expected paths. Pass files or folders.")
    devices = make_accelerator(device)
    code = to_device(_code(run, stage), devices.device)
    prep = run.preprocessing
    sources = [_images(path, several=len(several) > 1) for path in several]
    listed = [(images, i) for images in sources for i in range(len(images))]
    names: list[str] = []
    faults: list[str] = []
    chunks: list[NDArray[np.float32]] = []
    for start in range(0, len(listed), batch):
        found = _read(listed[start : start + batch], prep, skip_bad, faults)
        if found:
            names += [name for name, _ in found]
            raw = torch.stack([tensor_of(pixels) for _, pixels in found]).to(devices.device)
            with eval_mode(code), devices.autocast():
                chunks.append(code(prep.evaluation(raw)).float().cpu().numpy())
        watch(Step("predict", 0, min(start + batch, len(listed)), len(listed)))
    if not chunks:
        raise DataError(
            f"none of {counted(len(listed), 'image')} can be read; expected one that can. Pass "
            f"other paths. {' '.join(faults[:1])}"
        )
    return Embedding(tuple(names), np.concatenate(chunks), tuple(faults))


def _code(run: Run, stage: str | None) -> nn.Module:
    """The network that gives the codes.

    Raises:
        InputError: an ensemble, or a stage that the network or file does not have.
    """
    if isinstance(run, EnsembleRun):
        raise InputError(
            f"{run.path} is an ensemble, whose members have codes of their own; expected a single "
            "network. Pass a member."
        )
    if isinstance(run, ExportedRun) and stage is not None:
        raise InputError(
            f"{run.path} is an exported file, which has no stages; expected no --stage, or a run "
            "folder. Remove the flag."
        )
    return code_of(run.network(), stage)


def _images(path: str | Path, *, several: bool) -> Images:
    """The images of a dataset, or those of a file or a folder; of several, names have the path."""
    files = [] if str(path) in BUILT_IN or Path(path).suffix == ".npz" else _files(Path(path))
    if files:
        return FileImages.of(files)
    images = open_data(path, labels=False).joined().images
    if several and isinstance(images, ArrayImages):
        return replace(images, names=tuple(f"{path}{name}" for name in images.names))
    return images


def _read(
    listed: list[tuple[Images, int]], prep: Preprocessing, skip_bad: bool, faults: list[str]
) -> list[tuple[str, Pixels]]:
    """Names and stored squares of images; adds the faults of those that are left out."""
    found = []
    for images, i in listed:
        name = images.names[i]
        try:
            square = prep.read(images.files[i]) if images.files else prep.fit(images[i], name)
        except DataError as error:
            if not skip_bad:
                raise
            faults.append(str(error))
        else:
            found.append((name, square))
    return found


def _files(path: Path) -> list[Path]:
    """A file, or those of a folder; none if it holds images otherwise: idx, CIFAR batches."""
    try:
        return find_images(path)
    except DataError:
        if not path.is_dir():
            raise
        return []
