"""The classes of image files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from canon.data.images.listing import find_images
from canon.data.preprocessing import tensor_of
from canon.errors import DataError, InputError, require_positive
from canon.runs.folder import Run
from canon.runs.open import open_run
from canon.utils.devices import make_accelerator, to_device


@dataclass(frozen=True)
class Prediction:
    """What a run says of one file.

    Args:
        path: the file.
        classes: names of the likeliest classes, the likeliest first.
        probabilities: of each, fractions in [0, 1].
        fault: why the file could not be read, if it was skipped.
    """

    path: Path
    classes: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    fault: str | None = None


def predict(
    run: Run | str | Path,
    paths: Iterable[str | Path],
    *,
    top: int = 5,
    device: str = "auto",
    batch: int = 64,
    skip_bad: bool = False,
) -> Iterator[Prediction]:
    """What a run says of files, and of all image files below folders, in their order.

    Args:
        run: the run, or its folder.
        paths: files and folders.
        top: how many classes to name.
        device: where to run.
        batch: images at a time.
        skip_bad: say of an unreadable file why, instead of stopping there.

    Raises:
        DataError: a path that does not exist, a folder without images, an unreadable file.
        InputError: `top` is below one.
    """
    require_positive(top=top, batch=batch)
    run = run if isinstance(run, Run) else open_run(run)
    if run.values is not None:
        raise InputError(
            f"{run.model} gives each pixel a class, not each image; expected `canon predict`, or "
            "canon.predict_maps. Use one of them."
        )
    files = [file for path in paths for file in find_images(Path(path))]
    where = make_accelerator(device).device
    net = to_device(run.network(), where).eval()
    for start in range(0, len(files), batch):
        stored, faults = _read(run, files[start : start + batch], skip_bad)
        said = _predict_batch(run, net, stored, min(top, len(run.classes)), where) if stored else {}
        for file in files[start : start + batch]:
            yield said[file] if file in said else Prediction(file, fault=faults[file])


def _read(
    run: Run, files: list[Path], skip_bad: bool
) -> tuple[dict[Path, torch.Tensor], dict[Path, str]]:
    stored, faults = {}, {}
    for file in files:
        try:
            stored[file] = tensor_of(run.preprocessing.read(file))
        except DataError as reason:
            if not skip_bad:
                raise DataError(f"{reason} Or pass --skip-bad.") from None
            faults[file] = str(reason)
    return stored, faults


@torch.inference_mode()
def _predict_batch(
    run: Run, net: nn.Module, stored: dict[Path, torch.Tensor], top: int, where: torch.device
) -> dict[Path, Prediction]:
    x = run.preprocessing.evaluation(torch.stack(list(stored.values())).to(where))
    likely = net(x).float().softmax(1).topk(top)
    rows = zip(stored, likely.indices.tolist(), likely.values.tolist(), strict=True)
    return {
        file: Prediction(file, tuple(run.classes[i] for i in places), tuple(probabilities))
        for file, places, probabilities in rows
    }
