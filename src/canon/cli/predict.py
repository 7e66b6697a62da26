"""`canon predict`: the class of each image, or of each pixel."""

import csv
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from canon.cli.console import progress_bars, show
from canon.cli.flags import Switch, flag, several
from canon.utils.tables import counted

if TYPE_CHECKING:
    from canon.cli.console import ProgressBars
    from canon.runs.folder import Run
    from canon.tasks.base import Prediction
    from canon.utils.progress import Step
    from canon.utils.tables import Table
    from canon.workflows.prediction_file import PredictionFile


LISTED = 20  # files that could not be read, at the end
MANY, SHOWN = 8, 2  # columns of a table, and those that are printed of one that has more


@dataclass(frozen=True)
class Command:
    """Predict the classes or masks of images with the network of a run.

    A classifier prints the most probable classes of each image. A segmentation network writes a
    mask for each image into the folder --out. TIFF, OME-TIFF and zarr of any size are read and
    written one row of tiles at a time. An interrupted command resumes when it is repeated.

    Args:
        run: a run folder, or a file that `canon export` wrote.
        paths: images, and folders of images.
        out: the file for the table (.csv, .json, .jsonl or .parquet), or the folder for masks.
        explain: also write a heat map of each image into this folder: what speaks for its class
            (Grad-CAM; classification and clustering only).
        top: report this many of the most probable classes (classification only).
        format: file format of masks (segmentation only).
        tile: side of an output tile in pixels (segmentation only).
        overlay: also write each image with its mask drawn over it (segmentation only).
        probabilities: also write the probabilities of all classes (segmentation only).
        resume: also skip images whose masks are finished (segmentation only).
        batch: images, or tiles, at a time.
        device: auto, cpu, cuda, cuda:N or mps.
        engine: fastest takes the engine that `canon bench` has chosen for the run, if it has.
        skip_bad: report unreadable files and continue.
        json: print JSON.
        csv: print CSV.
    """

    run: tyro.conf.Positional[Path]
    paths: Annotated[tyro.conf.Positional[tuple[Path, ...]], several("PATH ...")]
    out: Annotated[Path | None, flag("FILE|DIR", "print the table, write masks to masks/")] = None
    explain: Annotated[Path | None, flag("DIR", "no heat maps")] = None
    top: Annotated[int, flag("K", "1")] = 1
    format: Annotated[
        Literal["png", "tif", "zarr"] | None,
        flag("{png,tif,zarr}", "png for PNG, JPEG and so on, else that of the image"),
    ] = None
    tile: Annotated[int | None, flag("SIDE", "chosen for the network")] = None
    overlay: Switch = False
    probabilities: Switch = False
    resume: Switch = False
    batch: Annotated[int | None, flag("N", "64 images, or 1 tile")] = None
    device: Annotated[str, flag("NAME", "auto")] = "auto"
    engine: Literal["fastest", "torch"] = "fastest"
    skip_bad: Switch = False
    json: Switch = False
    csv: Switch = False


def run(command: Command) -> int:
    """Print or write the predictions; 1 if files were skipped."""
    from canon.data.images.listing import by_suffix, other_files
    from canon.errors import InputError
    from canon.runs.exported import ExportedRun, open_model
    from canon.tasks.lookup import task_named

    if not command.paths:
        raise InputError("no images to predict; expected paths. Pass files or folders.")
    c, trained = command, open_model(command.run)
    writes = task_named(trained.record.task).writes_files
    if c.explain is not None and writes:
        raise InputError(
            "--explain is for classification and clustering, but the run is a segmentation; "
            f"expected no --explain. Run canon explain {c.run} IMAGE --target CLASS."
        )
    if c.explain is not None and isinstance(trained, ExportedRun):
        raise InputError(
            f"--explain needs the stages of a network, which {c.run} does not have: it is an "
            "exported file; expected a run folder. Pass the run."
        )
    file = None if writes or c.out is None else _prediction_file(c, c.out, trained)
    with progress_bars() as bars:
        made = _predict(c, trained, file, bars)
    faulty = _finish(c, file, made, trained)
    if c.explain is not None:
        with progress_bars() as bars:
            _write_heat_maps(trained, made, c.explain, c.device, bars)
        print(f"heat maps: {c.explain}", file=sys.stderr)
    if others := other_files(c.paths):
        files = counted(len(others), "file")
        print(f"{files} not read, in no known format: {by_suffix(others)}", file=sys.stderr)
    return 1 if faulty else 0


