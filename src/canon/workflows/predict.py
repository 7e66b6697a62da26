"""Predict images with a trained run."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from canon.errors import InputError
from canon.inference.predictor import TorchPredictor
from canon.runs.exported import open_model
from canon.runs.folder import Run
from canon.tasks.base import Prediction, PredictOptions, require_options
from canon.tasks.lookup import TASKS, task_named
from canon.utils.devices import make_accelerator, to_device
from canon.utils.progress import Watch
from canon.utils.tables import Column, Table
from canon.workflows.optimize import fastest_network


def predict(
    run: Run | str | Path,
    paths: str | Path | Iterable[str | Path],
    *,
    out: str | Path | None = None,
    top: int = 1,
    format: Literal["png", "tif", "zarr"] | None = None,
    tile: int | None = None,
    overlay: bool = False,
    probabilities: bool = False,
    resume: bool = False,
    batch: int | None = None,
    skip_bad: bool = False,
    device: str = "auto",
    engine: Literal["fastest", "torch"] = "fastest",
    done: Iterable[str] = (),
    watch: Watch = lambda _: None,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[Prediction]:
    """Predict files, and all images in folders: classes of images, or masks written to a folder.

    Args:
        run: the run, its folder, or an exported file.
        paths: a file, a zarr folder or a folder of images, or several of them.
        out: the folder that masks are written to (segmentation).
        top: classes to name for each image (classification).
        format: of masks; None takes PNG for pictures, else the image's own (segmentation).
        tile: side of an output tile in pixels; None takes what suits the network (segmentation).
        overlay: write each image with its mask drawn over it (segmentation).
        probabilities: write the probabilities of all classes (segmentation).
        resume: skip images whose masks are finished (segmentation). An image that was interrupted
            is continued in any case.
        batch: images or tiles at a time; None means 64 images or 1 tile.
        skip_bad: report unreadable images and pages, and continue.
        device: where to run.
        engine: `fastest` takes the engine that `canon bench` has chosen for the run, if it has.
        done: paths of files to leave out: they have been predicted already.
        watch: called after each step.
        note: called with what the user should know.

    Raises:
        DataError: a path that does not exist, or an unreadable image that may not be skipped.
        InputError: an option of another task, masks that exist already, or a tile that does not fit
            into memory.
    """
    run, listed = run if isinstance(run, Run) else open_model(run), _paths(paths)
    folder = None if out is None else Path(out)
    masks = (format, tile, overlay, probabilities, resume)
    options = PredictOptions(folder, top, batch, *masks, skip_bad, frozenset(done))
    task = task_named(run.record.task)
    require_options(task, run.model, options, [*TASKS.values()])
    devices = make_accelerator(device)
    on_cpu = devices.device.type == "cpu"
    net = fastest_network(run, note) if engine == "fastest" and on_cpu else None
    if net is None:
        net = to_device(run.network(), devices.device)
    model = run.trained_model(net.eval())
    predictor = TorchPredictor(model.net, model.preprocessing, devices)
    yield from task.predict(model, predictor, listed, options, watch)


def _paths(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    several = [paths] if isinstance(paths, (str, Path)) else list(paths)
    for one in several:
        if not isinstance(one, (str, Path)):
            raise InputError(
                f"cannot predict a {type(one).__name__}; expected paths of image files or folders. "
                "Save the image to a file."
            )
    return [Path(one) for one in several]


def prediction_columns(run: Run, top: int = 1) -> tuple[Column, ...]:
    """The columns of a table of predictions."""
    return task_named(run.record.task).columns(run.classes, PredictOptions(top=top))


def prediction_table(run: Run, predictions: Sequence[Prediction], top: int = 1) -> Table:
    """Predictions as a table; cells that a prediction does not have are empty."""
    columns = prediction_columns(run, top)
    rows = (one.row() for one in predictions)
    return Table(columns, tuple((*row, *[None] * (len(columns) - len(row))) for row in rows))
