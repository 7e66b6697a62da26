"""`canon embed`: the codes of images, as a file."""

import csv
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from canon.cli.console import progress_bars
from canon.cli.flags import Switch, flag, several
from canon.errors import InputError
from canon.utils.files import atomic_write
from canon.utils.tables import require_table_format

if TYPE_CHECKING:
    from canon.workflows.embed import Embedding

FORMATS = (".npz", ".csv", ".parquet")


@dataclass(frozen=True)
class Command:
    """Write the codes of images: of a clustering, an auto-encoder, or a stage of any network.

    Args:
        run: a run folder, or a file that `canon export` wrote.
        paths: images, folders of images, npz files, or names of datasets.
        out: the file to write: .npz, .csv or .parquet.
        stage: the stage whose output is written (`canon show MODEL --by stage` lists them); maps
            are averaged.
        batch: images at a time.
        skip_bad: leave unreadable images out instead of stopping.
        device: auto, cpu, cuda, cuda:N or mps.
    """

    run: tyro.conf.Positional[Path]
    paths: Annotated[tyro.conf.Positional[tuple[str, ...]], several("PATH ...")]
    out: Annotated[Path, flag("FILE", "codes.npz")] = Path("codes.npz")
    stage: Annotated[str | None, flag("STAGE", "the code, or the last stage")] = None
    batch: Annotated[int, flag("N", "64")] = 64
    skip_bad: Switch = False
    device: Annotated[str, flag("NAME", "auto")] = "auto"


def run(command: Command) -> int:
    """Write the codes."""
    c = command
    if not c.paths:
        raise InputError("no images to embed; expected paths. Pass files or folders.")
    require_table_format(c.out, FORMATS, "codes.csv")
    from canon.workflows.embed import embed

    with progress_bars() as bars:
        found = embed(
            c.run, c.paths, stage=c.stage, batch=c.batch, skip_bad=c.skip_bad, device=c.device,
            watch=lambda step: bars.at("embedding", step.done, step.batches),
        )  # fmt: skip
    c.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(c.out) as temporary:
        _write(found, temporary, c.out.suffix)
    for fault in found.faults:
        print(f"left out: {fault}", file=sys.stderr)
    print(f"{len(found.names):,} codes of {found.codes.shape[1]:,} values: {c.out}")
    return 0


def _write(found: "Embedding", path: Path, suffix: str) -> None:
    head = [f"code{i}" for i in range(found.codes.shape[1])]
    if suffix == ".npz":
        numpy = import_module("numpy")
        with path.open("wb") as file:
            numpy.savez(file, names=numpy.array(found.names), codes=found.codes)
    elif suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["file", *head])
            writer.writerows(
                [n, *c] for n, c in zip(found.names, found.codes.tolist(), strict=True)
            )
    else:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        columns = {"file": list(found.names)} | dict(zip(head, found.codes.T, strict=True))
        parquet.write_table(pyarrow.table(columns), path)