def _predict(
    c: Command, run: "Run", file: "PredictionFile | None", bars: "ProgressBars"
) -> "list[Prediction]":
    """The predictions; only those into a file that nothing else needs are not collected."""
    from canon.tasks.lookup import task_named
    from canon.workflows.predict import predict

    folder = (c.out or Path("masks")) if task_named(run.record.task).writes_files else None
    if file is not None and file.done:
        bars.print(f"{counted(len(file.done), 'image')} predicted before the interruption")

    def watch(step: "Step") -> None:
        if file is not None:
            file.flush()
        bars.at("predicting", step.done, step.batches)

    made: list[Prediction] = []
    for one in predict(
        run, c.paths, out=folder, top=c.top,
        format=c.format, tile=c.tile, overlay=c.overlay, probabilities=c.probabilities,
        resume=c.resume, batch=c.batch, skip_bad=c.skip_bad, device=c.device,
        engine=c.engine, done=file.done if file else (), note=bars.print, watch=watch,
    ):  # fmt: skip
        if file is not None:
            file.add(one)
        if file is None or c.explain is not None:
            made.append(one)
        for fault in one.faults:
            bars.print(f"left out: {fault}")
    return made


def _prediction_file(command: Command, out: Path, run: "Run") -> "PredictionFile":
    """The table in a file; with heat maps it starts anew, as they are made of all predictions."""
    from canon.workflows.predict import prediction_columns
    from canon.workflows.prediction_file import PredictionFile

    columns = prediction_columns(run, command.top)
    key = f"{run.trained_key()} top {command.top}"
    return PredictionFile(out, columns, "" if command.explain else key)


def _finish(
    command: Command, file: "PredictionFile | None", made: "list[Prediction]", run: "Run"
) -> bool:
    """Write or print the table; whether files could not be read."""
    from canon.workflows.predict import prediction_table

    if file is None:
        _output(command, made, prediction_table(run, made, command.top))
        faults = [str(one.path) for one in made if one.faults]
    else:
        faults = file.finish()
    if len(faults) > 1:
        print(f"{counted(len(faults), 'file')} left out:", file=sys.stderr)
        for name in faults[:LISTED]:
            print(f"  {name}", file=sys.stderr)
        if len(faults) > LISTED:
            print(f"  and {len(faults) - LISTED:,} more", file=sys.stderr)
    return bool(faults)


def _write_heat_maps(
    run: "Run", made: "list[Prediction]", folder: Path, device: str, bars: "ProgressBars"
) -> None:
    """Explain every image that was predicted."""
    from canon.cli.explain import write_figure
    from canon.data.images.listing import name_outputs
    from canon.workflows.explain import explain
    from canon.workflows.explain_pictures import explanation

    names = dict(name_outputs([one.path for one in made if not one.faults], folder))
    for one in explain(
        run, names, device=device,
        watch=lambda step: bars.at("explaining", step.done, step.batches),
    ):  # fmt: skip
        write_figure(folder, names[one.path], explanation(one))


def _output(command: Command, made: "list[Prediction]", table: "Table") -> None:
    if command.json:
        print(json.dumps([one.record() for one in made], indent=1))
    elif command.csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([table.head, *table.rows])
    else:
        show(
            replace(table, columns=table.columns[:SHOWN], rows=tuple(r[:SHOWN] for r in table.rows))
            if len(table.columns) > MANY
            else table
        )
